"""From a verb to jobs: finds the run that is meant, runs its stages here or in the background, shows how it went.

recipe file or run name -> Run -> run_stages -> progress on stderr -> results on stdout -> exit code
"""

from __future__ import annotations

import difflib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from danlu.cli.console.display import say, screen
from danlu.cli.console.results import failure, show_background, show_results
from danlu.errors import DanluError, UsageError
from danlu.jobs.background import start_in_background
from danlu.jobs.signals import stop_on_signals
from danlu.jobs.stages import check_stages, choose_stages
from danlu.jobs.start import run_stages
from danlu.jobs.trial import keep_full_recipe, record_estimate, trial_recipe, was_tried
from danlu.messages import t
from danlu.recipe import Recipe, load_recipe
from danlu.workspace import Workspace
from danlu.workspace.runs import Run, continue_or_create, list_runs, open_run


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What a command line asks for: a recipe or run, and its `stages`, or those from `first` to `last`."""

    target: str
    workspace: Path
    overrides: list[str]
    as_json: bool
    stages: tuple[str, ...] = ()
    first: str = ""
    last: str = ""
    background: bool = False
    trial_rows: int | None = None
    suggest_trial: bool = False


def perform(request: Request) -> int:
    """Does what is asked and returns the exit code."""
    recipe, existing = _recipe_of(request)
    names = check_stages(recipe, request.stages) or choose_stages(recipe, request.first, request.last)
    workspace = Workspace(request.workspace)
    if request.suggest_trial and request.trial_rows is None and not was_tried(workspace.runs, recipe):
        say(t("cli.suggest_trial", target=request.target))
    run = _run_of(request, workspace, recipe, existing)
    try:
        if request.background:
            pid = start_in_background(run, workspace, names)
            show_background(run, workspace, pid, as_json=request.as_json)
            return 0
        return _run_here(run, workspace, names, as_json=request.as_json)
    except DanluError as error:
        return failure(error, as_json=request.as_json, run=run, workspace=workspace)


def _recipe_of(request: Request) -> tuple[Recipe, Run | None]:
    """The recipe that is meant, and the run whose own it is, where a run's name was given without overrides.

    A workspace that is not there is not made before the recipe is known to be right.
    """
    if Path(request.target).is_file() or request.target.endswith((".yaml", ".yml")) or "/" in request.target:
        return load_recipe(request.target, request.overrides), None
    runs = request.workspace / "runs"
    names = [run.name for run in list_runs(runs)]
    if request.target not in {*names, *(name.rpartition("-")[0] for name in names)}:
        near = difflib.get_close_matches(request.target, [*names, *_recipes_here()], n=1, cutoff=0.5)
        key = "recipe_or_run_unknown_near" if near else "recipe_or_run_unknown"
        raise UsageError(key, where=request.target, workspace=request.workspace, near=near[0] if near else "")
    run = open_run(runs, request.target)
    if not request.overrides:
        return run.recipe, run
    return load_recipe(run.folder / "recipe.yaml", request.overrides), None


def _recipes_here() -> list[str]:
    return [path.name for path in Path.cwd().iterdir() if path.suffix in (".yaml", ".yml")]


def _run_of(request: Request, workspace: Workspace, recipe: Recipe, existing: Run | None) -> Run:
    if request.trial_rows is not None:
        run = continue_or_create(workspace.runs, trial_recipe(recipe, request.trial_rows))
        keep_full_recipe(run, recipe)
        return run
    return existing or continue_or_create(workspace.runs, recipe)


def _run_here(run: Run, workspace: Workspace, names: list[str], *, as_json: bool) -> int:
    with stop_on_signals(t("cli.stopping")) as stop:
        with screen(names) as display, closing(run_stages(run, workspace, names, stop)) as events:
            for stage, event in events:
                display.show(stage, event)
        state = run.card()["state"]
        estimate = record_estimate(run) if state == "succeeded" else None
    if state != "succeeded":
        say(t("cli.stopped", name=run.name))
    show_results(run, workspace, names, estimate, as_json=as_json)
    return 0 if state == "succeeded" else stop.exit_code or 1
