"""Freezes a dataset version: samples of documents and of files, split without leaks, duplicates dropped and counted.

facts of documents (dealt by document or chunk) + rows of files (dealt by row)
    -> one sample per question text -> train, validation, test, learned + corpus -> datasets/NAME@VERSION
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from danlu.datasets.from_documents import DocumentSamples, as_text, samples_from_documents
from danlu.datasets.from_rows import Rows, deal_rows, notes, read_all, take
from danlu.datasets.split import shares_of
from danlu.errors import InputError
from danlu.events import Done, Event, Saved, Shown, Warned
from danlu.messages import t
from danlu.recipe import Recipe
from danlu.types import SPLITS, ChatSample, Split, TextSample
from danlu.workspace import Workspace
from danlu.workspace import dataset as store
from danlu.workspace.runs import Run

Rowlike = ChatSample | TextSample


@dataclass(slots=True)
class _Draft:
    """What goes into the version, and what was dropped on the way."""

    splits: dict[Split, list[Rowlike]] = field(default_factory=lambda: {split: [] for split in SPLITS})
    seen: set[str] = field(default_factory=set)
    duplicates: int = 0
    available: int = 0
    taken: int = 0

    def first_seen(self, sample: Rowlike) -> bool:
        """Whether no earlier sample asks this; counts it as a duplicate otherwise."""
        question = question_of(sample)
        if question in self.seen:
            self.duplicates += 1
            return False
        self.seen.add(question)
        return True


def freeze(run: Run, workspace: Workspace, stop: Callable[[], bool]) -> Iterator[Event]:
    """Writes the next version of the recipe's dataset, or finds the version that holds the same."""
    recipe = run.recipe
    documents = samples_from_documents(recipe, workspace) if recipe.documents else None
    rows = read_all(recipe.dataset) if recipe.dataset.paths else None
    if rows:
        yield from notes(rows)
    draft = _draft(recipe, documents, rows)
    if stop():
        return
    yield from _warnings(recipe, draft, documents, rows)
    corpus = _texts(draft, documents, "train")
    if recipe.train.method.kind == "pretrain":  # it trains on the corpus, and is watched on text of the same kind
        draft.splits["validation"] = list(_texts(draft, documents, "validation"))
    parents = {**(documents.parents if documents else {}), **(rows.parents if rows else {})}
    with workspace.lock("datasets"):
        frozen, reused = store.freeze(
            workspace.datasets,
            recipe.dataset_name,
            {**draft.splits, "corpus": corpus},
            parents=parents,
            details=_details(recipe, draft, documents, rows),
        )
    run.record_artifact("dataset", frozen.label)
    if not reused:
        yield Saved(kind="dataset", path=str(frozen.folder), sha256=frozen.sha256)
    yield Shown(title=t("shown.sample", dataset=frozen.label), text=in_plain_text(draft.splits["train"][0]))
    counts = {split: len(draft.splits[split]) for split in SPLITS}
    summary: dict[str, object] = {"dataset": frozen.label, **counts, "num_train": counts["train"]}
    summary |= {"num_samples": draft.taken, "num_samples_available": draft.available}
    yield Done(stage="freeze", reused=reused, summary=summary)


def _draft(recipe: Recipe, documents: DocumentSamples | None, rows: Rows | None) -> _Draft:
    draft = _Draft()
    if documents:
        for split, sample in documents.samples:
            if draft.first_seen(sample):
                draft.splits[split].append(sample)
        _drop_untaught(draft)
        draft.available, draft.taken = documents.facts_available, documents.facts
    if rows:
        _check_kinds(rows, documents)
        distinct = [sample for sample in rows.samples if draft.first_seen(sample)]
        taken = take(distinct, recipe.dataset)
        for split, sample in deal_rows(taken, recipe.dataset):
            draft.splits[split].append(sample)
        draft.available += len(distinct)
        draft.taken += len(taken)
    if not draft.splits["train"]:
        raise InputError("dataset_without_training", where=recipe.dataset_name)
    return draft


def _texts(draft: _Draft, documents: DocumentSamples | None, split: Split) -> list[TextSample]:
    """A split as plain text: that of its documents, or of its rows where there are no documents."""
    return documents.texts[split] if documents else [as_text(sample) for sample in draft.splits[split]]


def _drop_untaught(draft: _Draft) -> None:
    """A held-out wording stays only where its fact is trained in another wording."""
    trained = {sample.provenance.fact_id for sample in draft.splits["train"]}
    kept = [sample for sample in draft.splits["learned"] if sample.provenance.fact_id in trained]
    draft.duplicates += len(draft.splits["learned"]) - len(kept)
    draft.splits["learned"] = kept


def _check_kinds(rows: Rows, documents: DocumentSamples | None) -> None:
    """Text for pretraining and dialogues do not go into one dataset: no method eats both."""
    kinds = {sample.kind: file.path for file in rows.files for sample in file.samples[:1]}
    if "text" in kinds and (documents or len(kinds) > 1):
        raise InputError("kinds_mixed", where=str(kinds["text"]))


def question_of(sample: Rowlike) -> str:
    """What a sample asks, for telling the same question: all that the user says, width, case and blanks evened out."""
    if isinstance(sample, TextSample):
        asked = sample.text
    else:
        asked = "\n".join(message.content for message in sample.messages if message.role == "user")
    return " ".join(unicodedata.normalize("NFKC", asked).casefold().split())


def _warnings(recipe: Recipe, draft: _Draft, documents: DocumentSamples | None, rows: Rows | None) -> Iterator[Event]:
    if draft.duplicates:
        yield Warned(reason="duplicate_question", count=draft.duplicates)
    if draft.available > draft.taken:
        most = str(recipe.dataset.max_samples)
        yield Warned(reason="samples_left_alone", count=draft.available - draft.taken, params={"max_samples": most})
    if documents and rows and recipe.dataset.split.by != "row":
        yield Warned(reason="split_by_row", count=len(rows.samples), params={"by": recipe.dataset.split.by})
    for split in shares_of(recipe.dataset.split):
        if not draft.splits[split]:
            yield Warned(reason="split_empty", count=1, params={"split": split})


def _details(recipe: Recipe, draft: _Draft, documents: DocumentSamples | None, rows: Rows | None) -> dict[str, object]:
    found: dict[str, object] = {"split": recipe.dataset.split.model_dump(mode="json"), "seed": recipe.dataset.seed}
    found |= {"duplicates": draft.duplicates, "num_samples": draft.taken, "num_samples_available": draft.available}
    if documents:
        found |= {"teacher": documents.teacher, "facts": documents.facts, "documents": documents.documents}
    if rows:
        found["formats"] = {file.path.name: file.format for file in rows.files}
    return found


def in_plain_text(sample: Rowlike) -> str:
    """A sample for reading: who says what, and where it comes from."""
    spoken: Sequence[tuple[str, str]] = [("text", sample.text)] if isinstance(sample, TextSample) else [
        (name, text)
        for message in sample.messages
        for name, text in ((f"{message.role} (reasoning)", message.reasoning), (message.role, message.content))
        if text
    ]  # fmt: skip
    origin = sample.provenance
    place = [origin.source]
    place += [f"page {origin.page}"] if origin.page else []
    place += [f"characters {origin.start_char}-{origin.end_char}"] if origin.start_char is not None else []
    place += [f"row {origin.row}"] if origin.row else []
    return "\n".join([*(f"{name}: {text}" for name, text in spoken), f"[{', '.join(place)}]"])
