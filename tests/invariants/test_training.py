"""What no batch split, packing, interruption or number of processes may change; over every training method."""

from __future__ import annotations

import copy
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from danlu.errors import ModelError
from danlu.events import Step
from danlu.models import attention
from danlu.models.adapters import adapters_off, add_lora, lora_layers
from danlu.models.score import packed_loss, score
from danlu.recipe.train import TrainKnobs
from danlu.text.collate import collate
from danlu.text.render import Renderer
from danlu.training.checkpoint import Progress, trained_weights
from danlu.training.distributed import World
from danlu.training.loop import LoopSpec, run_loop
from danlu.training.methods import METHODS
from danlu.types import TextSample


def _tokens(method, tokenizer, dialogues):
    renderer = Renderer(tokenizer)
    if method == "sft":
        return [renderer.chat(sample) for sample in dialogues]
    texts = [TextSample(id=s.id, text="".join(m.content for m in s.messages) * 3) for s in dialogues]
    return [window for text in texts for window in renderer.text(text, 24)]


def _spec(method, folder: Path, *, micro=64, steps=6, **knobs) -> LoopSpec:
    values = {"samples_per_step": 4, "steps": steps, "learning_rate": 1e-2, "warmup_fraction": 0.2, **knobs}
    return LoopSpec(
        method=METHODS[method],
        knobs=TrainKnobs(**values),
        total_steps=steps,
        micro_batch_tokens=micro,
        autocast=None,
        checkpoints=folder,
        key="k",
    )


def _train(model, samples, spec, validation=(), stop_after=None):
    """Runs the loop; returns the steps' losses and the progress. `stop_after` stops as a signal would."""
    losses, progress = [], Progress()
    stopped = [False]
    for event in run_loop(model, samples, list(validation), spec, World(), lambda: stopped[0]):
        if isinstance(event, Step):
            losses.append(event.loss)
            stopped[0] = stop_after is not None and event.step >= stop_after
        elif isinstance(event, Progress):
            progress = event
    return losses, progress


def _adapted(model, dropout=0.0):
    add_lora(model, rank=4, alpha=8, dropout=dropout, targets="all-linear", seed=1)
    return model


methods = pytest.mark.parametrize("method", list(METHODS))


@methods
def test_packed_loss_equals_the_sum_of_single_losses(method, tiny_model, tokenizer, dialogues):
    samples = _tokens(method, tokenizer, dialogues)
    attention.use(tiny_model, packed=True)
    with torch.no_grad():
        packed, correct = packed_loss(tiny_model, collate(samples))
        singles = [packed_loss(tiny_model, collate([sample])) for sample in samples]
    torch.testing.assert_close(packed, sum(loss for loss, _ in singles), rtol=1e-5, atol=1e-4)
    assert int(correct) == sum(int(count) for _, count in singles)


@methods
def test_packed_loss_equals_the_loss_that_transformers_computes_alone(method, tiny_model, tokenizer, dialogues):
    samples = _tokens(method, tokenizer, dialogues)
    found = score(tiny_model, samples, budget=128)
    attention.use(tiny_model, packed=False)
    expected = 0.0
    for sample in samples:
        ids = torch.from_numpy(sample.ids_T).long()[None]
        labels = torch.where(torch.from_numpy(sample.loss_mask_T)[None], ids, -100)
        with torch.no_grad():
            expected += tiny_model(input_ids=ids, labels=labels).loss.item() * sample.num_targets
    assert found.loss_sum == pytest.approx(expected, rel=1e-5)
    assert found.num_tokens == sum(sample.num_targets for sample in samples)


