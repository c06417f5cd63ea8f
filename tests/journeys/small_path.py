"""The whole way on a small setting through the real command, and the hashes by which two ways are compared.

sample documents + RECIPE -> `danlu run clinic.yaml` in a folder -> fingerprints(workspace)
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

from danlu.artifacts import read_card, sha256_file, sha256_folder

COMMAND = (sys.executable, "-m", "danlu.cli.main")
TINY = "{hidden_size: 64, num_layers: 1, steps: 12, vocabulary_size: 600, max_length: 64}"
RECIPE = f"""\
name: clinic
documents:
  paths: [documents/]
synthesize:
  chars_per_question: 120
  wordings: 3
model:
  base: tiny
  tiny: {TINY}
train:
  max_length: 256
  samples_per_step: 4
  steps: 12
  learning_rate: 2.0e-3
evaluate: {{max_questions: 4, max_new_tokens: 8}}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict:
        """Standard output as the one JSON object it must be."""
        return json.loads(self.out)


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A folder in which `danlu` is called, its recipe, and the workspace that the command makes beside it."""

    folder: Path

    @property
    def workspace(self) -> Path:
        return self.folder / "danlu-workspace"

    @property
    def recipe(self) -> Path:
        return self.folder / "clinic.yaml"

    def start(self, *arguments: str, preexec: Callable[[], None] | None = None, **more: str) -> subprocess.Popen[str]:
        """`danlu ARGUMENTS` as a process; `more` is added to its environment."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DANLU_", "LC_"))}
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env={**kept, "LANG": "C.UTF-8", "NO_PROXY": "127.0.0.1", "COLUMNS": "100", **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=preexec,
        )

    def danlu(
        self, *arguments: str, preexec: Callable[[], None] | None = None, timeout_seconds: float = 200, **more: str
    ) -> Outcome:
        """`danlu ARGUMENTS` to its end."""
        process = self.start(*arguments, preexec=preexec, **more)
        try:
            out, err = process.communicate(timeout=timeout_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return Outcome(code=process.returncode, out=out, err=err)

    def done(self, *arguments: str, timeout_seconds: float = 200, **more: str) -> Outcome:
        """`danlu ARGUMENTS`, which must end well."""
        outcome = self.danlu(*arguments, timeout_seconds=timeout_seconds, **more)
        assert outcome.code == 0, outcome.err
        return outcome

    @property
    def newest(self) -> str:
        """The name of the run that was made last."""
        return max(
            (path.parent.name for path in self.workspace.glob("runs/*/card.json")),
            key=lambda name: int(name.rpartition("-")[2]),
        )

    def run(self, name: str = "clinic-1") -> Path:
        return self.workspace / "runs" / name

    def card(self, name: str = "clinic-1") -> dict:
        return json.loads((self.run(name) / "card.json").read_text(encoding="utf-8"))

    def events(self, name: str = "clinic-1") -> list[dict]:
        """The run's whole events so far."""
        path = self.run(name) / "events.jsonl"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        return [json.loads(line) for line in text.split("\n")[:-1]]


def new_place(folder: Path) -> Place:
    """The sample documents and the recipe in a folder of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    with as_file(files("danlu.samples") / "documents") as documents:
        shutil.copytree(documents, folder / "documents")
    (folder / "clinic.yaml").write_text(RECIPE, encoding="utf-8")
    return Place(folder=folder)


def copied(place: Place, folder: Path) -> Place:
    """A copy of a place with all that its workspace holds. Its documents have the same content, in another folder."""
    shutil.copytree(place.folder, folder)
    return Place(folder=folder)


@cache
def _whole_way(root: Path) -> tuple[Place, Outcome]:
    place = new_place(root / "whole-way")
    return place, place.done("run", "clinic.yaml")


def whole_way(root: Path) -> tuple[Place, Outcome]:
    """One uninterrupted `danlu run`, made once for all tests; they copy it and never change it."""
    return _whole_way(root)


def fingerprints(place: Place, name: str = "clinic-1") -> dict[str, object]:
    """What a whole way made, by content: dataset, base, adapter, merged weights, and what both models said."""
    made = place.card(name)["artifacts"]
    dataset, base = place.workspace / "datasets" / made["dataset"], place.workspace / made["base"]
    adapter, export = place.workspace / made["adapter"], place.workspace / made["export"]
    for folder in (dataset, base, export):
        assert read_card(folder).sha256 == sha256_folder(folder), folder
    results = json.loads((place.workspace / made["report"] / "results.json").read_text(encoding="utf-8"))
    return {
        "dataset": read_card(dataset).sha256,
        "base": read_card(base).sha256,
        "adapter": read_card(adapter).sha256,
        "adapter weights": sha256_file(adapter / "adapter_model.safetensors"),
        "merged weights": sha256_file(export / "model.safetensors"),
        "answers": results["items"],
        "figures": results["splits"],
    }


def leftovers(place: Place) -> list[str]:
    """What a half-done write leaves behind: staging files and folders, and checkpoints of a finished stage."""
    found = [path for pattern in (".*.staging", "*.staging", ".*.replaced") for path in place.workspace.rglob(pattern)]
    return sorted({path.relative_to(place.workspace).as_posix() for path in found})
