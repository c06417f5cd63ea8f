"""Runs: a folder per attempt at a recipe, with its state, what each stage made, and a lock while it is at work.

    runs/NAME-N/{recipe.yaml, card.json, events.jsonl, logs/, pid, checkpoints/, adapter/}

A run belongs to one resolved recipe. The same recipe again continues its newest run; a changed recipe starts the next.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

from danlu.artifacts import key_of, package_versions, write_durably
from danlu.errors import ArtifactError, BusyError, InputError
from danlu.recipe import Recipe, load_recipe
from danlu.recipe.load import dump_recipe

State = Literal["queued", "running", "succeeded", "failed", "cancelled", "interrupted"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One attempt at a recipe: its name (NAME-N), folder and recipe. What a stage is given as `spec`."""

    name: str
    folder: Path
    recipe: Recipe

    @property
    def adapter(self) -> Path:
        """What training leaves: an adapter, or a whole model where all weights were trained."""
        return self.folder / "adapter"

    @property
    def events(self) -> Path:
        """Every event of every stage, one JSON line each."""
        return self.folder / "events.jsonl"

    @property
    def logs(self) -> Path:
        """One log per stage and start."""
        return self.folder / "logs"

    def checkpoints(self, stage: str) -> Path:
        """Where a stage keeps what it needs to carry on after a kill."""
        return self.folder / "checkpoints" / stage

    def card(self) -> dict[str, object]:
        """State, times and, under `artifacts`, what each stage made."""
        try:
            return json.loads((self.folder / "card.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            where = str(self.folder / "card.json")
            raise ArtifactError("card_unreadable", where=where, problem=str(error)) from None

    def update_card(self, **changes: object) -> None:
        """Writes changed fields of the card, at once."""
        text = json.dumps({**self.card(), **changes}, ensure_ascii=False, indent=2)
        write_durably(self.folder / "card.json", text + "\n")

    def artifacts(self) -> dict[str, str]:
        """What the stages made, by kind: the dataset's label, and paths relative to the workspace."""
        return dict(self.card().get("artifacts", {}))

    def record_artifact(self, kind: str, value: str) -> None:
        """Notes what a stage made, for the stages after it."""
        self.update_card(artifacts={**self.artifacts(), kind: value})

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Holds the run for this process. Raises BusyError where another one has it; a killed one has not."""
        with (self.folder / ".lock").open("a+") as file:
            if not _take(file, tries=5):
                pid = (self.folder / "pid").read_text() if (self.folder / "pid").exists() else "?"
                raise BusyError("run_busy", where=str(self.folder), name=self.name, pid=pid.strip())
            (self.folder / "pid").write_text(f"{os.getpid()}\n")
            try:
                yield
            finally:
                (self.folder / "pid").unlink(missing_ok=True)

    def is_at_work(self) -> bool:
        """Whether a living process holds this run."""
        with (self.folder / ".lock").open("a+") as file:
            return not _take(file, tries=1)

    def state(self) -> State:
        """The recorded state; a run that says running but that no process holds was interrupted."""
        recorded = self.card()["state"]
        if recorded == "running" and not self.is_at_work():
            return "interrupted"
        return recorded


def recipe_key(recipe: Recipe) -> str:
    """The hash that says whether two recipes are the same, defaults written out."""
    return key_of(recipe.model_dump(mode="json", by_alias=True))


def continue_or_create(runs: Path, recipe: Recipe) -> Run:
    """The newest run of this very recipe, or a new one, NAME-N. A folder killed at its birth is filled again."""
    key = recipe_key(recipe)
    with (runs / ".new.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # two processes must not take the same number
        for run in reversed(list_runs(runs, recipe.name)):
            if run.card().get("recipe_key") == key:
                return run
        return _create(runs, recipe, key)


def _create(runs: Path, recipe: Recipe, key: str) -> Run:
    number = max((_number(run.name) for run in list_runs(runs, recipe.name)), default=0) + 1
    folder = runs / f"{recipe.name}-{number}"
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    write_durably(folder / "recipe.yaml", dump_recipe(recipe))
    card = {"kind": "run", "name": folder.name, "state": "queued", "recipe_key": key, "versions": package_versions()}
    write_durably(folder / "card.json", json.dumps(card, indent=2) + "\n")
    return Run(name=folder.name, folder=folder, recipe=recipe)


def list_runs(runs: Path, recipe_name: str = "") -> list[Run]:
    """All whole runs, or those of one recipe's name, oldest first. A folder cut off at its birth is left out."""
    folders = [path.parent for path in runs.glob("*/card.json") if _number(path.parent.name)]
    if recipe_name:
        folders = [folder for folder in folders if folder.name.rpartition("-")[0] == recipe_name]
    folders.sort(key=lambda folder: (folder.name.rpartition("-")[0], _number(folder.name)))
    return [open_run(runs, folder.name) for folder in folders]


def open_run(runs: Path, name: str) -> Run:
    """The run of this name, or the newest run of this recipe name. Raises InputError where there is none."""
    folder = runs / name
    if not (folder / "card.json").is_file():
        newest = list_runs(runs, name) if name and "/" not in name else []
        if not newest:
            raise InputError("run_unknown", where=str(runs), name=name)
        return newest[-1]
    return Run(name=name, folder=folder, recipe=load_recipe(folder / "recipe.yaml", check_paths=False))


def _take(file: TextIO, *, tries: int) -> bool:
    """Takes the lock of an open file without waiting for work to end; the tries outlast somebody's short look."""
    for attempt in range(tries):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if attempt + 1 < tries:
                time.sleep(0.05)
    return False


def _number(name: str) -> int:
    tail = name.rpartition("-")[2]
    return int(tail) if tail.isdigit() else 0