@methods
@pytest.mark.parametrize("adapter", ["lora", "none"])
def test_the_split_into_micro_batches_does_not_change_the_training(
    method, adapter, tiny_model, tokenizer, dialogues, tmp_path
):
    samples = _tokens(method, tokenizer, dialogues)
    curves = []
    for micro in (1, 100, 10_000):
        model = copy.deepcopy(tiny_model)
        model = _adapted(model) if adapter == "lora" else model.requires_grad_(True)
        losses, _ = _train(model, samples, _spec(method, tmp_path / f"{micro}", micro=micro))
        curves.append(losses)
    for other in curves[1:]:
        assert other == pytest.approx(curves[0], rel=1e-4)
    assert curves[0][-1] < curves[0][0]


@methods
def test_a_stopped_training_carries_on_to_the_same_bits(method, tiny_model, tokenizer, dialogues, tmp_path):
    samples = _tokens(method, tokenizer, dialogues)
    whole = _adapted(copy.deepcopy(tiny_model), dropout=0.2)
    losses, _ = _train(whole, samples, _spec(method, tmp_path / "whole"))
    first = _adapted(copy.deepcopy(tiny_model), dropout=0.2)
    head, progress = _train(first, samples, _spec(method, tmp_path / "parts"), stop_after=3)
    assert progress.step == 3
    second = _adapted(copy.deepcopy(tiny_model), dropout=0.2)
    tail, progress = _train(second, samples, _spec(method, tmp_path / "parts"))
    assert progress.step == 6
    assert head + tail == losses
    for name, weight in trained_weights(whole).items():
        assert torch.equal(weight, trained_weights(second)[name]), name


def test_a_damaged_newest_checkpoint_is_passed_over(tiny_model, tokenizer, dialogues, tmp_path):
    samples = _tokens("sft", tokenizer, dialogues)
    whole = _adapted(copy.deepcopy(tiny_model))
    losses, _ = _train(whole, samples, _spec("sft", tmp_path / "whole"))
    _train(_adapted(copy.deepcopy(tiny_model)), samples, _spec("sft", tmp_path / "parts", save_every=1), stop_after=3)
    newest = sorted((tmp_path / "parts").glob("step-*"))[-1] / "trained.safetensors"
    newest.write_bytes(newest.read_bytes()[:-100])
    model = _adapted(copy.deepcopy(tiny_model))
    events = list(run_loop(model, samples, [], _spec("sft", tmp_path / "parts"), World(), lambda: False))
    assert events[0].reason == "checkpoint_damaged"
    assert [event.loss for event in events if isinstance(event, Step)] == losses[2:]


def test_a_fresh_adapter_leaves_the_base_as_it_was(tiny_model, tokenizer, dialogues):
    samples = _tokens("sft", tokenizer, dialogues)
    before = score(tiny_model, samples, budget=128)
    assert score(_adapted(tiny_model), samples, budget=128) == before


def test_frozen_weights_get_no_gradient_and_no_optimizer_state(tiny_model, tokenizer, dialogues, tmp_path):
    model = _adapted(tiny_model)
    frozen = {name: p.clone() for name, p in model.named_parameters() if not p.requires_grad}
    _train(model, _tokens("sft", tokenizer, dialogues), _spec("sft", tmp_path))
    named = dict(model.named_parameters())
    assert all(torch.equal(named[name], value) and named[name].grad is None for name, value in frozen.items())
    trained = [name for name, p in named.items() if p.requires_grad]
    assert trained and all("lora_" in name for name in trained)


def test_switching_the_adapter_off_is_the_base(tiny_model, tokenizer, dialogues, tmp_path):
    samples = _tokens("sft", tokenizer, dialogues)
    before = score(tiny_model, samples, budget=128)
    model = _adapted(tiny_model)
    _train(model, samples, _spec("sft", tmp_path))
    with adapters_off(model):
        assert score(model, samples, budget=128) == before
    assert score(model, samples, budget=128).loss < before.loss
    assert len(lora_layers(model)) == 2 * 7


