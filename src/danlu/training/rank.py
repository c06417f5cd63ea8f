"""One rank of a data-parallel training: `python -m danlu.training.rank WORKSPACE RUN`, started by `launch`."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path

from danlu.artifacts import as_disk_error
from danlu.errors import DanluError
from danlu.events import to_json
from danlu.training.distributed import World, join_world
from danlu.training.train import Inputs, train_here
from danlu.workspace.lineage import base_of, dataset_of, train_key
from danlu.workspace.runs import Run, open_run
from danlu.workspace.store import Workspace


def main(folder: str, name: str) -> int:
    """Trains and returns the exit code; rank 0 writes its events to runs/NAME/rank0.jsonl.

    SIGTERM saves a checkpoint and ends. A mistake that can be explained goes to runs/NAME/rank_error.json.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    stopped: list[bool] = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    workspace = Workspace(Path(folder))
    run = open_run(workspace.runs, name)
    world = join_world()
    try:
        _train(run, workspace, world, stopped)
    except Exception as error:
        known = error if isinstance(error, DanluError) else as_disk_error(error)
        if known is None:
            raise
        if world.is_first:
            (run.folder / "rank_error.json").write_text(_as_json(known), encoding="utf-8")
        return known.exit_code
    return 0


def _train(run: Run, workspace: Workspace, world: World, stopped: list[bool]) -> None:
    dataset, base = dataset_of(run, workspace), base_of(run, workspace)
    inputs = Inputs(dataset=dataset, base=base, key=train_key(run, workspace, dataset, base))
    with (run.folder / "rank0.jsonl" if world.is_first else Path("/dev/null")).open("a", encoding="utf-8") as file:
        for event in train_here(run, workspace, inputs, world, lambda: bool(stopped)):
            file.write(to_json(event) + "\n")
            file.flush()


def _as_json(error: DanluError) -> str:
    told = {"kind": type(error).__name__, "key": error.key, "where": error.where, "params": error.params}
    return json.dumps(told, ensure_ascii=False, default=str)


def _end_with_parent() -> None:
    """The parent holds the other end of stdin: once it is gone nobody follows this rank, and another may soon write."""
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
