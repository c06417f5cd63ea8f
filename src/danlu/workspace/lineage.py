"""Which dataset, base model and adapter belong to a run: what it recorded, else what its recipe's hashes lead to.

Keys are known before the work, so a changed recipe finds every artifact that its change does not touch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from danlu.artifacts import find_by_key, key_of, read_card, sha256_folder
from danlu.errors import InputError
from danlu.workspace.dataset import Dataset, open_dataset
from danlu.workspace.runs import Run, open_run
from danlu.workspace.store import Workspace

TINY = "tiny"
# What stands beside an adapter's weights and says which run they came from: no part of their content.
NO_WEIGHTS = ("card.json", "loss_curve.png")
# Knobs of training that cannot change what is learned.
_HARMLESS = {"save_every", "keep_checkpoints"}


@dataclass(frozen=True, kw_only=True, slots=True)
class BaseModel:
    """A base model as a stage needs it: its label in the workspace, its folder of weights, the hash of those."""

    label: str
    folder: Path
    sha256: str


def dataset_of(run: Run, workspace: Workspace) -> Dataset:
    """The dataset the run froze, else the newest version of the recipe's. Raises InputError where there is none."""
    return open_dataset(workspace.datasets, run.artifacts().get("dataset") or run.recipe.dataset_name)


def base_key(run: Run, dataset: Dataset) -> str:
    """The key of the run's base: what `tiny` grows from, a folder and its listing, or the name and revision asked for.

    A folder whose files changed since is another base: it is hashed anew.
    """
    model = run.recipe.model
    if model.base == TINY:
        return key_of("tiny@1", model.tiny.model_dump(mode="json"), dataset.sha256)
    if Path(model.base).is_dir():
        return key_of("base-folder@1", model.base, _listing(Path(model.base)))
    return key_of("base@1", model.base, model.revision)


def _listing(folder: Path) -> list[tuple[str, int, int]]:
    """Name, size and time of every file: what changes when weights are replaced, without reading them."""
    files = ((path.relative_to(folder).as_posix(), path.stat()) for path in folder.rglob("*") if path.is_file())
    return sorted((name, stat.st_size, stat.st_mtime_ns) for name, stat in files)


def base_of(run: Run, workspace: Workspace) -> BaseModel:
    """The run's base model. Raises InputError where it was not made or fetched yet."""
    recorded = run.artifacts().get("base")
    folder = workspace.folder / recorded if recorded else None
    if folder is None:
        folder = find_by_key(workspace.models, "model", base_key(run, dataset_of(run, workspace)))
    if folder is None or not folder.is_dir():
        raise InputError("base_missing", where=str(workspace.models), name=run.recipe.model.base)
    return open_base(folder)


def open_base(folder: Path) -> BaseModel:
    """The base model of a folder with a card; the card's `path` points to weights that lie elsewhere."""
    card = read_card(folder)
    return BaseModel(label=card.name, folder=Path(str(card.details.get("path", folder))), sha256=card.sha256)


def train_key(run: Run, workspace: Workspace, dataset: Dataset, base: BaseModel) -> str:
    """The key of what training leaves; an adapter that is trained further counts by its content, not by its name."""
    knobs = run.recipe.train.model_dump(mode="json", by_alias=True, exclude=_HARMLESS)
    source = run.recipe.train.adapter.from_
    if source:
        knobs["adapter"]["from"] = sha256_folder(adapter_folder(source, workspace), leave_out=NO_WEIGHTS)
    return key_of("train@1", knobs, dataset.sha256, base.sha256)


def adapter_folder(name: str, workspace: Workspace) -> Path:
    """The adapter that a recipe's `train.adapter.from` names: a folder, or what a run's training left.

    Raises InputError where there is none.
    """
    folder = Path(name)
    if not folder.is_dir():
        run = open_run(workspace.runs, name)
        folder = workspace.folder / run.artifacts().get("adapter", f"runs/{run.name}/adapter")
    if not (folder / "adapter_config.json").is_file():
        raise InputError("adapter_none", where=str(folder))
    return folder


def adapter_of(run: Run, workspace: Workspace) -> Path:
    """The folder that the run's training left. Raises InputError where it has not been trained."""
    recorded = run.artifacts().get("adapter")
    if recorded:
        return workspace.folder / recorded
    dataset = dataset_of(run, workspace)
    key = train_key(run, workspace, dataset, base_of(run, workspace))
    folder = find_by_key(workspace.runs, "adapter", key)
    if folder is None:
        raise InputError("adapter_missing", where=str(workspace.runs), name=run.name)
    return folder
