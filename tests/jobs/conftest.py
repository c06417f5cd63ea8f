"""A workspace with one run, and recipes, for tests of jobs."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from danlu.recipe import Recipe, parse_recipe
from danlu.workspace import Workspace
from danlu.workspace.runs import Run, continue_or_create

HERE = Path(__file__).parent


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    (tmp_path / "rows.jsonl").write_text('{"text": "a"}\n', encoding="utf-8")
    text = "name: small\ndataset: {paths: [rows.jsonl]}\ntrain: {samples_per_step: 4, epochs: 2}\n"
    return parse_recipe(text, path="small.yaml", folder=tmp_path, overrides=[])


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def run(workspace: Workspace, recipe: Recipe) -> Run:
    return continue_or_create(workspace.runs, recipe)


@pytest.fixture
def worker() -> Iterator[Callable[[str], tuple[str, ...]]]:
    """A worker's command whose every stage is the named one of fake_stages.py."""
    yield lambda stage: (sys.executable, str(HERE / "fake_worker.py"), stage)


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    """Waits for something another process does; fails after 20 seconds."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, "it did not happen within 20 seconds"
            time.sleep(0.02)

    return wait


@pytest.fixture
def started(worker, until, run: Run, workspace: Workspace) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts a worker of the run in a session of its own and waits until it said something; ends it afterwards."""
    processes = []

    def start(stage: str) -> subprocess.Popen[str]:
        command = [*worker(stage), "--workspace", str(workspace.folder), "--run", run.name, "--stages", "freeze,base"]
        process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        until(lambda: run.events.exists() or process.poll() is not None)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()
