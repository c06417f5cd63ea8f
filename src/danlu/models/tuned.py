"""Loads what a training left, on its base: an adapter, or a whole model where all weights were trained."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import PreTrainedModel

from danlu.models.adapters import load_adapter
from danlu.models.load import load_model


def is_whole_model(adapter: Path) -> bool:
    """Whether the folder holds all weights, not an adapter beside frozen ones."""
    return not (adapter / "adapter_config.json").is_file()


def load_tuned(base: Path, adapter: Path, *, dtype: torch.dtype, device: torch.device) -> PreTrainedModel:
    """The tuned model, in evaluation mode, dropout off. Raises ModelError where the adapter does not fit the base."""
    if is_whole_model(adapter):
        return load_model(adapter, dtype=dtype, device=device)
    model = load_model(base, dtype=dtype, device=device)
    load_adapter(model, adapter)
    return model.eval()
