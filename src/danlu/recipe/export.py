"""Knobs of `export`: the form in which the tuned model leaves."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from danlu.recipe.knobs import Knobs


class ExportKnobs(Knobs):
    """A model folder that other tools read."""

    format: Literal["safetensors"] = "safetensors"
    """Hugging Face's folder of safetensors."""

    max_shard_gb: float = Field(default=5.0, gt=0)
    """Largest file of weights, in 10^9 bytes."""