def test_early_stopping_keeps_the_best_weights(tiny_model, tokenizer, dialogues, tmp_path):
    samples = _tokens("sft", tokenizer, dialogues)
    spec = _spec(
        "sft", tmp_path, steps=60, learning_rate=0.3, evaluate_every=1, early_stopping={"patience": 3}, max_grad_norm=0
    )
    model = _adapted(tiny_model)
    _, progress = _train(model, samples[:4], spec, validation=samples[8:])
    assert progress.step < 60 and progress.step == progress.best_step + 3
    assert score(model, samples[8:], budget=64).loss == pytest.approx(progress.best_loss, rel=1e-5)


def test_a_training_that_had_stopped_early_takes_no_further_step(tiny_model, tokenizer, dialogues, tmp_path):
    """Killed between its last checkpoint and its end, it must end as it would have."""
    samples = _tokens("sft", tokenizer, dialogues)
    stopping = {"learning_rate": 0.3, "evaluate_every": 1, "early_stopping": {"patience": 3}, "max_grad_norm": 0}
    spec = _spec("sft", tmp_path, steps=60, save_every=1, **stopping)
    model = _adapted(tiny_model)
    _, first = _train(model, samples[:4], spec, validation=samples[8:])
    losses, second = _train(model, samples[:4], spec, validation=samples[8:])
    assert losses == [] and (second.step, second.best_step) == (first.step, first.best_step)
    assert score(model, samples[8:], budget=64).loss == pytest.approx(first.best_loss, rel=1e-5)


def test_gradients_that_are_no_numbers_end_the_training(tiny_model, tokenizer, dialogues, tmp_path):
    samples = _tokens("sft", tokenizer, dialogues)
    model = _adapted(tiny_model)
    next(iter(lora_layers(model).values())).lora_B.data.fill_(float("nan"))
    with pytest.raises(ModelError, match="diverged"):
        _train(model, samples, _spec("sft", tmp_path))
    assert not list(tmp_path.glob("step-*"))


def test_no_sample_is_left_out_of_an_epoch():
    from danlu.training.schedule import StepOrder

    order = StepOrder(num_samples=11, samples_per_step=4, seed=3)
    for epoch in range(3):
        steps = range(epoch * order.steps_per_epoch, (epoch + 1) * order.steps_per_epoch)
        assert sorted(index for step in steps for index in order.indices(step)) == list(range(11))
    assert order.indices(0) != order.indices(3)


_RANK = """
import json, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import torch
import conftest
from invariants.test_training import _adapted, _spec, _tokens
from danlu.events import Step
from danlu.models.tiny import build_model, build_tokenizer
from danlu.training.distributed import join_world
from danlu.training.loop import run_loop
torch.set_num_threads(1)
tokenizer = build_tokenizer(conftest.TEXTS, vocabulary_size=400)
model = _adapted(build_model(vocabulary_size=len(tokenizer), hidden_size=64, num_layers=2, seed=0))
samples = _tokens("sft", tokenizer, conftest.dialogues.__wrapped__())
world = join_world()
events = run_loop(model, samples, samples[:2], _spec("sft", Path({folder!r}) / "ck"), world, lambda: False)
losses = [event.loss for event in events if isinstance(event, Step)]
if world.is_first:
    Path({folder!r}, "losses.json").write_text(json.dumps(losses))
"""


def test_two_processes_train_like_one(tiny_model, tokenizer, dialogues, tmp_path):
    alone, _ = _train(_adapted(tiny_model), _tokens("sft", tokenizer, dialogues), _spec("sft", tmp_path / "alone"))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    script = _RANK.format(tests=str(Path(__file__).parents[1]), folder=str(tmp_path))
    environment = os.environ | {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    ranks = [
        subprocess.Popen([sys.executable, "-c", script], env=environment | {"RANK": str(rank)}) for rank in range(2)
    ]
    assert [rank.wait(timeout=240) for rank in ranks] == [0, 0]
    assert json.loads((tmp_path / "losses.json").read_text()) == pytest.approx(alone, rel=1e-5)
