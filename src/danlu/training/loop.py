"""The training loop: one flat function for every method; packed, padding-free, exact under any batch split.

    for each step: its samples -> packed micro-batches -> summed losses / tokens of the whole step -> one optimizer step

Whatever decides the result is in the recipe and the step: killed at any point and started again, it gives the same
weights, bit for bit, on the same machine with the same number of threads.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from danlu.artifacts import sync
from danlu.errors import ModelError
from danlu.events import Evaluated, Event, Saved, Step, Warned
from danlu.models import attention
from danlu.models.score import score
from danlu.recipe.train import TrainKnobs
from danlu.text.collate import collate
from danlu.text.pack import pack
from danlu.text.render import TokenizedSample
from danlu.training.checkpoint import Progress, load_checkpoint, load_trained, save_checkpoint, trained_weights
from danlu.training.distributed import World
from danlu.training.methods import Method
from danlu.training.optimizer import build_optimizer, clip_gradients
from danlu.training.schedule import StepOrder, learning_rate_at


@dataclass(frozen=True, kw_only=True, slots=True)
class LoopSpec:
    """What a training is made of besides model and samples. `autocast` is the dtype of the forward pass, if any."""

    method: Method
    knobs: TrainKnobs
    total_steps: int
    micro_batch_tokens: int
    autocast: torch.dtype | None
    checkpoints: Path
    key: str


def run_loop(
    model: PreTrainedModel,
    samples: Sequence[TokenizedSample],
    validation: Sequence[TokenizedSample],
    spec: LoopSpec,
    world: World,
    stop: Callable[[], bool],
) -> Iterator[Event | Progress]:
    """Trains the weights that require a gradient; yields events, and last its Progress.

    Where `stop` turned true, the last thing is a checkpoint and a Progress short of `total_steps`. Raises ModelError
    where the gradients are no numbers any more; the last checkpoint stays as it was.
    """
    knobs = spec.knobs
    order = StepOrder(num_samples=len(samples), samples_per_step=knobs.samples_per_step, seed=knobs.seed)
    evaluate_every = knobs.evaluate_every or max(1, spec.total_steps // 10)
    save_every = knobs.save_every or max(1, spec.total_steps // 10)
    optimizer = build_optimizer(model, knobs)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    progress, damaged = load_checkpoint(spec.checkpoints, model, optimizer, key=spec.key)
    if damaged:
        yield Warned(reason="checkpoint_damaged", count=len(damaged), params={"path": str(damaged[0])})

    if validation and progress.step == 0:
        yield from _evaluate(model, validation, spec, progress, world)
    attention.use(model, packed=True)
    model.train()
    while not is_finished(progress, spec) and not world.any(stop()):
        started = time.monotonic()
        indices = order.indices(progress.step)
        num_tokens = sum(spec.method.count(samples[index]) for index in indices)
        mine = [samples[index] for index in indices[world.rank :: world.size]]
        torch.manual_seed(_noise_seed(knobs.seed, progress.step, world.rank))
        loss_sum = _accumulate_gradients(model, mine, num_tokens, spec)
        world.sum_gradients(trained)
        grad_norm = clip_gradients(trained, knobs.max_grad_norm)
        if not math.isfinite(grad_norm):
            raise ModelError("training_diverged", step=progress.step + 1, learning_rate=knobs.learning_rate)
        rate = learning_rate_at(
            progress.step,
            total_steps=spec.total_steps,
            peak=knobs.learning_rate,
            warmup_fraction=knobs.warmup_fraction,
            schedule=knobs.schedule,
        )
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

        progress.step += 1
        progress.last_loss = world.sum(loss_sum) / num_tokens
        seconds = time.monotonic() - started
        progress.seconds += seconds
        yield Step(
            step=progress.step,
            total_steps=spec.total_steps,
            loss=progress.last_loss,
            learning_rate=rate,
            grad_norm=grad_norm,
            num_tokens=num_tokens,
            seconds=seconds,
        )
        if validation and (progress.step % evaluate_every == 0 or progress.step == spec.total_steps):
            yield from _evaluate(model, validation, spec, progress, world)
        if world.is_first and progress.step % save_every == 0 and progress.step < spec.total_steps:
            path = _save(model, optimizer, progress, spec)
            yield Saved(kind="checkpoint", path=str(path))

    if _stopped_early(knobs, progress):
        yield Warned(reason="stopped_early", count=progress.step, params={"best_step": str(progress.best_step)})
    elif progress.step < spec.total_steps and world.is_first:
        yield Saved(kind="checkpoint", path=str(_save(model, optimizer, progress, spec)))
    if is_finished(progress, spec) and knobs.early_stopping.patience and validation and world.is_first:
        load_trained(model, load_file(_best_file(spec)))
    model.eval()
    yield progress


def _accumulate_gradients(
    model: PreTrainedModel, samples: Sequence[TokenizedSample], num_tokens: int, spec: LoopSpec
) -> float:
    """Adds the gradients of this rank's samples, packed, divided by the whole step's count; returns the loss sum."""
    loss_sum = 0.0
    for places in pack([len(sample.ids_T) for sample in samples], spec.micro_batch_tokens):
        batch = collate([samples[place] for place in places]).to(model.device)
        with torch.autocast(model.device.type, dtype=spec.autocast, enabled=spec.autocast is not None):
            loss, _ = spec.method.loss(model, batch)
        (loss / num_tokens).backward()
        loss_sum += loss.item()
    return loss_sum


def is_finished(progress: Progress, spec: LoopSpec) -> bool:
    """Whether a training ended by its own rules: all steps, or no better validation loss for long enough."""
    return progress.step >= spec.total_steps or _stopped_early(spec.knobs, progress)


def _stopped_early(knobs: TrainKnobs, progress: Progress) -> bool:
    return 0 < knobs.early_stopping.patience <= progress.evaluations_since_best


def _evaluate(
    model: PreTrainedModel,
    validation: Sequence[TokenizedSample],
    spec: LoopSpec,
    progress: Progress,
    world: World,
) -> Iterator[Event]:
    """Held-out loss, and the best weights kept where early stopping may want them back.

    Every rank measures the same samples, so every rank decides alike.
    """
    found = score(model, validation, budget=spec.micro_batch_tokens, dtype=spec.autocast)
    progress.last_validation_loss = found.loss
    if progress.first_validation_loss is None:
        progress.first_validation_loss = found.loss
    if progress.best_loss is None or found.loss < progress.best_loss:
        progress.best_loss, progress.best_step, progress.evaluations_since_best = found.loss, progress.step, 0
        if spec.knobs.early_stopping.patience and world.is_first:
            spec.checkpoints.mkdir(parents=True, exist_ok=True)
            staging = _best_file(spec).with_suffix(".staging")
            save_file(trained_weights(model), staging)
            sync(staging)
            os.replace(staging, _best_file(spec))
    else:
        progress.evaluations_since_best += 1
    yield Evaluated(
        step=progress.step,
        split="validation",
        loss=found.loss,
        token_accuracy=found.token_accuracy,
        num_tokens=found.num_tokens,
    )


def _save(model: PreTrainedModel, optimizer: torch.optim.Optimizer, progress: Progress, spec: LoopSpec) -> Path:
    keep = spec.knobs.keep_checkpoints
    return save_checkpoint(spec.checkpoints, model, optimizer, progress, key=spec.key, keep=keep)


def _best_file(spec: LoopSpec) -> Path:
    return spec.checkpoints / f"best-{spec.key[:12]}.safetensors"


def _noise_seed(seed: int, step: int, rank: int) -> int:
    """One seed per step and rank for dropout: the large odd factors keep neighbors apart."""
    return (seed * 1_000_003 + step * 8_191 + rank * 131) % (1 << 63)
