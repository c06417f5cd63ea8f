"""Knobs of `train`: method, adapter, batch, schedule, precision, checkpoints."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from danlu.recipe.knobs import Knobs


class MethodKnobs(Knobs):
    """What is learned from a sample."""

    kind: Literal["sft", "pretrain"] = "sft"
    """`sft` trains the assistant's turns of dialogues; `pretrain` trains every token of plain text."""


class AdapterKnobs(Knobs):
    """What of the model is trained."""

    kind: Literal["lora", "none"] = "lora"
    """`lora` trains low-rank adapters over frozen weights; `none` trains all weights."""

    rank: int | None = Field(default=None, ge=1)
    """Rank of the adapters; by default 16, or that of the adapter that is trained further."""

    alpha: float | None = Field(default=None, gt=0)
    """Scale: the adapter's product is multiplied by alpha / rank. By default twice the rank."""

    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout before the adapters."""

    targets: str | list[str] = "all-linear"
    """`all-linear`, or names of linear layers such as [q_proj, v_proj]."""

    from_: str = Field(default="", alias="from")
    """Train this adapter further: a PEFT folder, or the name of a run."""


class EarlyStoppingKnobs(Knobs):
    """When to stop before the last step."""

    patience: int = Field(default=0, ge=0)
    """Stop after so many evaluations without a better validation loss. The best weights are kept, also where all steps
    were done; 0 never stops and keeps the last."""


class TrainKnobs(Knobs):
    """One training."""

    method: MethodKnobs = MethodKnobs()
    """What is learned from a sample."""

    adapter: AdapterKnobs = AdapterKnobs()
    """What of the model is trained."""

    max_length: int = Field(default=2048, ge=8)
    """Longest sample, in tokens."""

    too_long: Literal["error", "drop"] = "error"
    """What becomes of longer samples: an error before anything is trained, or dropped and counted. Nothing is cut."""

    samples_per_step: int = Field(default=32, ge=1)
    """Samples in one optimizer step, over all processes; micro-batches are derived from memory."""

    tokens_per_micro_batch: int | None = Field(default=None, ge=8)
    """Most tokens in one forward pass; by default derived from the device's memory. Dropout's noise apart, the
    result does not depend on it."""

    epochs: float = Field(default=3, gt=0)
    """Passes over the training split."""

    steps: int | None = Field(default=None, ge=1)
    """Optimizer steps, instead of `epochs`."""

    learning_rate: float = Field(default=5e-5, gt=0)
    """Peak learning rate."""

    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """How the rate falls after the warm-up: along a cosine or a line to zero, or not at all."""

    warmup_fraction: float = Field(default=0.05, ge=0, lt=1)
    """Share of the steps over which the rate rises from zero."""

    weight_decay: float = Field(default=0.0, ge=0)
    """Decay of matrices; vectors such as norms are never decayed."""

    max_grad_norm: float = Field(default=1.0, ge=0)
    """Gradients are scaled down to this norm; 0 leaves them alone."""

    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Arithmetic of the forward pass; `auto` takes bf16 where the device is fast at it, else fp32."""

    evaluate_every: int | None = Field(default=None, ge=1)
    """Validation loss every so many steps; by default ten times in a training."""

    save_every: int | None = Field(default=None, ge=1)
    """A checkpoint every so many steps; by default ten in a training."""

    keep_checkpoints: int = Field(default=2, ge=1)
    """Newest checkpoints kept."""

    early_stopping: EarlyStoppingKnobs = EarlyStoppingKnobs()
    """When to stop before the last step."""

    processes: int = Field(default=1, ge=1)
    """Data-parallel processes on this machine, one per device."""

    seed: int = 42
    """Order of samples, initial adapter, dropout."""
