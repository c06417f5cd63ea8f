"""The stages in their order, which of them a recipe needs, and how one is found by its name.

A stage is `verb(run, workspace, stop) -> Iterator[Event]`: one that ends well yields `Done` last; one that saw
`stop()` saves its state and returns without it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module

from danlu.errors import UsageError
from danlu.events import Event
from danlu.jobs.threads import let_waiting_threads_sleep
from danlu.recipe import Recipe
from danlu.workspace import Workspace
from danlu.workspace.runs import Run

Stage = Callable[[Run, Workspace, Callable[[], bool]], Iterator[Event]]

STAGES: dict[str, str] = {
    "ingest": "danlu.documents.ingest:ingest",
    "chunk": "danlu.documents.chunk:chunk",
    "synthesize": "danlu.datasets.synthesize:synthesize",
    "freeze": "danlu.datasets.freeze:freeze",
    "base": "danlu.training.base:base",
    "train": "danlu.training.train:train",
    "evaluate": "danlu.evaluation.evaluate:evaluate",
    "export": "danlu.exporting.export:export",
    "report": "danlu.evaluation.report:report",
}
_FOR_DOCUMENTS = ("ingest", "chunk", "synthesize")


def stages_of(recipe: Recipe) -> list[str]:
    """The stages this recipe needs, in order; those that read documents only where it names documents."""
    return [name for name in STAGES if recipe.documents is not None or name not in _FOR_DOCUMENTS]


def choose_stages(recipe: Recipe, first: str = "", last: str = "") -> list[str]:
    """The recipe's stages from `first` to `last`, both included; empty means from the start, to the end.

    Raises UsageError for a name that is no stage, one this recipe has no use for, or an empty choice.
    """
    needed = stages_of(recipe)
    check_stages(recipe, [name for name in (first, last) if name])
    start = needed.index(first) if first else 0
    end = needed.index(last) + 1 if last else len(needed)
    if start >= end:
        raise UsageError("stages_backward", first=first, last=last)
    return needed[start:end]


def check_stages(recipe: Recipe, names: Iterable[str]) -> list[str]:
    """The named stages as a list. Raises UsageError for a name that is no stage, or one this recipe has no use for."""
    for name in names:
        _check(name, stages_of(recipe))
    return list(names)


def load_stage(name: str) -> Stage:
    """The stage's function; its module is imported now."""
    let_waiting_threads_sleep()
    module, _, function = STAGES[name].partition(":")
    return getattr(import_module(module), function)


def _check(name: str, needed: list[str]) -> None:
    if name in needed:
        return
    if name in STAGES:
        raise UsageError("stage_without_documents", name=name)
    near = difflib.get_close_matches(name, needed, n=1, cutoff=0.5)
    if near:
        raise UsageError("stage_unknown_near", name=name, near=near[0])
    raise UsageError("stage_unknown", name=name, known=", ".join(needed))
