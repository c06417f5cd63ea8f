"""Recipes, runs and a teacher's server for the tests of datasets."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "remote"))

from loopback import LoopbackTeacher

from danlu.datasets.freeze import freeze
from danlu.datasets.synthesize import synthesize
from danlu.documents.chunk import chunk
from danlu.documents.ingest import ingest
from danlu.events import Done, Event, Warned
from danlu.recipe import Recipe
from danlu.workspace import Workspace
from danlu.workspace.runs import Run, continue_or_create

STAGES = {"ingest": ingest, "chunk": chunk, "synthesize": synthesize, "freeze": freeze}
NAMES = ("Alder", "Birch", "Cedar", "Damson", "Elm", "Fir", "Ginkgo", "Hazel", "Ivy", "Juniper", "Kapok", "Larch")


class Bench:
    """Runs stages of a recipe in one workspace and keeps their events."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def run(self, **knobs: object) -> Run:
        return continue_or_create(self.workspace.runs, Recipe.model_validate({"name": "bench", **knobs}))

    def go(self, run: Run, *stages: str, stop: Callable[[], bool] = lambda: False) -> list[Event]:
        names = stages or (tuple(STAGES) if run.recipe.documents else ("freeze",))
        return [event for name in names for event in STAGES[name](run, self.workspace, stop)]


@pytest.fixture
def bench(workspace: Workspace) -> Bench:
    return Bench(workspace)


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """Twelve documents of three chunks each (at 200 to 400 characters), every sentence a fact of its own."""
    folder = tmp_path / "reports"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        paragraphs = [
            f"## {name} section {part}\n\n"
            + " ".join(f"The capacity of {name} plant {part}{line} is {1900 + 30 * number + 6 * part + line} tons."
                       for line in range(5))
            for part in range(3)
        ]  # fmt: skip
        (folder / f"{name.lower()}.md").write_text(f"# {name}\n\n" + "\n\n".join(paragraphs) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def teacher_server() -> Iterator[LoopbackTeacher]:
    with LoopbackTeacher() as server:
        yield server


@pytest.fixture
def warnings_of() -> Callable[[list[Event]], dict[str, int]]:
    return lambda events: {event.reason: event.count for event in events if isinstance(event, Warned)}


@pytest.fixture
def summary_of() -> Callable[[list[Event]], dict[str, object]]:
    def last(events: list[Event]) -> dict[str, object]:
        assert isinstance(events[-1], Done)
        return events[-1].summary

    return last
