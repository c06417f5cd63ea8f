"""The stage `base`: the model to start from, found, fetched, or (the embedded `tiny`) pretrained on the spot."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from danlu.artifacts import Card, find_by_key, package_versions, publish, sha256_folder, write_card
from danlu.errors import InputError
from danlu.events import Done, Event, Progress, Saved
from danlu.workspace.dataset import Dataset
from danlu.workspace.lineage import TINY, base_key, dataset_of, open_base
from danlu.workspace.runs import Run
from danlu.workspace.store import Workspace


def base(run: Run, workspace: Workspace, stop: Callable[[], bool]) -> Iterator[Event]:
    """Yields progress, and records the folder of the base model."""
    dataset = dataset_of(run, workspace)
    key = base_key(run, dataset)
    with workspace.lock(f"base-{key[:12]}"):
        found = find_by_key(workspace.models, "model", key)
        if found is not None and open_base(found).folder.is_dir():
            run.record_artifact("base", found.relative_to(workspace.folder).as_posix())
            shutil.rmtree(run.checkpoints("base"), ignore_errors=True)  # left by a kill between the two
            yield Done(stage="base", reused=True, summary={"model": found.name})
        elif run.recipe.model.base == TINY:
            from danlu.training.tiny import build_tiny

            yield from build_tiny(run, workspace, dataset, key, stop)
        else:
            yield from _adopt(run, workspace, dataset, key)


def _adopt(run: Run, workspace: Workspace, dataset: Dataset, key: str) -> Iterator[Event]:
    """Notes a model that lies elsewhere: a folder of the user's, or the hub's cache, by the hash of its content."""
    from danlu.hub.resolve import resolve_model

    knobs = run.recipe.model
    yield Progress(done=0, total=1, unit="models")
    folder = resolve_model(knobs.base, knobs.revision).resolve()
    if not list(folder.glob("*.safetensors")):
        raise InputError("model_without_safetensors", where=str(folder))
    sha256 = sha256_folder(folder)
    name = f"{Path(knobs.base).name}@{sha256[:12]}"
    with publish(workspace.models / name) as staging:
        # The hub's cache keeps a revision under snapshots/COMMIT.
        revision = folder.name if folder.parent.name == "snapshots" else knobs.revision
        details = {"path": str(folder), "name": knobs.base, "revision": revision}
        card = Card(kind="model", name=name, sha256=sha256, key=key, versions=package_versions(), details=details)
        write_card(staging, card)
    run.record_artifact("base", f"models/{name}")
    yield Saved(kind="model", path=str(folder), sha256=sha256)
    yield Done(stage="base", summary={"model": name, "dataset": dataset.label})
