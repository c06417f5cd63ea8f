"""The whole way on few rows and few steps, and what it tells about the full run: measured, then plainly predicted.

recipe -> trial_recipe -> run NAME-trial-N (keeps full_recipe.yaml) -> full_run_estimate -> card `estimate`
"""

from __future__ import annotations

import json
import math
import resource
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path

from danlu.jobs.supervise import read_events
from danlu.recipe import Recipe, load_recipe
from danlu.recipe.load import dump_recipe
from danlu.workspace.runs import Run, list_runs

_STEPS = 10
_TINY_STEPS = 20
_QUESTIONS = 5
# Stages whose work grows with the number of samples; the others are taken to last as long as they did.
_GROWING = ("synthesize", "freeze")


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """What a trial measured, and the full run predicted from it. None where the trial did not tell."""

    measured_seconds: dict[str, float]
    seconds_per_step: float | None
    peak_memory_bytes: int
    predicted_samples: int | None
    predicted_steps: int | None
    predicted_seconds: float | None


def trial_recipe(recipe: Recipe, rows: int = 100) -> Recipe:
    """The recipe on at most `rows` rows and a few steps, named NAME-trial; its dataset has a name of its own too."""
    train = recipe.train.model_copy(update={"steps": min(_STEPS, recipe.train.steps or _STEPS)})
    tiny = recipe.model.tiny.model_copy(update={"steps": min(_TINY_STEPS, recipe.model.tiny.steps)})
    questions = min(_QUESTIONS, recipe.evaluate.max_questions)
    fewest = min(rows, recipe.dataset.max_samples or rows)
    dataset = {"name": f"{recipe.dataset_name}-trial", "max_samples": fewest}
    return recipe.model_copy(
        update={
            "name": f"{recipe.name}-trial",
            "dataset": recipe.dataset.model_copy(update=dataset),
            "model": recipe.model.model_copy(update={"tiny": tiny}),
            "train": train,
            "evaluate": recipe.evaluate.model_copy(update={"max_questions": questions}),
        }
    )


def keep_full_recipe(run: Run, recipe: Recipe) -> None:
    """Notes beside a trial which recipe it tries."""
    (run.folder / "full_recipe.yaml").write_text(dump_recipe(recipe), encoding="utf-8")


def was_tried(runs: Path, recipe: Recipe) -> bool:
    """Whether this recipe, or one of its name, has been through here already, as a trial or whole."""
    tried = list_runs(runs, f"{recipe.name}-trial") + list_runs(runs, recipe.name)
    return any(run.card().get("stages") for run in tried)


def record_estimate(run: Run) -> Estimate | None:
    """Writes the estimate onto a trial's card; None for a run that is no trial."""
    path = run.folder / "full_recipe.yaml"
    if not path.exists():
        return None
    estimate = full_run_estimate(run, load_recipe(path, check_paths=False))
    run.update_card(estimate=asdict(estimate))
    return estimate


def full_run_estimate(trial: Run, recipe: Recipe) -> Estimate:
    """What the trial measured, and steps and seconds of `recipe` predicted from it."""
    results = dict(trial.card().get("stages", {}))
    measured = {name: float(result["seconds"]) for name, result in results.items()}
    seconds_per_step = _median_step_seconds(trial, "train")
    freeze = dict(results.get("freeze", {}).get("summary", {}))
    growth = _growth(freeze, recipe)
    trained = freeze.get("num_train")
    samples = round(trained * growth) if growth and isinstance(trained, int) else None
    steps = _full_steps(samples, recipe)
    return Estimate(
        measured_seconds=measured,
        seconds_per_step=seconds_per_step,
        peak_memory_bytes=_peak_memory(trial, results),
        predicted_samples=samples,
        predicted_steps=steps,
        predicted_seconds=_full_seconds(trial, recipe, measured, growth or 1.0, steps),
    )


def _growth(freeze: dict[str, object], recipe: Recipe) -> float | None:
    """How many times as many facts and rows the full run takes; None where the trial did not count them."""
    available, taken = freeze.get("num_samples_available"), freeze.get("num_samples")
    if not isinstance(available, int) or not isinstance(taken, int) or not taken:
        return None
    return max(1.0, min(available, recipe.dataset.max_samples or available) / taken)


def _full_steps(samples: int | None, recipe: Recipe) -> int | None:
    if recipe.train.steps:
        return recipe.train.steps
    if samples is None:
        return None
    return math.ceil(recipe.train.epochs * math.ceil(samples / recipe.train.samples_per_step))


def _full_seconds(
    trial: Run, recipe: Recipe, measured: dict[str, float], growth: float, steps: int | None
) -> float | None:
    """Stage by stage: what grows with samples grows with them, trained steps with steps, questions with questions."""
    total = sum(seconds * (growth if name in _GROWING else 1.0) for name, seconds in measured.items())
    total += _further_steps(trial, "base", trial.recipe.model.tiny.steps, recipe.model.tiny.steps)
    if "evaluate" in measured:
        questions = recipe.evaluate.max_questions / trial.recipe.evaluate.max_questions
        total += measured["evaluate"] * (max(1.0, questions) - 1)
    if "train" not in measured:
        return total
    if steps is None or _median_step_seconds(trial, "train") is None:
        return None
    return total + _further_steps(trial, "train", trial.recipe.train.steps or 0, steps)


def _further_steps(trial: Run, stage: str, done: int, wanted: int) -> float:
    seconds = _median_step_seconds(trial, stage)
    return seconds * max(0, wanted - done) if seconds else 0.0


def _median_step_seconds(run: Run, stage: str) -> float | None:
    events = (json.loads(line) for line in read_events(run))
    seconds = [event["seconds"] for event in events if event["event"] == "step" and event["stage"] == stage]
    return statistics.median(seconds) if seconds else None


def _peak_memory(trial: Run, results: dict[str, dict]) -> int:
    """The largest of what the stages recorded, this process, its children and an earlier attempt reached, in bytes."""
    earlier = dict(trial.card().get("estimate") or {}).get("peak_memory_bytes", 0)
    recorded = [result["summary"].get("peak_memory_bytes") or 0 for result in results.values()]
    # Linux counts ru_maxrss in units of 1024 bytes.
    kib = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return max(1024 * max(kib), *recorded, earlier)
