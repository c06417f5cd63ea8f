"""The stage `export`: the tuned model as a folder that plain transformers loads, checked before it gets its name.

base + adapter -> merged files, tokenizer, template -> loaded and compared -> exports/RUN
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from danlu.artifacts import Card, find_by_key, key_of, package_versions, publish, read_card, sha256_folder, write_card
from danlu.events import Done, Event, Progress, Saved, Warned
from danlu.exporting.agreement import Agreement, compare, prompts_of
from danlu.exporting.merge import Delta, Tensor, check_fit, list_tensors, plan_shards, read_deltas, write_shards
from danlu.models.tuned import is_whole_model
from danlu.workspace.dataset import Dataset
from danlu.workspace.lineage import BaseModel, adapter_of, base_of, dataset_of
from danlu.workspace.runs import Run
from danlu.workspace.store import Workspace

# What of a model's folder goes along: configuration, tokenizer, chat template, license. No code, no other weights.
_COPIED = ("*.json", "*.jinja", "*.model", "*.txt", "*.tiktoken", "tokenizer*", "LICENSE*", "NOTICE*")
_LEFT = ("card.json", "model.safetensors.index.json", "adapter_config.json")


class _StoppedError(Exception):
    """Leaves the staging folder unpublished."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs:
    """What is merged: `source` is the folder that the export is made from, the base or a whole tuned model."""

    dataset: Dataset
    base: BaseModel
    adapter: Path
    adapter_card: Card
    key: str

    @property
    def source(self) -> Path:
        """Where weights and configuration come from."""
        return self.adapter if is_whole_model(self.adapter) else self.base.folder


def export(run: Run, workspace: Workspace, stop: Callable[[], bool]) -> Iterator[Event]:
    """Yields progress in tensors; leaves exports/RUN."""
    inputs = _inputs(run, workspace)
    found = find_by_key(workspace.exports, "export", inputs.key)
    if found is None:
        found = workspace.exports / run.name
        try:
            yield from _publish(run, inputs, found, stop)
        except _StoppedError:
            return
        reused = False
    else:
        reused = True
    card = read_card(found)
    run.record_artifact("export", found.relative_to(workspace.folder).as_posix())
    if not reused:
        yield Saved(kind="export", path=str(found), sha256=card.sha256)
    summary = {"path": str(found), **{name: card.details[name] for name in ("max_difference", "files")}}
    yield Done(stage="export", reused=reused, summary=summary)


def _inputs(run: Run, workspace: Workspace) -> Inputs:
    dataset, base, adapter = dataset_of(run, workspace), base_of(run, workspace), adapter_of(run, workspace)
    card = read_card(adapter)
    key = key_of("export@1", card.sha256, base.sha256, run.recipe.export.model_dump(mode="json"))
    return Inputs(dataset=dataset, base=base, adapter=adapter, adapter_card=card, key=key)


def _publish(run: Run, inputs: Inputs, target: Path, stop: Callable[[], bool]) -> Iterator[Event]:
    """Writes, checks and only then publishes. Raises ModelError where the check fails; nothing is left then."""
    tensors = list_tensors(inputs.source)
    deltas: dict[str, Delta] = {} if is_whole_model(inputs.adapter) else read_deltas(inputs.adapter)
    check_fit(tensors, deltas, inputs.adapter)
    max_bytes = run.recipe.export.max_shard_gb * 1e9
    shards = plan_shards(tensors, max_bytes)
    oversized = [tensor for tensor in tensors if tensor.size_bytes > max_bytes]
    if oversized:
        params = {"largest_gb": f"{max(tensor.size_bytes for tensor in oversized) / 1e9:.3g}"}
        yield Warned(reason="shard_oversized", count=len(oversized), params=params)
    with publish(target) as staging:
        _copy_files(inputs.source, staging)
        for done in write_shards(shards, deltas, staging):
            yield Progress(done=done, total=len(tensors), unit="tensors")
            if stop():
                raise _StoppedError
        agreement = compare(
            inputs.base.folder,
            inputs.adapter,
            staging,
            prompts_of(inputs.dataset.samples("train")),
            weights=_dtype_of(tensors, deltas),
        )
        write_card(staging, _card(run, inputs, staging, agreement))


def _copy_files(source: Path, target: Path) -> None:
    files = {path for pattern in _COPIED for path in source.glob(pattern) if path.is_file()}
    for path in sorted(files):
        if path.name not in _LEFT and not path.name.startswith("."):
            shutil.copyfile(path, target / path.name)


def _dtype_of(tensors: list[Tensor], deltas: dict[str, Delta]) -> str:
    """The coarsest dtype among the merged weights; fp32 where nothing is merged, since copying rounds nothing."""
    merged = {tensor.dtype for tensor in tensors if tensor.name in deltas}
    return next((dtype for dtype in ("BF16", "F16") if dtype in merged), "F32")


def _card(run: Run, inputs: Inputs, folder: Path, agreement: Agreement) -> Card:
    sha256 = sha256_folder(folder)
    details = {
        "base": inputs.base.label,
        "adapter": inputs.adapter_card.name,
        "dataset": inputs.dataset.label,
        "max_difference": agreement.max_difference,
        "max_logit": agreement.max_logit,
        "bound": agreement.bound,
        "bound_is_relative": agreement.relative,
        "files": sorted(path.name for path in folder.iterdir()),
    }
    return Card(
        kind="export",
        name=run.name,
        sha256=sha256,
        key=inputs.key,
        parents={
            "adapter": inputs.adapter_card.sha256,
            "base": inputs.base.sha256,
            "dataset": inputs.dataset.sha256,
        },
        versions=package_versions(),
        details=details,
    )
