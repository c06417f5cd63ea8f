"""The stage `train`: a dataset and a base model in, an adapter (or a whole tuned model) out."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import PreTrainedModel

from danlu.artifacts import Card, find_by_key, package_versions, publish, read_card, sha256_folder, write_card
from danlu.errors import InputError
from danlu.events import Done, Event, Saved, Shown, Warned
from danlu.hardware.device import fast_dtype, peak_memory_bytes, pick_device, tokens_per_micro_batch
from danlu.models.adapters import add_lora, load_adapter, read_adapter_config, save_adapter
from danlu.models.load import load_model, load_tokenizer
from danlu.text.render import Renderer, show_mask
from danlu.training.checkpoint import Progress
from danlu.training.curve import draw_curve
from danlu.training.distributed import World
from danlu.training.loop import LoopSpec, is_finished, run_loop
from danlu.training.methods import METHODS
from danlu.training.prepare import Tokenized, tokenize
from danlu.training.schedule import StepOrder
from danlu.workspace.dataset import Dataset, check_dataset
from danlu.workspace.lineage import TINY, BaseModel, adapter_folder, base_of, dataset_of, train_key
from danlu.workspace.runs import Run
from danlu.workspace.store import Workspace

DEFAULT_RANK = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs:
    """What one training starts from."""

    dataset: Dataset
    base: BaseModel
    key: str


def train(run: Run, workspace: Workspace, stop: Callable[[], bool]) -> Iterator[Event]:
    """Yields steps, validation losses and checkpoints; leaves runs/NAME-N/adapter."""
    dataset, base = dataset_of(run, workspace), base_of(run, workspace)
    inputs = Inputs(dataset=dataset, base=base, key=train_key(run, workspace, dataset, base))
    found = find_by_key(workspace.runs, "adapter", inputs.key)
    if found is not None:
        run.record_artifact("adapter", found.relative_to(workspace.folder).as_posix())
        shutil.rmtree(run.checkpoints("train"), ignore_errors=True)  # left by a kill between the two
        yield Done(stage="train", reused=True, summary={"adapter": str(found), **read_card(found).details})
    elif run.recipe.train.processes > 1:
        from danlu.training.launch import train_in_processes

        yield from train_in_processes(run, workspace, stop)
    else:
        yield from train_here(run, workspace, inputs, World(), stop)


def train_here(
    run: Run, workspace: Workspace, inputs: Inputs, world: World, stop: Callable[[], bool]
) -> Iterator[Event]:
    """Trains in this process, alone or as one rank of a world; rank 0 writes."""
    knobs = run.recipe.train
    check_dataset(inputs.dataset)
    renderer = Renderer(load_tokenizer(inputs.base.folder))
    splits = {split: Tokenized() for split in ("train", "validation")}
    for split, tokenized in splits.items():
        yield from tokenize(
            inputs.dataset.samples(_source(knobs.method.kind, split)),
            METHODS[knobs.method.kind],
            renderer,
            max_length=knobs.max_length,
            too_long=knobs.too_long,
            dataset=f"{inputs.dataset.label}/{split}",
            into=tokenized,
        )
    samples = splits["train"].samples
    if not samples:
        raise InputError("nothing_to_train", where=inputs.dataset.label)
    yield Shown(title="trained_tokens", text=show_mask(renderer, samples[0]))

    device = pick_device()
    dtype = _dtype(knobs.precision, device)
    whole = knobs.adapter.kind == "none"
    model = load_model(inputs.base.folder, dtype=torch.float32 if whole else dtype, device=device)
    _check_positions(model, max(split.longest_kept for split in splits.values()))
    yield from _prepare_weights(model, run, workspace, inputs.base)
    steps_per_epoch = StepOrder(
        num_samples=len(samples), samples_per_step=knobs.samples_per_step, seed=knobs.seed
    ).steps_per_epoch
    spec = LoopSpec(
        method=METHODS[knobs.method.kind],
        knobs=knobs,
        total_steps=knobs.steps or math.ceil(steps_per_epoch * knobs.epochs),
        micro_batch_tokens=knobs.tokens_per_micro_batch or tokens_per_micro_batch(device),
        autocast=dtype if whole and dtype != torch.float32 else None,
        checkpoints=run.checkpoints("train"),
        key=inputs.key,
    )
    progress = Progress()
    for event in run_loop(model, samples, splits["validation"].samples, spec, world, stop):
        if isinstance(event, Progress):
            progress = event
        else:
            yield event
    if is_finished(progress, spec) and world.is_first:
        yield from _finish(run, workspace, inputs, model, progress)
        shutil.rmtree(spec.checkpoints, ignore_errors=True)


def _source(method: str, split: str) -> str:
    """Pretraining on a dataset made from documents reads their text, not the questions about them."""
    return "corpus" if method == "pretrain" and split == "train" else split


def _dtype(precision: str, device: torch.device) -> torch.dtype:
    named = {"fp32": torch.float32, "bf16": torch.bfloat16}
    return named.get(precision) or fast_dtype(device)


def _check_positions(model: PreTrainedModel, longest: int) -> None:
    """No sample may be longer than the positions the model knows."""
    known = model.config.max_position_embeddings
    if longest > known:
        raise InputError("beyond_positions", where=str(model.name_or_path), longest=longest, known=known)


def _prepare_weights(model: PreTrainedModel, run: Run, workspace: Workspace, base: BaseModel) -> Iterator[Event]:
    """Decides which weights are trained: all, fresh adapters, or an adapter that is trained further."""
    knobs = run.recipe.train.adapter
    if knobs.kind == "none":
        model.requires_grad_(True)
    elif knobs.from_:
        folder = adapter_folder(knobs.from_, workspace)
        _check_rank(run, folder)
        load_adapter(model, folder, dropout=knobs.dropout)
        grown_on = read_card(folder).parents.get("base") if (folder / "card.json").is_file() else None
        if grown_on and grown_on != base.sha256:
            yield Warned(reason="adapter_other_base", count=1, params={"adapter": str(folder), "base": base.label})
    else:
        rank = knobs.rank or DEFAULT_RANK
        add_lora(
            model,
            rank=rank,
            alpha=knobs.alpha or 2 * rank,
            dropout=knobs.dropout,
            targets=knobs.targets,
            seed=run.recipe.train.seed,
        )


def _check_rank(run: Run, folder: Path) -> None:
    """An adapter keeps its rank and alpha; a recipe that asks for others contradicts itself."""
    knobs = run.recipe.train.adapter
    config = read_adapter_config(folder)
    for name, asked, found in (("rank", knobs.rank, config["r"]), ("alpha", knobs.alpha, config["lora_alpha"])):
        if asked is not None and asked != found:
            raise InputError("adapter_rank", where=str(folder), name=name, asked=asked, found=found)


def _finish(
    run: Run, workspace: Workspace, inputs: Inputs, model: PreTrainedModel, progress: Progress
) -> Iterator[Event]:
    """Publishes the adapter with its card and curve, and says where it overfitted."""
    with publish(run.adapter) as staging:
        if run.recipe.train.adapter.kind == "none":
            model.save_pretrained(staging)
            load_tokenizer(inputs.base.folder).save_pretrained(staging)
        else:
            save_adapter(model, staging, base_name=_base_name(run, inputs.base))
        sha256 = sha256_folder(staging)
        draw_curve(run.events, staging / "loss_curve.png", title=run.name)
        card = Card(
            kind="adapter",
            name=run.name,
            sha256=sha256,
            key=inputs.key,
            parents={"base": inputs.base.sha256, "dataset": inputs.dataset.sha256},
            versions=package_versions(),
            details={
                "base": inputs.base.label,
                "dataset": inputs.dataset.label,
                "steps": progress.step,
                "loss": progress.last_loss,
                "validation_loss": progress.last_validation_loss,
                "best_step": progress.best_step,
            },
        )
        write_card(staging, card)
    run.record_artifact("adapter", run.adapter.relative_to(workspace.folder).as_posix())
    yield Saved(kind="adapter", path=str(run.adapter), sha256=sha256)
    if progress.overfitted:
        params = {
            "best_step": str(progress.best_step),
            "best_loss": f"{progress.best_loss:.4f}",
            "last_loss": f"{progress.last_validation_loss:.4f}",
        }
        yield Warned(reason="overfitting", count=1, params=params)
    summary = {
        "steps": progress.step,
        "loss": progress.last_loss,
        "validation_loss": progress.last_validation_loss,
        "best_step": progress.best_step,
        "seconds": progress.seconds,
        "trainable_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "peak_memory_bytes": peak_memory_bytes(model.device),
        "adapter": str(run.adapter),
    }
    yield Done(stage="train", summary=summary)


def _base_name(run: Run, base: BaseModel) -> str:
    """What an adapter calls its base: the recipe's name of it. `tiny` is named by its label, never by where it lies."""
    named = run.recipe.model.base
    return base.label if named == TINY else named
