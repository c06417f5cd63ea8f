"""Reads the recipe's document files into the workspace: all of them, or none where one is bad.

files not known yet -> readers -> documents with their coverage, saved once all are read
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict

from danlu.documents.readers import ReadResult, read_document
from danlu.errors import InputError
from danlu.events import Done, Event, Progress, Warned
from danlu.workspace import Workspace
from danlu.workspace.runs import Run
from danlu.workspace.sources import Source, Sources, find_sources

_NAMES_SHOWN = 5


def ingest(run: Run, workspace: Workspace, stop: Callable[[], bool]) -> Iterator[Event]:
    """Reads every file that the database does not hold. Raises InputError for files that cannot be read."""
    if run.recipe.documents is None:
        raise InputError("recipe_without_documents", where=str(run.folder / "recipe.yaml"))
    sources = find_sources(run.recipe.documents.paths)
    known = workspace.rows.document_ids()
    new = [file for file in sources.files if file.document_id not in known]
    results: list[ReadResult] = []
    problems: list[InputError] = []
    for number, file in enumerate(new):
        if stop():
            return
        yield Progress(done=number, total=len(new), unit="files")
        _read(file, results, problems)
    _raise(problems)
    with workspace.lock("ingest"):
        for result in results:
            workspace.rows.save_document(result.document, asdict(result.coverage))
    if new:
        yield Progress(done=len(new), total=len(new), unit="files")
    yield from _report(workspace, sources, reused=not new)


def _read(file: Source, results: list[ReadResult], problems: list[InputError]) -> None:
    try:
        results.append(read_document(file.path, source=file.source))
    except InputError as error:
        problems.append(error)


def _raise(problems: list[InputError]) -> None:
    """One bad file speaks for itself; of several, each is named with what to do."""
    if len(problems) == 1:
        raise problems[0]
    if problems:
        listed = "\n".join(f"- {problem}" for problem in problems)
        raise InputError("documents_bad", count=len(problems), problems=listed)


def _report(workspace: Workspace, sources: Sources, *, reused: bool) -> Iterator[Event]:
    coverage = workspace.rows.coverage(sources.document_ids)
    names = {file.document_id: file.source for file in sources.files}
    for reason, files in _dropped(coverage).items():
        listed = _listed([names[id] for id in files])
        yield Warned(reason=reason, count=sum(files.values()), params={"files": listed})
    if sources.skipped:
        yield Warned(reason="files_skipped", count=len(sources.skipped), params={"files": _listed(sources.skipped)})
    if sources.repeated:
        yield Warned(reason="files_repeated", count=len(sources.repeated), params={"files": _listed(sources.repeated)})
    counts = list(coverage.values())
    kept = sum(int(one["characters_kept"]) for one in counts)
    dropped = sum(int(one["characters_read"]) - int(one["characters_kept"]) for one in counts)
    summary: dict[str, object] = {"files": len(counts), "characters": kept, "dropped": dropped}
    yield Done(stage="ingest", reused=reused, summary=summary)


def _dropped(coverage: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, int]]:
    """What was left out, by reason and document id; the reasons are the readers' own."""
    found: dict[str, dict[str, int]] = {}
    for id, one in coverage.items():
        for reason, count in dict(one["dropped"]).items():
            found.setdefault(reason, {})[id] = int(count)
    return found


def _listed(names: list[str] | tuple[str, ...]) -> str:
    more = f" … (+{len(names) - _NAMES_SHOWN})" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more
