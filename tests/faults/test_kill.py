"""Killed with -9 in every stage or at random, or asked to stop: the same command carries on to the same hashes."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from small_path import COMMAND, Place, copied, fingerprints, leftovers, new_place

from danlu.artifacts import read_card, sha256_folder
from danlu.jobs.stages import STAGES

COMMAND_LINE = ("run", "clinic.yaml")
# After how many events of a stage it is killed. The short stages say a word only when they are done: those are killed
# once the run's card says that they are at work.
EVENTS_BEFORE_KILL = {"ingest": 2, "chunk": 2, "synthesize": 3, "base": 7, "train": 12, "evaluate": 3, "export": 1}
TRIES = 12


class Follower:
    """Reads the events that a run adds from now on, as they come."""

    def __init__(self, place: Place) -> None:
        self._card, self._events = place.run() / "card.json", place.run() / "events.jsonl"
        self._position = self._events.stat().st_size if self._events.exists() else 0
        self._rest = b""
        self.seen: list[dict] = []

    def look(self) -> None:
        if not self._events.exists():
            return
        with self._events.open("rb") as file:
            file.seek(self._position)
            new = file.read()
        self._position += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")
        self.seen += [json.loads(line) for line in lines]

    def stage(self) -> str:
        """The stage that the card names, in this attempt or the one before."""
        return json.loads(self._card.read_text())["stage"] if self._card.exists() else ""

    def count(self, stage: str) -> int:
        return sum(event["stage"] == stage for event in self.seen)

    def is_done(self, stage: str) -> bool:
        return any(event["stage"] == stage and event["event"] == "done" for event in self.seen)


def end_when(process: subprocess.Popen[str], condition: Callable[[], bool], number: int = signal.SIGKILL) -> int:
    """Sends the signal as soon as the condition holds; returns the exit code, also of a process that ended before."""
    deadline = time.monotonic() + 120
    while process.poll() is None and not condition():
        assert time.monotonic() < deadline, "the moment did not come within 120 seconds"
        time.sleep(0.001)
    process.send_signal(number)
    process.communicate(timeout=60)
    return process.returncode


def kill_in(place: Place, stage: str) -> bool:
    """Starts the command and kills it in this stage; whether it fell in the middle of it."""
    follower = Follower(place)
    wanted = EVENTS_BEFORE_KILL.get(stage)

    def now() -> bool:
        follower.look()
        return follower.stage() == stage if wanted is None else follower.count(stage) >= wanted

    code = end_when(place.start(*COMMAND_LINE), now)
    follower.look()
    return code == -signal.SIGKILL and follower.stage() == stage and not follower.is_done(stage)


@pytest.fixture(scope="module")
def killed(tmp_path_factory) -> Place:
    """One place through all the tests of this module, killed in one stage after the other."""
    return new_place(tmp_path_factory.mktemp("killed") / "place")


@pytest.mark.parametrize("stage", STAGES)
def test_a_kill_in_this_stage_leaves_nothing_that_looks_finished(killed, stage, tmp_path):
    """A kill that falls a moment too late is undone from a copy and tried again."""
    before = copied(killed, tmp_path / "before")
    hit = False
    for _ in range(TRIES):
        hit = kill_in(killed, stage)
        if hit:
            break
        shutil.rmtree(killed.folder)
        copied(before, killed.folder)
    assert hit, f"{TRIES} kills all missed {stage}"
    assert killed.danlu("runs", "list", "--json").json["runs"][0]["state"] == "interrupted"
    check_published(killed)


def test_after_a_kill_in_every_stage_all_hashes_are_those_of_an_uninterrupted_run(killed, finished):
    killed.done(*COMMAND_LINE)
    assert fingerprints(killed) == fingerprints(finished[0])
    assert leftovers(killed) == []
    assert list(killed.run().glob("checkpoints/*/*")) == []


def check_published(place: Place) -> None:
    """Every folder with its final name is whole."""
    for kind in ("datasets", "models", "exports"):
        for folder in (place.workspace / kind).glob("[!.]*"):
            assert read_card(folder).sha256 == sha256_folder(folder), folder


def at_step(place: Place, stage: str, step: int) -> Callable[[], bool]:
    follower = Follower(place)

    def now() -> bool:
        follower.look()
        return any(one["stage"] == stage and one.get("step", 0) >= step for one in follower.seen)

    return now


def test_asked_to_stop_it_saves_and_a_damaged_checkpoint_is_passed_over(place, finished):
    code = end_when(place.start(*COMMAND_LINE), at_step(place, "base", 3), signal.SIGTERM)
    assert (code, place.card()["state"]) == (143, "cancelled")
    code = end_when(place.start(*COMMAND_LINE), at_step(place, "train", 4), signal.SIGINT)
    assert (code, place.card()["state"]) == (130, "interrupted")
    assert leftovers(place) == []

    *_, newest = sorted(place.run().glob("checkpoints/train/step-*"))
    weights = newest / "trained.safetensors"
    weights.write_bytes(weights.read_bytes()[:-7] + b"garbage")
    resumed = place.done(*COMMAND_LINE, "--json")
    (warning,) = (one for one in resumed.json["warnings"] if one["reason"] == "checkpoint_damaged")
    assert warning["params"]["path"] == str(newest)
    assert "carrying on from the last good one" in resumed.err
    assert fingerprints(place) == fingerprints(finished[0])


def test_two_processes_die_with_the_one_that_started_them_and_carry_on_to_the_losses_of_one(copy):
    """Left alone they would write the same checkpoints as those that the same command starts next."""
    command = ("train", "clinic.yaml", "train.processes=2")
    process = copy.start(*command)
    ranks: list[psutil.Process] = []

    def now() -> bool:
        if sum('"step"' in line for line in lines_of(copy.run("clinic-2") / "rank0.jsonl")) < 3:
            return False
        ranks.extend(psutil.Process(process.pid).children())
        return True

    assert end_when(process, now) == -signal.SIGKILL
    assert len(ranks) == 2
    assert psutil.wait_procs(ranks, timeout=20)[1] == []
    copy.done(*command)
    one, two = (losses(copy.events(name)) for name in ("clinic-1", "clinic-2"))
    assert max(two) == max(one) == 12
    # What rank 0 had said but the killed process had not yet written down is not said again.
    assert two == pytest.approx({step: one[step] for step in two}, rel=1e-4)
    assert len(two) > 6


def losses(events: list[dict]) -> dict[int, float]:
    """The loss of every training step; of a step that was repeated, the last."""
    return {event["step"]: event["loss"] for event in events if event["event"] == "step" and event["stage"] == "train"}


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split("\n") if path.exists() else []


def test_a_run_killed_at_its_birth_is_filled_by_the_next_attempt(place):
    """Its folder is there, its card is not."""
    (place.run() / "logs").mkdir(parents=True)
    assert place.done("ingest", "clinic.yaml", "--json").json["run"] == "clinic-1"


KILLED_MIGRATION = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import event
from sqlalchemy.engine import Engine
from danlu.workspace import Workspace

statements = []

@event.listens_for(Engine, "after_cursor_execute")
def kill(connection, cursor, statement, *_):
    statements.append(statement)
    if sum(one.lstrip().startswith("CREATE") for one in statements) == 4:
        os.kill(os.getpid(), signal.SIGKILL)

Workspace(Path(sys.argv[1])).rows
"""


