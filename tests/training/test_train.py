"""The stages `base` and `train` on a small dataset: reuse, policies, continuing an adapter, clear errors."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from danlu.errors import InputError, ModelError
from danlu.events import Done, Shown, Step, Warned
from danlu.recipe import parse_recipe
from danlu.training.base import base
from danlu.training.checkpoint import Progress
from danlu.training.train import train
from danlu.types import Message, TextSample
from danlu.workspace.dataset import freeze
from danlu.workspace.runs import continue_or_create

TINY = {"hidden_size": 32, "num_layers": 1, "vocabulary_size": 400, "steps": 4, "max_length": 32}


@pytest.fixture
def bench(workspace, dialogues):
    """Freezes a dataset; `go(**knobs of train)` runs base and train and returns the run and its events."""
    torch.set_num_threads(1)
    corpus = [TextSample(id=s.id, text=s.messages[1].content * 4) for s in dialogues]
    splits = {"train": dialogues[:8], "validation": dialogues[8:], "test": [], "learned": [], "corpus": corpus}
    freeze(workspace.datasets, "small", splits, parents={}, details={})

    def go(**knobs):
        values = {"samples_per_step": 4, "steps": 4, "learning_rate": 1e-2, "max_length": 256, **knobs}
        text = json.dumps(
            {"name": "small", "dataset": {"paths": ["x"]}, "model": {"base": "tiny", "tiny": TINY}, "train": values}
        )
        recipe = parse_recipe(text, path="r", folder=workspace.folder, overrides=[], check_paths=False)
        run = continue_or_create(workspace.runs, recipe)
        events = [*base(run, workspace, lambda: False), *train(run, workspace, lambda: False)]
        return run, events

    return go


def _done(events):
    return [event for event in events if isinstance(event, Done)]


def test_training_leaves_an_adapter_with_card_and_curve(bench):
    run, events = bench()
    names = {path.name for path in run.adapter.iterdir()}
    assert names == {"adapter_model.safetensors", "adapter_config.json", "card.json", "loss_curve.png"}
    assert (run.adapter / "loss_curve.png").read_bytes().startswith(b"\x89PNG")
    assert not list(run.checkpoints("train").glob("*"))
    assert any(isinstance(event, Shown) and "⟦" in event.text for event in events)
    assert _done(events)[-1].summary["steps"] == 4


def test_what_was_trained_is_not_trained_again_not_even_by_another_run(bench):
    first, _ = bench()
    again, events = bench()
    assert again.name == first.name and all(done.reused for done in _done(events))
    other, events = bench(save_every=2)  # another recipe, the same training
    assert other.name != first.name and _done(events)[-1].reused
    assert other.artifacts()["adapter"] == first.artifacts()["adapter"]


def test_too_long_samples_are_an_error_with_counts_or_dropped_and_counted(bench):
    with pytest.raises(InputError) as caught:
        bench(max_length=40)
    assert caught.value.key == "samples_too_long" and caught.value.params["count"] > 0
    _, events = bench(max_length=40, too_long="drop")
    warned = [event for event in events if isinstance(event, Warned) and event.reason == "too_long_dropped"]
    assert warned[0].count == caught.value.params["count"]


def test_a_method_refuses_samples_it_does_not_eat(workspace, bench):
    text = [TextSample(id="t", text="abc")]
    freeze(workspace.datasets, "small", {"train": text, "corpus": text}, parents={}, details={})
    with pytest.raises(InputError) as caught:
        bench()
    assert caught.value.key == "sample_kind"


def test_pretraining_reads_the_corpus(bench, workspace, dialogues):
    corpus = [TextSample(id=s.id, text=s.messages[1].content * 4) for s in dialogues]
    splits = {"train": dialogues, "validation": corpus[:2], "corpus": corpus}
    freeze(workspace.datasets, "small", splits, parents={}, details={})
    _, events = bench(method={"kind": "pretrain"}, max_length=24, adapter={"kind": "lora"})
    assert len([event for event in events if isinstance(event, Step)]) == 4 + 4  # the base's steps and the training's


def test_an_adapter_is_trained_further_from_a_run_or_a_folder(bench):
    first, _ = bench()
    start = load_file(first.adapter / "adapter_model.safetensors")
    for source in (first.name, str(first.adapter)):
        run, _ = bench(adapter={"from": source}, learning_rate=1e-9, seed=len(source))
        found = load_file(run.adapter / "adapter_model.safetensors")
        assert set(found) == set(start)
        assert all(torch.allclose(found[name], start[name], atol=1e-6) for name in start)


def test_an_adapter_keeps_its_rank_and_says_so(bench):
    first, _ = bench()
    with pytest.raises(InputError) as caught:
        bench(adapter={"from": first.name, "rank": 4})
    assert caught.value.key == "adapter_rank" and caught.value.params == {"name": "rank", "asked": 4, "found": 16}


def test_an_unknown_target_names_those_there_are(bench):
    with pytest.raises(ModelError) as caught:
        bench(adapter={"targets": ["q_porj"]})
    assert "q_proj" in str(caught.value)


def test_all_weights_can_be_trained_and_leave_a_whole_model(bench):
    run, events = bench(adapter={"kind": "none"})
    assert (run.adapter / "model.safetensors").is_file() and (run.adapter / "tokenizer.json").is_file()
    assert _done(events)[-1].summary["trainable_parameters"] == sum(
        value.numel() for value in load_file(run.adapter / "model.safetensors").values()
    )


def test_a_held_out_loss_that_rises_counts_as_overfitting_and_a_wiggle_does_not():
    assert Progress(best_loss=1.0, last_validation_loss=1.02).overfitted
    assert not Progress(best_loss=1.0, last_validation_loss=1.005).overfitted
    assert not Progress().overfitted


def test_another_adapter_under_the_same_name_is_another_training(bench):
    first, _ = bench()
    run, _ = bench(adapter={"from": first.name})
    changed = {name: value + 1 for name, value in load_file(first.adapter / "adapter_model.safetensors").items()}
    save_file(changed, first.adapter / "adapter_model.safetensors")
    again, events = bench(adapter={"from": first.name})
    assert again.name == run.name and not _done(events)[-1].reused


def test_an_adapter_from_another_base_is_pointed_out(bench, workspace, dialogues):
    first, _ = bench()
    freeze(workspace.datasets, "small", {"train": dialogues, "corpus": [TextSample(id="t", text="另一段文字。" * 9)]},
           parents={}, details={})  # fmt: skip
    try:
        _, events = bench(adapter={"from": str(first.adapter)})
    except ModelError as error:  # a vocabulary of another size does not matter: only linear layers are adapted
        pytest.fail(str(error))
    assert [event.reason for event in events if isinstance(event, Warned)] == ["adapter_other_base"]


def test_a_sample_beyond_the_models_positions_is_an_error_before_training(bench, workspace, dialogues):
    long = replace(dialogues[0], messages=(dialogues[0].messages[0], Message(role="assistant", content="药" * 9000)))
    corpus = [TextSample(id="t", text="心内科在3号楼2层。" * 9)]
    freeze(workspace.datasets, "small", {"train": [*dialogues, long], "corpus": corpus}, parents={}, details={})
    with pytest.raises(InputError) as caught:
        bench(max_length=100_000)
    assert caught.value.key == "beyond_positions" and caught.value.params["known"] == 4096
