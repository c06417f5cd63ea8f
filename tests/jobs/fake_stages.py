"""Stages for tests of jobs: one that ends, one that waits to be stopped, one per way to fail."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator

from danlu.errors import InputError
from danlu.events import Done, Event, Progress, Step, Warned
from danlu.workspace import Workspace
from danlu.workspace.runs import Run


def quick(run: Run, workspace: Workspace, stop: Callable[[], bool]) -> Iterator[Event]:
    """Two files, a warning, Done."""
    yield Progress(done=1, total=2, unit="files")
    yield Warned(reason="oversized_chunks", count=3, params={"max_chars": "1500"})
    run.record_artifact("dataset", "small@1")
    yield Done(stage="freeze", summary={"dataset": "small@1", "num_train": 8, "num_samples": 10})


def steady(run: Run, workspace: Workspace, stop: Callable[[], bool]) -> Iterator[Event]:
    """Steps on until it is asked to stop, then saves."""
    step = 0
    while not stop():
        step += 1
        yield Step(
            step=step, total_steps=9999, loss=2.5, learning_rate=1e-3, grad_norm=1.0, num_tokens=10, seconds=0.02
        )
        time.sleep(0.02)
    run.record_artifact("saved", "yes")


def stubborn(run: Run, workspace: Workspace, stop: Callable[[], bool]) -> Iterator[Event]:
    """Never listens."""
    while True:
        yield Progress(done=0, total=1, unit="files")
        time.sleep(0.02)


def mistaken(run: Run, workspace: Workspace, stop: Callable[[], bool]) -> Iterator[Event]:
    """The user's mistake."""
    yield Progress(done=0, total=1, unit="files")
    raise InputError("run_unknown", where="here", name="nobody")


def full_disk(run: Run, workspace: Workspace, stop: Callable[[], bool]) -> Iterator[Event]:
    """A library that met a full disk."""
    yield Progress(done=0, total=1, unit="files")
    raise OSError(errno.ENOSPC, "No space left on device")


def buggy(run: Run, workspace: Workspace, stop: Callable[[], bool]) -> Iterator[Event]:
    """A bug."""
    yield Progress(done=0, total=1, unit="files")
    raise ZeroDivisionError("division by zero")


def endless(run: Run, workspace: Workspace, stop: Callable[[], bool]) -> Iterator[Event]:
    """Ends without Done although nobody asked it to stop."""
    yield Progress(done=0, total=1, unit="files")


def again(run: Run, workspace: Workspace, stop: Callable[[], bool]) -> Iterator[Event]:
    """Has nothing to do."""
    yield Done(stage="freeze", reused=True, summary={"dataset": "small@1"})
