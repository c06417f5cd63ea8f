"""One rank of a data-parallel training: `python -m danlu.training.rank WORKSPACE RUN`, started by `launch`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from danlu.events import to_json
from danlu.training.distributed import join_world
from danlu.training.train import Inputs, train_here
from danlu.workspace.lineage import base_of, dataset_of, train_key
from danlu.workspace.runs import open_run
from danlu.workspace.store import Workspace


def main(folder: str, name: str) -> None:
    """Trains; rank 0 writes its events to runs/NAME/rank0.jsonl. SIGTERM saves a checkpoint and ends."""
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    workspace = Workspace(Path(folder))
    run = open_run(workspace.runs, name)
    dataset, base = dataset_of(run, workspace), base_of(run, workspace)
    inputs = Inputs(dataset=dataset, base=base, key=train_key(run, dataset, base))
    world = join_world()
    with (run.folder / "rank0.jsonl" if world.is_first else Path("/dev/null")).open("a", encoding="utf-8") as file:
        for event in train_here(run, workspace, inputs, world, lambda: bool(stopped)):
            file.write(to_json(event) + "\n")
            file.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
