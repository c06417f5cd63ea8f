"""Scores and answers of one side (base or tuned), noted as they come, so that a killed evaluation carries on.

    samples   -> slices of 64, one after the other -> loss sum, tokens, tokens guessed right    scores.jsonl, per split
    questions -> batches of similar length          -> greedy answers                           answers.jsonl, per batch

The make-up of a batch depends on the questions alone, never on where a kill fell, so every answer stays the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from transformers import PreTrainedModel

from danlu.evaluation.ledger import Ledger
from danlu.evaluation.questions import Examined, Question
from danlu.events import Event, Progress
from danlu.hardware.device import tokens_per_micro_batch
from danlu.models.generate import generate
from danlu.models.score import Score, score
from danlu.text.render import Renderer, TokenizedSample

_SAMPLES_PER_SLICE = 64
_QUESTIONS_PER_BATCH = 32
_SMALL_PARAMETERS = 50_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What one side said to a question. `ended` is False where it was cut off at max_new_tokens."""

    which: str
    split: str
    id: str
    text: str
    ended: bool


class Notes:
    """What both sides have said and scored so far, in the report's folder."""

    def __init__(self, folder: Path, key: str) -> None:
        self._answers = Ledger(folder / "answers.jsonl", key)
        self._scores = Ledger(folder / "scores.jsonl", key)

    @property
    def answers(self) -> dict[tuple[str, str, str], Answer]:
        """By side, split and sample id."""
        found = (Answer(**row) for row in self._answers.rows)
        return {(answer.which, answer.split, answer.id): answer for answer in found}

    @property
    def scores(self) -> dict[tuple[str, str], Score]:
        """By side and split."""
        fields = Score.__dataclass_fields__
        return {
            (row["which"], row["split"]): Score(**{name: row[name] for name in fields}) for row in self._scores.rows
        }

    def add_answers(self, answers: Sequence[Answer]) -> None:
        """Notes a batch."""
        self._answers.append([asdict(answer) for answer in answers])

    def add_score(self, which: str, split: str, found: Score) -> None:
        """Notes a split's score."""
        self._scores.append([{"which": which, "split": split, **asdict(found)}])


def score_splits(
    model: PreTrainedModel, which: str, splits: Sequence[Examined], notes: Notes, stop: Callable[[], bool]
) -> Iterator[Event]:
    """Scores every split that is not scored yet. Returns early where `stop` turned true."""
    for examined in splits:
        if (which, examined.split) in notes.scores:
            continue
        total = Score(loss_sum=0.0, num_tokens=0, num_correct=0)
        for start in range(0, len(examined.tokens), _SAMPLES_PER_SLICE):
            if stop():
                return
            part = examined.tokens[start : start + _SAMPLES_PER_SLICE]
            total = _add(total, _score(model, part))
            yield Progress(done=start + len(part), total=len(examined.tokens), unit="samples")
        notes.add_score(which, examined.split, total)


def answer_questions(
    model: PreTrainedModel,
    which: str,
    questions: Sequence[Question],
    renderer: Renderer,
    notes: Notes,
    stop: Callable[[], bool],
    *,
    max_new_tokens: int,
) -> Iterator[Event]:
    """Asks every question that has no answer yet. Returns early where `stop` turned true."""
    order = sorted(range(len(questions)), key=lambda index: (len(questions[index].prompt), index))
    for start in range(0, len(order), _QUESTIONS_PER_BATCH):
        batch = [questions[index] for index in order[start : start + _QUESTIONS_PER_BATCH]]
        known = notes.answers
        if all((which, question.split, question.id) in known for question in batch):
            continue
        if stop():
            return
        notes.add_answers(_answer(model, which, batch, renderer, max_new_tokens))
        yield Progress(done=start + len(batch), total=len(order), unit="questions")


def _score(model: PreTrainedModel, samples: Sequence[TokenizedSample]) -> Score:
    return score(model, samples, budget=tokens_per_micro_batch(model.device))


def _add(a: Score, b: Score) -> Score:
    return Score(
        loss_sum=a.loss_sum + b.loss_sum,
        num_tokens=a.num_tokens + b.num_tokens,
        num_correct=a.num_correct + b.num_correct,
    )


def _answer(
    model: PreTrainedModel, which: str, batch: Sequence[Question], renderer: Renderer, max_new_tokens: int
) -> list[Answer]:
    prompts = [question.prompt for question in batch]
    answers: list[Answer | None] = [None] * len(batch)
    with _one_thread_if_small(model):
        generated = list(
            generate(model, prompts, max_new_tokens=max_new_tokens, stop_ids=renderer.stop_ids, batch_size=len(batch))
        )
    for index, ids in generated:
        question = batch[index]
        answers[index] = Answer(
            which=which,
            split=question.split,
            id=question.id,
            text=renderer.tokenizer.decode(ids, skip_special_tokens=True).strip(),
            ended=len(ids) < max_new_tokens,
        )
    return [answer for answer in answers if answer is not None]


@contextmanager
def _one_thread_if_small(model: PreTrainedModel) -> Iterator[None]:
    """One thread while a small model speaks on the CPU.

    Its matrices of one token a row gain nothing from a second thread, and where another process keeps the cores busy
    threads that wait for each other cost tenfold (measured: 94 s against 6 s for 32 answers of 128 tokens).
    """
    before = torch.get_num_threads()
    if model.device.type == "cpu" and sum(parameter.numel() for parameter in model.parameters()) < _SMALL_PARAMETERS:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
