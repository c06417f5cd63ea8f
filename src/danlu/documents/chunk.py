"""Splits the recipe's documents into chunks, document by document, and keeps them under the plan of their sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from danlu.documents.splitting import oversized, split
from danlu.errors import InputError
from danlu.events import Done, Event, Progress, Warned
from danlu.workspace import Workspace
from danlu.workspace.plans import chunk_plan
from danlu.workspace.runs import Run
from danlu.workspace.sources import find_sources


def chunk(run: Run, workspace: Workspace, stop: Callable[[], bool]) -> Iterator[Event]:
    """Chunks every document that has none under this plan. Raises InputError where documents are not ingested yet."""
    if run.recipe.documents is None:
        raise InputError("recipe_without_documents", where=str(run.folder / "recipe.yaml"))
    knobs, plan, rows = run.recipe.documents.chunk, chunk_plan(run.recipe), workspace.rows
    ids = find_sources(run.recipe.documents.paths).document_ids
    missing = len(set(ids) - rows.document_ids())
    if missing:
        raise InputError("documents_not_ingested", where=str(workspace.folder), count=missing)
    finished = {found.document_id for found in rows.chunks(ids, plan)}
    new = [id for id in ids if id not in finished]
    for number, id in enumerate(new):
        if stop():
            return
        yield Progress(done=number, total=len(new), unit="documents")
        [document] = rows.documents([id])
        rows.save_chunks(plan, split(document, min_chars=knobs.min_chars, max_chars=knobs.max_chars))
    if new:
        yield Progress(done=len(new), total=len(new), unit="documents")
    chunks = rows.chunks(ids, plan)
    large = oversized(chunks, knobs.max_chars)
    if large:
        yield Warned(reason="oversized_chunks", count=len(large), params={"max_chars": str(knobs.max_chars)})
    sizes = [len(found.text) for found in chunks]
    summary: dict[str, object] = {"chunks": len(chunks), "documents": len(ids)}
    summary |= {"min_chars": min(sizes, default=0), "max_chars": max(sizes, default=0)}
    yield Done(stage="chunk", reused=not new, summary=summary)
