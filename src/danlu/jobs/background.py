"""Starts stages in a detached process that outlives the terminal, and returns once that process holds the run."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from danlu.errors import BusyError, FailedError
from danlu.jobs.record import log_path
from danlu.messages import current_language
from danlu.workspace import Workspace
from danlu.workspace.runs import Run

WORKER = (sys.executable, "-m", "danlu.jobs.worker")
_POLL_SECONDS = 0.05


def start_in_background(
    run: Run, workspace: Workspace, names: list[str], *, worker: tuple[str, ...] = WORKER, wait_seconds: float = 10.0
) -> int:
    """Starts `names` of the run in a worker and returns its process number.

    Raises BusyError where the run is at work already, FailedError where the worker ends before it holds the run.
    """
    with run.at_work():  # says so at once where another process has it
        pass
    log = log_path(run, "worker")
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [*worker, "--workspace", str(workspace.folder), "--run", run.name, "--stages", ",".join(names)]
    # A file, never a pipe: a pipe would kill the worker at its first word after this process is gone.
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "DANLU_LANG": current_language()},
        )
    _wait_until_held(run, process, log, wait_seconds)
    return process.pid


def _wait_until_held(run: Run, process: subprocess.Popen[bytes], log: Path, wait_seconds: float) -> None:
    """Returns when the worker has the run, or is still getting there after `wait_seconds`, or has ended well."""
    deadline = time.monotonic() + wait_seconds
    while time.monotonic() < deadline:
        code = process.poll()
        if code == 0 or held_by(run) == process.pid:
            return
        if code is not None:
            _explain_end(run, code, log)
        time.sleep(_POLL_SECONDS)


def held_by(run: Run) -> int | None:
    """The process number noted beside the run; it holds only while `run.is_at_work()`."""
    try:
        return int((run.folder / "pid").read_text())
    except (OSError, ValueError):
        return None


def _explain_end(run: Run, code: int, log: Path) -> None:
    if run.is_at_work():
        raise BusyError("run_busy", where=str(run.folder), name=run.name, pid=held_by(run) or "?")
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    raise FailedError("worker_ended", where=str(log), code=code, problem="\n".join(lines[-3:]))
