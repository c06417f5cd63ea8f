"""Which chunks and facts a recipe means: all of them, or with `max_samples` the first few of every document in turn.

However few are asked for, there are documents (or chunks) enough for every split to get one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from danlu.datasets.split import shares_of
from danlu.errors import InputError
from danlu.recipe import Recipe
from danlu.types import Chunk
from danlu.workspace import Workspace
from danlu.workspace.plans import chunk_plan
from danlu.workspace.sources import find_sources

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """The chunks to ask about, in the order of the documents, and how many facts the other chunks promise."""

    chosen: list[Chunk]
    facts_left_alone: int


def facts_wanted(chunk: Chunk, recipe: Recipe) -> int:
    """How many facts a chunk is asked for."""
    return max(1, len(chunk.text) // recipe.synthesize.chars_per_question)


def select(recipe: Recipe, workspace: Workspace) -> Selection:
    """The chunks to ask about. Raises InputError where documents or chunks are missing, naming the command to run."""
    assert recipe.documents is not None
    ids = find_sources(recipe.documents.paths).document_ids
    missing = len(set(ids) - workspace.rows.document_ids())
    if missing:
        raise InputError("documents_not_ingested", where=str(workspace.folder), count=missing)
    chunks = workspace.rows.chunks(ids, chunk_plan(recipe))
    missing = len(set(ids) - {chunk.document_id for chunk in chunks})
    if missing:
        raise InputError("documents_not_chunked", where=str(workspace.folder), count=missing)
    chosen = _enough(chunks, recipe)
    taken = {chunk.id for chunk in chosen}
    left = sum(facts_wanted(chunk, recipe) for chunk in chunks if chunk.id not in taken)
    return Selection(chosen=chosen, facts_left_alone=left)


def in_turn(items: Iterable[_T], group: Callable[[_T], str]) -> list[_T]:
    """One item of every group, then a second of every group: [a1, a2, b1] becomes [a1, b1, a2]."""
    groups: dict[str, list[_T]] = {}
    for item in items:
        groups.setdefault(group(item), []).append(item)
    rounds = max(map(len, groups.values()), default=0)
    return [members[turn] for turn in range(rounds) for members in groups.values() if turn < len(members)]


def unit_of(chunk: Chunk, recipe: Recipe) -> str:
    """The id of what is dealt whole with this chunk: its document's, or its own."""
    return chunk.document_id if recipe.dataset.split.by == "document" else chunk.id


def _enough(chunks: list[Chunk], recipe: Recipe) -> list[Chunk]:
    """Chunks in turn over the documents until they promise `max_samples` facts, in the order of the documents."""
    most = recipe.dataset.max_samples
    if most is None:
        return chunks
    taken: set[str] = set()
    units: set[str] = set()
    promised = 0
    for chunk in in_turn(chunks, lambda one: one.document_id):
        if promised >= most and len(units) >= len(shares_of(recipe.dataset.split)):
            break
        taken.add(chunk.id)
        units.add(unit_of(chunk, recipe))
        promised += facts_wanted(chunk, recipe)
    return [chunk for chunk in chunks if chunk.id in taken]
