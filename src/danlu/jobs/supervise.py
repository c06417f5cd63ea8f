"""Looks after runs from outside: lists them, follows what one says, and stops one without ever hitting a stranger."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from danlu.errors import FailedError, UsageError
from danlu.jobs.background import held_by
from danlu.workspace.runs import Run, State, list_runs

_TAIL_BYTES = 65_536


@dataclass(frozen=True, kw_only=True, slots=True)
class RunLine:
    """One run at a glance. Times are seconds since the epoch; `seconds` is how long its last attempt took, so far."""

    name: str
    state: State
    started_at: float | None
    stage: str
    step: int | None
    total_steps: int | None
    loss: float | None
    seconds: float | None


def overview(runs: Path) -> list[RunLine]:
    """All runs of a workspace, oldest first."""
    return [_line(run) for run in list_runs(runs)]


def _line(run: Run) -> RunLine:
    card, state = run.card(), run.state()
    started = card.get("started_at")
    last = _last_step(run)
    ended = card.get("finished_at") or (time.time() if state == "running" else _last_sign_of_life(run))
    return RunLine(
        name=run.name,
        state=state,
        started_at=started,
        stage=str(card.get("stage") or ""),
        step=last.get("step"),
        total_steps=last.get("total_steps"),
        loss=last.get("loss"),
        seconds=round(ended - started, 1) if started and ended else None,
    )


def _last_step(run: Run) -> dict:
    """The newest Step among the last events; empty where there is none."""
    if not run.events.exists():
        return {}
    with run.events.open("rb") as file:
        file.seek(max(0, run.events.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode("utf-8", errors="replace").split("\n")
    for line in reversed(lines):
        if '"event": "step"' in line and line.startswith("{") and line.endswith("}"):
            return json.loads(line)
    return {}


def _last_sign_of_life(run: Run) -> float | None:
    return run.events.stat().st_mtime if run.events.exists() else None


def read_events(run: Run) -> list[str]:
    """The lines of the run's events so far; one cut off by a kill is left out, as readers of the file must."""
    if not run.events.exists():
        return []
    text = run.events.read_text(encoding="utf-8", errors="replace")
    return [line for line in text.split("\n") if _is_whole(line)]


def follow(run: Run, *, poll_seconds: float = 0.3) -> Iterator[str]:
    """The run's event lines, old and new, until no process has it any more."""
    position, rest = 0, b""
    while True:
        alive = run.is_at_work()  # asked before reading, so that the last words are not missed
        if run.events.exists():
            with run.events.open("rb") as file:
                file.seek(position)
                new = file.read()
            position += len(new)
            *lines, rest = (rest + new).split(b"\n")
            yield from (text for line in lines if _is_whole(text := line.decode("utf-8", errors="replace")))
        if not alive:
            return
        time.sleep(poll_seconds)


def _is_whole(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def stop_run(run: Run, *, force: bool = False, wait_seconds: float = 30.0) -> State:
    """Asks the run's processes to save and end (`force`: ends them at once), waits, and returns the state it left.

    Raises UsageError where no process has the run, FailedError where it is still at work after `wait_seconds`.
    """
    pid = owner(run)
    if pid is None:
        raise UsageError("run_not_at_work", where=str(run.folder), name=run.name, state=run.state())
    _signal_group(pid, signal.SIGKILL if force else signal.SIGTERM)
    deadline = time.monotonic() + wait_seconds
    while time.monotonic() < deadline:
        if not run.is_at_work():
            return _after_stop(run)
        time.sleep(0.05)
    raise FailedError("stop_slow", where=str(run.folder), name=run.name, pid=pid, seconds=int(wait_seconds))


def owner(run: Run) -> int | None:
    """The living process that has the run: it must hold the lock, and be older than the note of its number.

    A number that a killed process left and another one was given since belongs to a process younger than the note.
    """
    if not run.is_at_work():
        return None
    pid = held_by(run)
    try:
        noted = (run.folder / "pid").stat().st_mtime
        born = psutil.Process(pid).create_time() if pid else None
    except (OSError, psutil.Error):
        return None
    return pid if born is not None and born <= noted + 1.0 else None


def _signal_group(pid: int, number: int) -> None:
    """The whole group where the process leads one, so that its children end too; else the process alone."""
    if os.getpgid(pid) == pid:
        os.killpg(pid, number)
    else:
        os.kill(pid, number)


def _after_stop(run: Run) -> State:
    """A process that was ended without its last word still counts as cancelled: somebody asked for it."""
    if run.card()["state"] == "running":
        with run.at_work():
            run.update_card(state="cancelled", finished_at=time.time())
    return run.state()
