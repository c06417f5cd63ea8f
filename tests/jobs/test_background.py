"""Workers: detached, exclusive, stoppable, and never mistaken for a stranger; each test has real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from danlu.errors import BusyError, FailedError, UsageError
from danlu.jobs.background import start_in_background
from danlu.jobs.supervise import follow, overview, owner, stop_run
from danlu.recipe import parse_recipe
from danlu.workspace.runs import continue_or_create


def test_a_start_returns_once_the_worker_holds_the_run(run, workspace, worker, until):
    pid = start_in_background(run, workspace, ["freeze"], worker=worker("steady"))
    assert run.is_at_work() and owner(run) == pid
    assert os.getsid(pid) == pid
    until(run.events.exists)  # a stop before its first stage would leave nothing to save
    assert stop_run(run) == "cancelled"
    assert run.artifacts() == {"saved": "yes"}


def test_the_same_run_twice_is_refused_while_another_proceeds(run, workspace, worker, recipe, tmp_path):
    start_in_background(run, workspace, ["freeze"], worker=worker("steady"))
    with pytest.raises(BusyError) as caught:
        start_in_background(run, workspace, ["freeze"], worker=worker("quick"))
    assert caught.value.exit_code == 2
    text = "name: other\ndataset: {paths: [rows.jsonl]}\n"
    other = continue_or_create(workspace.runs, parse_recipe(text, path="o.yaml", folder=tmp_path, overrides=[]))
    start_in_background(other, workspace, ["freeze"], worker=worker("quick"))
    for _line in follow(other):
        pass
    assert other.state() == "succeeded"
    assert run.state() == "running"
    stop_run(run)


def test_a_worker_that_ends_before_it_has_the_run_is_explained(run, workspace):
    unlucky = (sys.executable, "-c", "print('no luck'); raise SystemExit(3)")
    with pytest.raises(FailedError) as caught:
        start_in_background(run, workspace, ["freeze"], worker=unlucky)
    assert "no luck" in caught.value.what
    assert caught.value.where.startswith(str(run.logs))


def test_a_killed_run_is_interrupted_and_can_be_taken_again(run, workspace, started, worker):
    process = started("steady")
    assert [line.state for line in overview(workspace.runs)] == ["running"]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    (line,) = overview(workspace.runs)
    assert (line.state, line.loss, line.total_steps) == ("interrupted", 2.5, 9999)
    start_in_background(run, workspace, ["freeze"], worker=worker("quick"))
    for _line in follow(run):
        pass
    assert run.state() == "succeeded"


def test_following_ends_with_the_run_and_misses_nothing(run, workspace, started):
    started("quick")
    lines = list(follow(run))
    assert lines == run.events.read_text().splitlines()
    assert '"done"' in lines[-1]


def test_a_line_cut_off_by_a_kill_is_passed_over(run, workspace):
    run.events.write_text('{"event": "progress", "done": 1, "total": 2, "unit": "files", "stage": "a"}\n{"ev')
    assert len(list(follow(run))) == 1


def test_sigint_leaves_an_interrupted_run_and_130(run, started):
    process = started("steady")
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert run.state() == "interrupted"


def test_sigterm_leaves_a_cancelled_run_and_143(run, started):
    process = started("steady")
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 143
    assert run.state() == "cancelled"


def test_a_second_signal_ends_a_stage_that_does_not_listen(run, started):
    process = started("stubborn")
    process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 143


def test_a_run_that_does_not_listen_is_named_and_can_be_forced(run, started):
    process = started("stubborn")
    with pytest.raises(FailedError) as caught:
        stop_run(run, wait_seconds=0.5)
    assert f"danlu runs stop {run.name} --force" in caught.value.hint
    assert stop_run(run, force=True) == "cancelled"
    assert process.wait(20) == -signal.SIGKILL


def test_a_run_that_is_not_at_work_cannot_be_stopped(run):
    with pytest.raises(UsageError):
        stop_run(run)


def test_a_recycled_process_number_is_never_signalled(run, until):
    """A killed worker left its number; a stranger has it now. Nobody holds the lock, so nobody is meant."""
    stranger = subprocess.Popen(["sleep", "60"])
    (run.folder / "pid").write_text(f"{stranger.pid}\n")
    run.update_card(state="running")
    with pytest.raises(UsageError):
        stop_run(run)
    assert stranger.poll() is None
    assert run.state() == "interrupted"
    stranger.kill()
    stranger.wait()


def test_a_process_younger_than_the_note_of_its_number_is_not_the_owner(run, started):
    """The lock is held, but the note is older than the process it names: it was written by someone before."""
    started("steady")
    stranger = subprocess.Popen(["sleep", "60"])
    (run.folder / "pid").write_text(f"{stranger.pid}\n")
    long_ago = time.time() - 3600
    os.utime(run.folder / "pid", (long_ago, long_ago))
    assert owner(run) is None
    stranger.kill()
    stranger.wait()


def test_a_worker_tells_a_mistake_in_its_log_and_exit_code(run, started):
    process = started("mistaken")
    assert process.wait(20) == 2
    assert "nobody" in process.stderr.read()
    assert run.state() == "failed"
