"""Samples from documents: each fact falls to the split of its document (or chunk), with its provenance to the span.

questions and answers of the plan -> facts, dealt whole -> train: all wordings but the held-out one
                                                           learned: the held-out wording of a train fact
                                                           validation, test: the plainest wording
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from danlu.datasets.selection import Selection, in_turn, select, unit_of
from danlu.datasets.split import deal, shares_of
from danlu.datasets.teachers import teacher_identity
from danlu.errors import InputError
from danlu.recipe import Recipe
from danlu.types import (
    SPLITS,
    ChatSample,
    Chunk,
    Document,
    Message,
    Provenance,
    Question,
    Split,
    TextSample,
    content_id,
)
from danlu.workspace import Workspace
from danlu.workspace.plans import synthesis_plan
from danlu.workspace.rows import Answer


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentSamples:
    """Samples with their splits, each split's plain text, and what is worth keeping about them.

    `texts["train"]` is what a base may be pretrained on; no character of another split stands in it.
    """

    samples: list[tuple[Split, ChatSample]]
    texts: dict[Split, list[TextSample]]
    parents: dict[str, str]
    documents: dict[str, list[str]]
    teacher: str
    facts: int
    facts_available: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Fact:
    """One fact of a chunk: all its wordings in order, and its answer."""

    questions: list[Question]
    answer: Answer
    chunk: Chunk
    document: Document

    def sample(self, question: Question) -> ChatSample:
        """One wording with the answer. A sample's id is its question's."""
        answer, document = self.answer, self.document
        provenance = Provenance(
            source=document.source,
            document_id=document.id,
            chunk_id=self.chunk.id,
            question_id=question.id,
            fact_id=question.fact_id,
            start_char=answer.quote_start,
            end_char=answer.quote_end,
            page=document.page_of(answer.quote_start),
        )
        reply = Message(role="assistant", content=answer.text, reasoning=answer.reasoning)
        asked = Message(role="user", content=question.text)
        return ChatSample(id=question.id, messages=(asked, reply), tag=question.tag, provenance=provenance)

    def dealt(self, split: Split) -> Iterator[tuple[Split, ChatSample]]:
        """The samples that this fact gives in a split."""
        if split != "train":
            yield split, self.sample(self.questions[0])
            return
        for question in self.questions:
            yield "learned" if question.held_out else "train", self.sample(question)


def samples_from_documents(recipe: Recipe, workspace: Workspace) -> DocumentSamples:
    """The recipe's facts as samples. Raises InputError where an earlier stage has not run, or too few can be dealt."""
    selection = select(recipe, workspace)
    teacher = teacher_identity(recipe.synthesize.teacher)
    plan = synthesis_plan(recipe, teacher)
    missing = len(selection.chosen) - len(workspace.rows.taught([chunk.id for chunk in selection.chosen], plan))
    if missing:
        where, total = str(workspace.folder), len(selection.chosen)
        raise InputError("chunks_not_taught", where=where, count=missing, total=total)
    ids = list(dict.fromkeys(chunk.document_id for chunk in selection.chosen))
    documents = {document.id: document for document in workspace.rows.documents(ids)}
    facts = _facts(workspace, selection, plan, documents)
    taken = _first(facts, recipe)
    splits = _deal(recipe, selection, taken)
    samples = [pair for fact in taken for pair in fact.dealt(splits[_unit(recipe, fact)])]
    return DocumentSamples(
        samples=samples,
        texts={split: _texts(recipe, selection, splits, documents, samples, split) for split in SPLITS[:3]},
        parents={id: document.sha256 for id, document in documents.items()},
        documents=_by_split(splits) if recipe.dataset.split.by == "document" else {},
        teacher=teacher,
        facts=len(taken),
        facts_available=len(facts) + selection.facts_left_alone,
    )


def _facts(workspace: Workspace, selection: Selection, plan: str, documents: dict[str, Document]) -> list[_Fact]:
    chunks = {chunk.id: chunk for chunk in selection.chosen}
    wordings: dict[str, list[Question]] = {}
    for question in workspace.rows.questions(list(chunks), plan):
        wordings.setdefault(question.fact_id, []).append(question)
    answers = workspace.rows.answers(list(wordings), plan)
    return [
        _Fact(questions=questions, answer=answers[id], chunk=chunk, document=documents[chunk.document_id])
        for id, questions in wordings.items()
        for chunk in (chunks[questions[0].chunk_id],)
    ]


def _first(facts: list[_Fact], recipe: Recipe) -> list[_Fact]:
    """At most `max_samples` facts, of every document (or chunk) in turn, in their old order."""
    most = recipe.dataset.max_samples
    if most is None:
        return facts
    taken = {fact.answer.fact_id for fact in in_turn(facts, lambda fact: unit_of(fact.chunk, recipe))[:most]}
    return [fact for fact in facts if fact.answer.fact_id in taken]


def _deal(recipe: Recipe, selection: Selection, facts: Sequence[_Fact]) -> dict[str, Split]:
    """The split of every document, chunk or fact that was chosen."""
    by = recipe.dataset.split.by
    with_facts = {_unit(recipe, fact) for fact in facts}
    ids = with_facts if by == "row" else {unit_of(chunk, recipe) for chunk in selection.chosen}
    needed = len(shares_of(recipe.dataset.split))
    if len(ids) < needed:
        raise InputError(f"too_few_{by}s", where="dataset.split", count=len(ids), needed=needed)
    return deal(sorted(ids), recipe.dataset.split, recipe.dataset.seed, empty=ids - with_facts)


def _unit(recipe: Recipe, fact: _Fact) -> str:
    """The id of what this fact is dealt with."""
    return fact.answer.fact_id if recipe.dataset.split.by == "row" else unit_of(fact.chunk, recipe)


def _by_split(splits: dict[str, Split]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for id in sorted(splits):
        found.setdefault(splits[id], []).append(id)
    return found


def _texts(
    recipe: Recipe,
    selection: Selection,
    splits: dict[str, Split],
    documents: dict[str, Document],
    samples: list[tuple[Split, ChatSample]],
    split: Split,
) -> list[TextSample]:
    """Whole documents, or chunks, of a split; dealt by row, its rows' text, as a chunk holds facts of all splits."""
    by = recipe.dataset.split.by
    if by == "row":
        return [as_text(sample) for own, sample in samples if own == split]
    if by == "document":
        mine = [document for id, document in documents.items() if splits[id] == split]
        return [_text(one.text, one, 0) for one in mine]
    chunks = [chunk for chunk in selection.chosen if splits[chunk.id] == split]
    return [_text(chunk.text, documents[chunk.document_id], chunk.start_char, chunk.id) for chunk in chunks]


def _text(text: str, document: Document, start: int, chunk_id: str = "") -> TextSample:
    provenance = Provenance(
        source=document.source,
        document_id=document.id,
        chunk_id=chunk_id,
        start_char=start,
        end_char=start + len(text),
        page=document.page_of(start),
    )
    return TextSample(id=content_id("corpus", document.id, str(start), text), text=text, provenance=provenance)


def as_text(sample: ChatSample | TextSample) -> TextSample:
    """A sample as plain text: its turns, reasoning included, one below the other."""
    if isinstance(sample, TextSample):
        return sample
    parts = [part for message in sample.messages for part in (message.reasoning, message.content) if part]
    text = "\n".join(parts)
    return TextSample(id=content_id("corpus", sample.id, text), text=text, provenance=sample.provenance)
