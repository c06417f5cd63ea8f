"""Merged weights say what the adapter says, whatever files the base is in; PEFT reads the adapter alike."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from danlu.errors import ModelError
from danlu.exporting.merge import check_fit, list_tensors, plan_shards, read_deltas, write_shards
from danlu.models import attention
from danlu.models.load import load_model
from danlu.models.tuned import load_tuned

IDS = torch.arange(3, 40)[None]


def _plain(folder: Path, dtype=torch.float32):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="sdpa").eval()


def _logits(model):
    attention.use(model, packed=False)
    with torch.no_grad():
        return model(input_ids=IDS).logits


def _base(run) -> Path:
    return run.folder.parent.parent / "models" / "base@test"


def _tuned(run):
    return load_tuned(_base(run), run.adapter, dtype=torch.float32, device=torch.device("cpu"))


def _merge(source: Path, run, target: Path, max_bytes: float = 5e9) -> list[Path]:
    target.mkdir()
    (target / "config.json").write_text((_base(run) / "config.json").read_text())
    tensors, deltas = list_tensors(source), read_deltas(run.adapter)
    check_fit(tensors, deltas, run.adapter)
    list(write_shards(plan_shards(tensors, max_bytes), deltas, target))
    return sorted(target.glob("*.safetensors"))


def test_peft_loads_the_adapter_and_gives_equal_logits(tuned_run):
    from peft import PeftModel

    theirs = PeftModel.from_pretrained(_plain(_base(tuned_run)), tuned_run.adapter).eval()
    with torch.no_grad():
        expected = theirs(input_ids=IDS).logits
    torch.testing.assert_close(_logits(_tuned(tuned_run)), expected, rtol=0, atol=1e-5)


def test_merged_logits_equal_those_with_the_adapter_on(tuned_run, tmp_path):
    _merge(_base(tuned_run), tuned_run, tmp_path / "merged")
    on = _logits(_tuned(tuned_run))
    off = _logits(load_model(_base(tuned_run), dtype=torch.float32, device=torch.device("cpu")))
    assert (off - on).abs().max() > 0.1  # else the comparison would show nothing
    torch.testing.assert_close(_logits(_plain(tmp_path / "merged")), on, rtol=0, atol=1e-4)


def test_a_base_in_many_files_gives_the_same_weights_as_one_in_a_single_file(tuned_run, tmp_path):
    _plain(_base(tuned_run)).save_pretrained(tmp_path / "sharded", max_shard_size="100KB")
    assert len(list((tmp_path / "sharded").glob("*.safetensors"))) > 2
    (one,) = _merge(_base(tuned_run), tuned_run, tmp_path / "one")
    (other,) = _merge(tmp_path / "sharded", tuned_run, tmp_path / "other")
    expected, found = load_file(one), load_file(other)
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_no_file_is_larger_than_asked_and_the_index_names_every_tensor(tuned_run, tmp_path):
    max_bytes = 150_000
    files = _merge(_base(tuned_run), tuned_run, tmp_path / "merged", max_bytes)
    assert len(files) > 2
    assert all(file.stat().st_size <= max_bytes for file in files)
    index = json.loads((tmp_path / "merged" / "model.safetensors.index.json").read_text())
    held = {}
    for file in files:
        with safe_open(file, framework="pt") as tensors:
            held |= dict.fromkeys(tensors.keys(), file.name)
    assert index["weight_map"] == held
    torch.testing.assert_close(_logits(_plain(tmp_path / "merged")), _logits(_tuned(tuned_run)), rtol=0, atol=1e-4)


def test_a_tensor_larger_than_a_file_may_be_has_one_to_itself(tuned_run):
    tensors = list_tensors(_base(tuned_run))
    assert [len(shard) for shard in plan_shards(tensors, 1)] == [1] * len(tensors)


def test_half_precision_weights_keep_their_dtype_and_what_no_adapter_touches_its_bits(tuned_run, tmp_path):
    half = tmp_path / "half"
    _plain(_base(tuned_run), torch.bfloat16).save_pretrained(half)
    (file,) = _merge(half, tuned_run, tmp_path / "merged")
    before, after = load_file(half / "model.safetensors"), load_file(file)
    touched = set(read_deltas(tuned_run.adapter))
    assert {tensor.dtype for tensor in after.values()} == {torch.bfloat16}
    for name, weight in before.items():
        assert torch.equal(weight, after[name]) == (name not in touched)


def test_an_adapter_of_another_model_is_refused_before_anything_is_written(tuned_run):
    tensors = [tensor for tensor in list_tensors(_base(tuned_run)) if "layers.1" not in tensor.name]
    with pytest.raises(ModelError, match="does not fit the base model at model"):
        check_fit(tensors, read_deltas(tuned_run.adapter), tuned_run.adapter)
