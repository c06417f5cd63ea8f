"""An export is loaded by plain transformers, checked before it is published, whole or not there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from danlu.artifacts import read_card, sha256_folder, write_card
from danlu.errors import ModelError
from danlu.events import Done, Progress, Warned
from danlu.exporting.agreement import Agreement, compare, prompts_of
from danlu.exporting.export import export
from danlu.models.load import load_tokenizer
from danlu.models.tuned import load_tuned
from danlu.recipe.export import ExportKnobs
from danlu.types import Message

KILLED = """
import os, signal, sys
from pathlib import Path
from danlu.events import Progress
from danlu.exporting.export import export
from danlu.workspace import Workspace
from danlu.workspace.runs import open_run
workspace = Workspace(Path(sys.argv[1]))
for event in export(open_run(workspace.runs, "small-1"), workspace, lambda: False):
    if isinstance(event, Progress):
        os.kill(os.getpid(), signal.SIGKILL)
"""


def _export(run, workspace, stop=lambda: False):
    return list(export(run, workspace, stop))


def _with_shards(run, gigabytes):
    return replace(run, recipe=run.recipe.model_copy(update={"export": ExportKnobs(max_shard_gb=gigabytes)}))


def test_the_export_is_loaded_by_plain_transformers_in_one_line(tuned_run, workspace):
    done = _export(tuned_run, workspace)[-1]
    assert done.summary["max_difference"] <= 1e-4
    line = (
        "from transformers import AutoModelForCausalLM, AutoTokenizer; import sys; f = sys.argv[1]; "
        "m, t = AutoModelForCausalLM.from_pretrained(f), AutoTokenizer.from_pretrained(f); "
        "assert 'danlu' not in sys.modules; rows = [{'role': 'user', 'content': '骨科？'}]; "
        "i = t.apply_chat_template(rows, add_generation_prompt=True, return_tensors='pt'); "
        "print(float(m(**i).logits.double().sum()))"
    )
    path = str(done.summary["path"])
    found = subprocess.run(
        [sys.executable, "-c", line, path], capture_output=True, text=True, env={**os.environ, "PYTHONUTF8": "1"}
    )
    assert found.returncode == 0, found.stderr
    base = workspace.models / "base@test"
    rows = [{"role": "user", "content": "骨科？"}]
    ids = load_tokenizer(base).apply_chat_template(rows, add_generation_prompt=True, return_tensors="pt")
    tuned = load_tuned(base, tuned_run.adapter, dtype=torch.float32, device=torch.device("cpu"))
    tuned.set_attn_implementation("sdpa")
    with torch.no_grad():
        expected = float(tuned(**ids).logits.double().sum())
    assert float(found.stdout) == pytest.approx(expected, abs=0.05)


def test_the_card_names_what_the_export_was_made_from(tuned_run, workspace):
    _export(tuned_run, workspace)
    folder = workspace.exports / tuned_run.name
    card = read_card(folder)
    assert card.kind == "export"
    assert card.sha256 == sha256_folder(folder)
    assert card.parents["adapter"] == read_card(tuned_run.adapter).sha256
    assert card.parents["base"] == read_card(workspace.models / "base@test").sha256
    assert tuned_run.artifacts()["export"] == f"exports/{tuned_run.name}"


def test_a_second_export_is_reused(tuned_run, workspace):
    first, second = _export(tuned_run, workspace)[-1], _export(tuned_run, workspace)
    assert len(second) == 1
    assert second[0] == replace(first, reused=True)


def test_an_export_in_small_files_has_an_index_and_the_same_weights(tuned_run, workspace):
    done = _export(_with_shards(tuned_run, 0.00015), workspace)[-1]
    assert "model.safetensors.index.json" in done.summary["files"]
    files = list(Path(done.summary["path"]).glob("*.safetensors"))
    assert len(files) > 2
    assert max(file.stat().st_size for file in files) <= 150_000


def test_a_tensor_larger_than_the_files_is_warned_of(tuned_run, workspace):
    warned = [event for event in _export(_with_shards(tuned_run, 0.00005), workspace) if isinstance(event, Warned)]
    assert [event.reason for event in warned] == ["shard_oversized"]


def test_what_says_something_else_is_an_error_in_any_precision(tuned_run, workspace):
    base = workspace.models / "base@test"
    for weights in ("F32", "BF16", "F16"):
        with pytest.raises(ModelError, match="logits differ"):
            compare(base, tuned_run.adapter, base, prompts_of([]), weights=weights)


def test_a_prompt_is_a_dialogue_up_to_its_first_answer(dialogues):
    """A system message alone is a prompt that many templates refuse."""
    told = (Message(role="system", content="s"), *dialogues[0].messages)
    assert [[m.role for m in prompt] for prompt in prompts_of([replace(dialogues[0], messages=told)])] == [
        ["system", "user"]
    ]


def test_a_model_without_a_chat_template_is_compared_on_bare_text(tuned_run, workspace):
    base = workspace.models / "base@test"
    (base / "chat_template.jinja").unlink()
    assert load_tokenizer(base).chat_template is None
    with pytest.raises(ModelError, match="logits differ"):
        compare(base, tuned_run.adapter, base, [(Message(role="user", content="心内科在哪里"),)], weights="F32")


def test_an_adapter_of_no_numbers_is_not_published(tuned_run, workspace):
    """What a diverged training leaves."""
    from safetensors.torch import load_file, save_file

    file = tuned_run.adapter / "adapter_model.safetensors"
    weights = load_file(file)
    next(iter(weights.values())).fill_(float("nan"))
    save_file(weights, file)
    with pytest.raises(ModelError, match="nothing was published"):
        _export(tuned_run, workspace)
    assert list(workspace.exports.iterdir()) == []


def test_a_bound_is_not_kept_by_logits_that_are_no_numbers():
    assert Agreement(max_difference=2e-2, max_logit=1.0, bound=3e-2, relative=True).holds
    assert not Agreement(max_difference=2e-2, max_logit=0.5, bound=3e-2, relative=True).holds
    assert not Agreement(max_difference=float("nan"), max_logit=1.0, bound=1e-4, relative=False).holds


def test_an_adapter_that_does_not_fit_leaves_nothing(tuned_run, workspace):
    weights = workspace.models / "base@test" / "model.safetensors"
    from safetensors.torch import load_file, save_file

    kept = {name: tensor for name, tensor in load_file(weights).items() if "layers.0.mlp" not in name}
    save_file(kept, weights, metadata={"format": "pt"})
    with pytest.raises(ModelError, match="does not fit the base model"):
        _export(tuned_run, workspace)
    assert list(workspace.exports.iterdir()) == []


def test_half_precision_bases_are_held_against_a_relative_bound(tuned_run, workspace):
    from transformers import AutoModelForCausalLM

    base = workspace.models / "base@test"
    AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16).save_pretrained(base)
    _export(tuned_run, workspace)
    details = read_card(workspace.exports / tuned_run.name).details
    assert details["bound_is_relative"]
    assert details["max_difference"] <= details["bound"] * details["max_logit"]


def test_a_whole_tuned_model_is_copied(tuned_run, workspace):
    model = load_tuned(
        workspace.models / "base@test", tuned_run.adapter, dtype=torch.float32, device=torch.device("cpu")
    )
    with torch.no_grad():
        for layer in model.modules():
            if hasattr(layer, "merged_weight"):
                layer.frozen.weight.copy_(layer.merged_weight())
    weights = {name.replace(".frozen", ""): value for name, value in model.state_dict().items() if "lora_" not in name}
    card = read_card(tuned_run.adapter)
    shutil.rmtree(tuned_run.adapter)
    model.save_pretrained(tuned_run.adapter, state_dict=weights)
    load_tokenizer(workspace.models / "base@test").save_pretrained(tuned_run.adapter)
    write_card(tuned_run.adapter, card)
    done = _export(tuned_run, workspace)[-1]
    assert done.summary["max_difference"] == 0
    assert "adapter_config.json" not in done.summary["files"]


def test_a_stopped_export_leaves_nothing_and_a_killed_one_is_made_again(tuned_run, workspace):
    stopped = _export(tuned_run, workspace, stop=lambda: True)
    assert not any(isinstance(event, Done) for event in stopped)
    assert list(workspace.exports.iterdir()) == []
    killed = subprocess.run([sys.executable, "-c", KILLED, str(workspace.folder)], capture_output=True)
    assert killed.returncode == -9, killed.stderr
    assert not (workspace.exports / tuned_run.name).exists()
    events = _export(tuned_run, workspace)
    assert isinstance(events[-1], Done)
    assert any(isinstance(event, Progress) for event in events)
    assert [path.name for path in workspace.exports.iterdir()] == [tuned_run.name]
