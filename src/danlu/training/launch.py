"""Starts one process per rank on this machine and passes on what rank 0 says; a rank that dies ends all."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from danlu.errors import ArtifactError, DanluError, DiskError, InputError, ModelError
from danlu.events import Event, from_json
from danlu.workspace.runs import Run
from danlu.workspace.store import Workspace

_POLL_SECONDS = 0.1
_ERRORS: dict[str, type[DanluError]] = {
    kind.__name__: kind for kind in (ArtifactError, DiskError, InputError, ModelError)
}


def train_in_processes(run: Run, workspace: Workspace, stop: Callable[[], bool]) -> Iterator[Event]:
    """Trains with `train.processes` ranks. Each is `python -m danlu.training.rank`; events come through a file."""
    size = run.recipe.train.processes
    events = run.folder / "rank0.jsonl"
    events.write_text("", encoding="utf-8")
    error_file = run.folder / "rank_error.json"
    error_file.unlink(missing_ok=True)
    environment = os.environ | {
        "WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(_free_port()),
        "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or size) // size)),
    }
    command = [sys.executable, "-m", "danlu.training.rank", str(workspace.folder), run.name]
    logs = [(run.logs / f"rank{rank}.log").open("ab") for rank in range(size)]
    ranks = [
        subprocess.Popen(
            command,
            env=environment | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdin=subprocess.PIPE,  # closed by the kernel if this process is killed: the rank then ends too
            stdout=logs[rank],
            stderr=logs[rank],
        )
        for rank in range(size)
    ]
    try:
        with events.open(encoding="utf-8") as lines:
            yield from _follow(ranks, lines, stop)
    finally:
        _end(ranks)
        for log, process in zip(logs, ranks, strict=True):
            log.close()
            process.stdin.close()
    failed = [rank for rank, process in enumerate(ranks) if process.returncode not in (0, -signal.SIGTERM)]
    if failed:
        _raise_as_told(error_file)
        raise ModelError("rank_failed", where=str(run.logs / f"rank{failed[0]}.log"), rank=failed[0])


def _follow(ranks: list[subprocess.Popen], lines, stop: Callable[[], bool]) -> Iterator[Event]:  # noqa: ANN001
    """Events until all ranks ended, or one failed. A stop is passed on once, and the ranks then save and end."""
    asked = False
    part = ""
    while True:
        running = any(process.poll() is None for process in ranks)
        while line := lines.readline():
            part += line
            if part.endswith("\n"):
                event, part = from_json(part), ""
                yield event
        if not running or any(process.poll() not in (None, 0) for process in ranks):
            return
        if stop() and not asked:
            asked = True
            for process in ranks:
                process.send_signal(signal.SIGTERM)
        time.sleep(_POLL_SECONDS)


def _end(ranks: list[subprocess.Popen]) -> None:
    for process in ranks:
        if process.poll() is None:
            process.terminate()
    for process in ranks:
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _raise_as_told(error_file: Path) -> None:
    """Raises what rank 0 could explain, as if it had happened in this process."""
    if error_file.is_file():
        told = json.loads(error_file.read_text(encoding="utf-8"))
        error_file.unlink()
        raise _ERRORS[told["kind"]](told["key"], where=told["where"], **told["params"])


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
