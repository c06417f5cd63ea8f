"""The stage `report`: one self-contained page that says what the run made, before against after, and how to go on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from danlu.artifacts import write_durably
from danlu.evaluation.page import page
from danlu.events import Done, Event, Saved
from danlu.workspace.runs import Run
from danlu.workspace.store import Workspace


def report(run: Run, workspace: Workspace, stop: Callable[[], bool]) -> Iterator[Event]:
    """Leaves reports/RUN/report.html; the same inputs and language give the same bytes. Too short to be stopped."""
    folder = workspace.reports / run.name
    folder.mkdir(parents=True, exist_ok=True)
    results = folder / "results.json"
    known = json.loads(results.read_text(encoding="utf-8")) if results.is_file() else None
    html = render(page(run, workspace, known))
    path = folder / "report.html"
    reused = path.is_file() and path.read_text(encoding="utf-8") == html
    run.record_artifact("report", folder.relative_to(workspace.folder).as_posix())
    if not reused:
        write_durably(path, html)
        yield Saved(kind="report", path=str(path))
    yield Done(stage="report", reused=reused, summary={"path": str(path)})


def render(values: dict[str, object]) -> str:
    """The page as HTML. Every value is escaped: answers and documents are data."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = files("danlu.evaluation").joinpath("report.html.jinja").read_text(encoding="utf-8")
    return environment.from_string(template).render(values)