def test_a_kill_while_the_database_is_made_leaves_none_of_it(place):
    killed = subprocess.run([COMMAND[0], "-c", KILLED_MIGRATION, str(place.workspace)], capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    place.done("ingest", "clinic.yaml")


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_two_hundred_kills_at_random_moments_change_nothing(finished, tmp_path):
    """A little after the n-th event of an attempt, or after a time: so kills fall into work and into starting."""
    draw = random.Random(20250701)
    expected = fingerprints(finished[0])
    kills, number, place = 0, 0, new_place(tmp_path / "0")
    while kills < 200:
        follower = Follower(place)
        if draw.random() < 0.7:
            events, pause = draw.randint(0, 70), draw.uniform(0, 0.05)
        else:
            events, pause = 0, draw.uniform(0, 8)
        moment: list[float] = []

        def now(follower=follower, events=events, pause=pause, moment=moment) -> bool:
            follower.look()
            if len(follower.seen) >= events and not moment:
                moment.append(time.monotonic() + pause)
            return bool(moment) and time.monotonic() >= moment[0]

        code = end_when(place.start(*COMMAND_LINE), now)
        assert code in (0, -signal.SIGKILL), (code, place.folder)
        if code == 0:
            assert fingerprints(place) == expected, f"after {kills} kills"
            assert leftovers(place) == []
            shutil.rmtree(place.folder)
            number += 1
            place = new_place(tmp_path / str(number))
        else:
            kills += 1
            check_published(place)
    place.done(*COMMAND_LINE)
    assert fingerprints(place) == expected
