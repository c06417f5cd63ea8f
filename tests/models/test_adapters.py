"""Adapters from elsewhere: what cannot be computed, or is not whole, is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from danlu.errors import ModelError
from danlu.models.adapters import load_adapter, read_adapter_config

PLAIN = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "init_lora_weights": True}


def _folder(tmp_path: Path, **config: object) -> Path:
    text = json.dumps({name: value for name, value in {**PLAIN, **config}.items() if value is not None})
    (tmp_path / "adapter_config.json").write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    "config",
    [
        {"use_dora": True},
        {"lora_bias": True},
        {"init_lora_weights": "pissa_niter_16"},
        {"init_lora_weights": "olora"},
        {"peft_type": "IA3"},
        {"bias": "all"},
    ],
)
def test_what_plain_lora_does_not_compute_is_refused(tmp_path, config):
    with pytest.raises(ModelError) as caught:
        read_adapter_config(_folder(tmp_path, **config))
    assert caught.value.key == "adapter_unsupported"


@pytest.mark.parametrize("missing", ["r", "lora_alpha"])
def test_an_adapter_without_its_rank_or_scale_is_refused(tmp_path, missing):
    with pytest.raises(ModelError, match=missing):
        read_adapter_config(_folder(tmp_path, **{missing: None}))


def test_an_adapter_that_starts_as_usual_is_read(tmp_path):
    for start in (True, "gaussian", "eva"):
        assert read_adapter_config(_folder(tmp_path, init_lora_weights=start))["r"] == 4


def test_an_adapter_of_nothing_is_no_adapter(tiny_model, tmp_path):
    save_file({}, _folder(tmp_path) / "adapter_model.safetensors")
    with pytest.raises(ModelError) as caught:
        load_adapter(tiny_model, tmp_path)
    assert caught.value.key == "adapter_misfit"
    save_file({"other": torch.zeros(1)}, tmp_path / "adapter_model.safetensors")
    with pytest.raises(ModelError):
        load_adapter(tiny_model, tmp_path)
