"""Builds the embedded base: tokenizer and random weights from the training texts, then pretraining on the corpus."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import torch
from transformers import PreTrainedTokenizerFast

from danlu.artifacts import Card, package_versions, publish, sha256_folder, write_card
from danlu.errors import InputError
from danlu.events import Done, Event, Saved
from danlu.hardware.device import fast_dtype, pick_device, tokens_per_micro_batch
from danlu.models.tiny import build_model, build_tokenizer, save
from danlu.recipe.model import TinyKnobs
from danlu.recipe.train import AdapterKnobs, MethodKnobs, TrainKnobs
from danlu.text.render import Renderer
from danlu.training.checkpoint import Progress
from danlu.training.distributed import World
from danlu.training.loop import LoopSpec, is_finished, run_loop
from danlu.training.methods import METHODS
from danlu.training.prepare import Tokenized, tokenize
from danlu.types import ChatSample, TextSample
from danlu.workspace.dataset import Dataset
from danlu.workspace.runs import Run
from danlu.workspace.store import Workspace


def build_tiny(run: Run, workspace: Workspace, dataset: Dataset, key: str, stop: Callable[[], bool]) -> Iterator[Event]:
    """Yields the pretraining's events; leaves models/tiny@HASH. Resumes from the run's checkpoints."""
    knobs = run.recipe.model.tiny
    corpus = [sample for sample in dataset.samples("corpus") if isinstance(sample, TextSample)]
    if not corpus:
        raise InputError("corpus_empty", where=dataset.label)
    tokenizer = build_tokenizer(_texts(dataset, corpus), vocabulary_size=knobs.vocabulary_size)
    tokenized = Tokenized()
    yield from tokenize(
        corpus,
        METHODS["pretrain"],
        Renderer(tokenizer),
        max_length=knobs.max_length,
        too_long="error",
        dataset=dataset.label,
        into=tokenized,
    )
    device = pick_device()
    model = build_model(
        vocabulary_size=len(tokenizer), hidden_size=knobs.hidden_size, num_layers=knobs.num_layers, seed=knobs.seed
    ).to(device)
    spec = _loop_spec(run, knobs, key, device)
    progress = Progress()
    for event in run_loop(model, tokenized.samples, [], spec, World(), stop):
        if isinstance(event, Progress):
            progress = event
        else:
            yield event
    if is_finished(progress, spec):
        yield from _publish(run, workspace, dataset, key, model, tokenizer, progress)
        shutil.rmtree(spec.checkpoints, ignore_errors=True)


def _texts(dataset: Dataset, corpus: list[TextSample]) -> list[str]:
    """What the tokenizer is trained on: the training documents, and the trained questions with their answers."""
    dialogues = [sample for sample in dataset.samples("train") if isinstance(sample, ChatSample)]
    spoken = [message.content for sample in dialogues for message in sample.messages]
    return [sample.text for sample in corpus] + spoken


def _loop_spec(run: Run, knobs: TinyKnobs, key: str, device: torch.device) -> LoopSpec:
    train = TrainKnobs(
        method=MethodKnobs(kind="pretrain"),
        adapter=AdapterKnobs(kind="none"),
        max_length=knobs.max_length,
        samples_per_step=knobs.samples_per_step,
        steps=knobs.steps,
        learning_rate=knobs.learning_rate,
        schedule="cosine",
        warmup_fraction=0.05,
        weight_decay=0.01,
        seed=knobs.seed,
    )
    dtype = fast_dtype(device)
    return LoopSpec(
        method=METHODS["pretrain"],
        knobs=train,
        total_steps=knobs.steps,
        micro_batch_tokens=tokens_per_micro_batch(device),
        autocast=None if dtype == torch.float32 else dtype,
        checkpoints=run.checkpoints("base"),
        key=key,
    )


def _publish(
    run: Run,
    workspace: Workspace,
    dataset: Dataset,
    key: str,
    model: torch.nn.Module,
    tokenizer: PreTrainedTokenizerFast,
    progress: Progress,
) -> Iterator[Event]:
    name = f"tiny@{key[:12]}"
    folder = workspace.models / name
    with publish(folder) as staging:
        save(model, tokenizer, staging)
        sha256 = sha256_folder(staging)
        details = {"steps": progress.step, "loss": progress.last_loss, "dataset": dataset.label}
        card = Card(
            kind="model",
            name=name,
            sha256=sha256,
            key=key,
            parents={"dataset": dataset.sha256},
            versions=package_versions(),
            details=details,
        )
        write_card(staging, card)
    run.record_artifact("base", f"models/{name}")
    yield Saved(kind="model", path=str(folder), sha256=sha256)
    summary = {
        "model": name,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "steps": progress.step,
        "loss": progress.last_loss,
        "seconds": progress.seconds,
    }
    yield Done(stage="base", summary=summary)
