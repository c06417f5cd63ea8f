"""Runs at work, waiting for a slow teacher: background, follow, stop, kill, the same run twice."""

from __future__ import annotations

import signal
import time

import pytest


@pytest.fixture
def waiting(danlu, recipe, slow_teacher):
    """Arguments of a `synthesize` that waits for its teacher's first word; its documents are read already."""
    knobs = f"base_url: '{slow_teacher.url}', model: m, timeout_seconds: 60, retries: 0, concurrency: 1"
    teacher = f"synthesize.teacher={{{knobs}}}"
    assert danlu("ingest", "clinic.yaml", teacher).code == 0
    return "synthesize", "clinic.yaml", teacher


def until_waiting(danlu):
    """Until the run is in its stage, where it waits."""
    deadline = time.monotonic() + 30
    while True:
        (run,) = danlu("runs", "list", "--json").json["runs"]
        if (run["state"], run["stage"]) == ("running", "synthesize"):
            return
        assert time.monotonic() < deadline


def test_a_killed_run_is_listed_as_interrupted(danlu, start, waiting):
    process = start(*waiting)
    until_waiting(danlu)
    process.kill()
    process.communicate()
    listed = danlu("runs", "list")
    assert "clinic-1  interrupted" in listed.out


def test_the_same_run_twice_is_2_while_another_proceeds(danlu, start, waiting):
    start(*waiting)
    until_waiting(danlu)
    again = danlu(*waiting)
    assert again.code == 2 and "clinic-1 is at work already" in again.err
    assert danlu(*waiting, "--background").code == 2
    other = danlu("run", "clinic.yaml", "--to", "freeze")
    assert other.code == 0 and "clinic-2: succeeded" in other.out


def test_a_background_run_is_followed_and_stopped(danlu, start, waiting, slow_teacher):
    begun = danlu(*waiting, "--background")
    assert (begun.code, begun.out) == (0, "clinic-1\n")
    until_waiting(danlu)
    follower = start("runs", "logs", "clinic-1", "-f")
    stopper = start("runs", "stop", "clinic-1", "--json")
    assert "Asking clinic-1" in stopper.stderr.readline()
    time.sleep(0.5)
    slow_teacher.speaks.set()  # what was under way is kept, nothing more is asked
    out, _ = stopper.communicate(timeout=30)
    assert stopper.returncode == 0 and '"state": "cancelled"' in out
    said, state = follower.communicate(timeout=30)
    assert follower.returncode == 0 and "Making questions and answers" in said and "clinic-1: cancelled" in state


def test_a_signal_lets_the_stage_save_and_the_same_command_carries_on(danlu, start, waiting, slow_teacher):
    process = start(*waiting)
    until_waiting(danlu)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    slow_teacher.speaks.set()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and "what it had done is saved" in err
    assert danlu("runs", "list", "--json").json["runs"][0]["state"] == "interrupted"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_twice_leaves_at_once_with_the_shells_code(start, waiting, slow_teacher, number, code):
    process = start(*waiting)
    assert slow_teacher.asked.wait(30)
    process.send_signal(number)
    while "once more to leave at once" not in (line := process.stderr.readline()):
        assert line, "it ended at the first signal"
    process.send_signal(number)
    _, err = process.communicate(timeout=10)
    assert process.returncode == code and "Traceback" not in err


def test_a_run_that_is_not_at_work_cannot_be_stopped(danlu, recipe):
    danlu("ingest", "clinic.yaml")
    outcome = danlu("runs", "stop", "clinic-1")
    assert outcome.code == 2 and "is not at work; its state is succeeded" in outcome.err


def test_runs_of_a_workspace_that_is_not_there_are_none(danlu, tmp_path):
    outcome = danlu("runs", "list", "--workspace", "nowhere", "--json")
    assert outcome.json["runs"] == [] and not (tmp_path / "nowhere").exists()
