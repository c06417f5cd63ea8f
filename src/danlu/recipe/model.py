"""Knobs of `base`: the model to start from, and the recipe of the embedded tiny one."""

from __future__ import annotations

from pydantic import Field

from danlu.recipe.knobs import Knobs


class TinyKnobs(Knobs):
    """The embedded model `tiny`: a small Llama, pretrained on the spot on the training documents' text."""

    hidden_size: int = Field(default=256, ge=32, multiple_of=32)
    """Width of the model."""

    num_layers: int = Field(default=4, ge=1)
    """Number of transformer layers."""

    vocabulary_size: int = Field(default=2048, ge=300)
    """Most entries of its byte-level BPE."""

    steps: int = Field(default=400, ge=1)
    """Pretraining steps."""

    samples_per_step: int = Field(default=2, ge=1)
    """Windows of text in a pretraining step."""

    max_length: int = Field(default=256, ge=16)
    """Window of text, in tokens."""

    learning_rate: float = Field(default=2e-3, gt=0)
    """Peak learning rate of its pretraining."""

    seed: int = 42
    """Of its random initial weights."""


class ModelKnobs(Knobs):
    """The model to start from."""

    base: str = "tiny"
    """A local folder, a hub name such as deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B, or `tiny`."""

    revision: str = ""
    """Hub revision; empty takes the newest and records which it was."""

    tiny: TinyKnobs = TinyKnobs()
    """How the base `tiny` is built; read only where `base` is `tiny`."""
