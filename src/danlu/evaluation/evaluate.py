"""The stage `evaluate`: base against tuned model, on what was trained, reworded, and never seen.

dataset -> questions -> both sides: losses, answers -> reports/RUN/{results.json, answers.jsonl, card.json}
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoConfig, PreTrainedModel

from danlu.artifacts import (
    Card,
    find_by_key,
    key_of,
    package_versions,
    read_card,
    sha256_file,
    write_card,
    write_durably,
)
from danlu.errors import ArtifactError
from danlu.evaluation.answers import Answer, Notes, answer_questions, score_splits
from danlu.evaluation.questions import Examined, Picker, Question
from danlu.evaluation.scorers import finite, is_exact
from danlu.events import Done, Event, Saved
from danlu.hardware.device import fast_dtype, pick_device
from danlu.models.adapters import adapters_off
from danlu.models.load import load_model, load_tokenizer
from danlu.models.score import Score
from danlu.models.tuned import is_whole_model, load_tuned
from danlu.text.render import Renderer
from danlu.workspace.dataset import Dataset, check_dataset
from danlu.workspace.lineage import BaseModel, adapter_of, base_of, dataset_of
from danlu.workspace.runs import Run
from danlu.workspace.store import Workspace

SIDES = ("base", "tuned")


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs:
    """What is compared, and the key of the comparison."""

    dataset: Dataset
    base: BaseModel
    adapter: Path
    adapter_card: Card
    key: str


def evaluate(run: Run, workspace: Workspace, stop: Callable[[], bool]) -> Iterator[Event]:
    """Yields figures of both sides; leaves reports/RUN/results.json."""
    inputs = _inputs(run, workspace)
    folder = workspace.reports / run.name
    folder.mkdir(parents=True, exist_ok=True)
    results = _found(workspace, inputs.key)
    reused = results is not None
    if results is None:
        check_dataset(inputs.dataset)
        picker = _picker(run, inputs)
        splits = picker.pick(inputs.dataset)
        yield from picker.warnings()
        notes = Notes(folder, inputs.key)
        yield from _examine(run, inputs, splits, picker.renderer, notes, stop)
        if not _is_complete(splits, notes):
            return
        results = _results(run, inputs, splits, notes)
    sha256 = _write(folder, {**results, "run": run.name}, inputs)
    run.record_artifact("report", folder.relative_to(workspace.folder).as_posix())
    if not reused:
        yield Saved(kind="report", path=str(folder / "results.json"), sha256=sha256)
    yield Done(stage="evaluate", reused=reused, summary={"splits": results["splits"]})


def _inputs(run: Run, workspace: Workspace) -> Inputs:
    dataset, base, adapter = dataset_of(run, workspace), base_of(run, workspace), adapter_of(run, workspace)
    card = read_card(adapter)
    # Of the training's knobs, only those that decide what `trained` means.
    trained = [run.recipe.train.method.kind, run.recipe.train.max_length]
    knobs = run.recipe.evaluate.model_dump(mode="json")
    key = key_of("evaluate@1", card.sha256, base.sha256, dataset.sha256, knobs, trained)
    return Inputs(dataset=dataset, base=base, adapter=adapter, adapter_card=card, key=key)


def _found(workspace: Workspace, key: str) -> dict | None:
    """The results of this very comparison, by this run or another one; None where there are none, or damaged ones."""
    folder = find_by_key(workspace.reports, "report", key)
    path = folder / "results.json" if folder else None
    if path is None or not path.is_file():
        return None
    return json.loads(path.read_text(encoding="utf-8")) if sha256_file(path) == read_card(folder).sha256 else None


def _picker(run: Run, inputs: Inputs) -> Picker:
    tokenizer = load_tokenizer(inputs.base.folder)
    config = AutoConfig.from_pretrained(inputs.base.folder, local_files_only=True, trust_remote_code=False)
    num_positions = config.get_text_config().max_position_embeddings
    return Picker(recipe=run.recipe, renderer=Renderer(tokenizer), num_positions=num_positions)


def _examine(
    run: Run,
    inputs: Inputs,
    splits: list[Examined],
    renderer: Renderer,
    notes: Notes,
    stop: Callable[[], bool],
) -> Iterator[Event]:
    """Both sides, one after the other; what is noted already is not computed again."""
    questions = [question for examined in splits for question in examined.questions]
    for which, model in [] if _is_complete(splits, notes) else _sides(inputs):
        yield from score_splits(model, which, splits, notes, stop)
        yield from answer_questions(
            model, which, questions, renderer, notes, stop, max_new_tokens=run.recipe.evaluate.max_new_tokens
        )
        if stop():
            return
        del model  # before the next one is loaded


def _sides(inputs: Inputs) -> Iterator[tuple[str, PreTrainedModel]]:
    """Base and tuned model: one model with its adapters off and on, or two, never both in memory."""
    device = pick_device()
    dtype = torch.float32 if device.type == "cpu" else fast_dtype(device)
    if is_whole_model(inputs.adapter):
        yield "base", load_model(inputs.base.folder, dtype=dtype, device=device)
        yield "tuned", load_tuned(inputs.base.folder, inputs.adapter, dtype=dtype, device=device)
        return
    model = load_tuned(inputs.base.folder, inputs.adapter, dtype=dtype, device=device)
    with adapters_off(model):
        yield "base", model
    yield "tuned", model


def _is_complete(splits: list[Examined], notes: Notes) -> bool:
    """Whether both sides have scored every split and answered every question."""
    scores, answers = notes.scores, notes.answers
    return all((which, examined.split) in scores for which in SIDES for examined in splits) and all(
        (which, question.split, question.id) in answers
        for which in SIDES
        for examined in splits
        for question in examined.questions
    )


def _results(run: Run, inputs: Inputs, splits: list[Examined], notes: Notes) -> dict:
    scores, answers = notes.scores, notes.answers
    return {
        "run": run.name,
        "dataset": inputs.dataset.label,
        "base": inputs.base.label,
        "adapter": inputs.adapter_card.name,
        "splits": {
            examined.split: {
                "num_samples": examined.num_samples,
                "num_questions": len(examined.questions),
                **{which: _figures(which, examined, scores[which, examined.split], answers) for which in SIDES},
            }
            for examined in splits
        },
        "items": [_item(question, answers) for examined in splits for question in examined.questions],
        "key": inputs.key,
    }


def _figures(
    which: str, examined: Examined, score: Score, answers: dict[tuple[str, str, str], Answer]
) -> dict[str, float | int | None]:
    given = [(answers[which, question.split, question.id], question.reference) for question in examined.questions]
    return {
        "loss": finite(score.loss),
        "perplexity": finite(score.perplexity),
        "token_accuracy": finite(score.token_accuracy),
        "exact": sum(is_exact(answer.text, reference) for answer, reference in given),
        "num_endless": sum(not answer.ended for answer, _ in given),
    }


def _item(question: Question, answers: dict[tuple[str, str, str], Answer]) -> dict[str, object]:
    said = {which: answers[which, question.split, question.id].text for which in SIDES}
    return {
        "split": question.split,
        "id": question.id,
        "question": question.text,
        "reference": question.reference,
        **{f"{which}_answer": text for which, text in said.items()},
        **{f"{which}_exact": is_exact(text, question.reference) for which, text in said.items()},
        "provenance": question.provenance,
    }


def _write(folder: Path, results: dict, inputs: Inputs) -> str:
    """Results first, then the card that vouches for them; nothing is written that is there already."""
    path = folder / "results.json"
    text = json.dumps(results, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_durably(path, text)
    sha256 = sha256_file(path)
    card = Card(
        kind="report",
        name=folder.name,
        sha256=sha256,
        key=inputs.key,
        parents={
            "adapter": inputs.adapter_card.sha256,
            "base": inputs.base.sha256,
            "dataset": inputs.dataset.sha256,
        },
        versions=package_versions(),
        details={"splits": results["splits"]},
    )
    if not _has_card(folder, card):
        write_card(folder, card)
    return sha256


def _has_card(folder: Path, card: Card) -> bool:
    try:
        return read_card(folder) == card
    except ArtifactError:
        return False
