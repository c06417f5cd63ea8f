"""A trial: what it leaves out, and the full run predicted from it."""

from __future__ import annotations

import json

import pytest

from danlu.jobs.trial import full_run_estimate, keep_full_recipe, record_estimate, trial_recipe, was_tried
from danlu.recipe import Recipe
from danlu.workspace.runs import continue_or_create


def test_a_trial_is_small_and_has_names_of_its_own(recipe):
    trial = trial_recipe(recipe, rows=100)
    assert (trial.name, trial.dataset_name) == ("small-trial", "small-trial")
    assert (trial.dataset.max_samples, trial.train.steps) == (100, 10)
    assert trial.model.tiny.steps <= 20 and trial.evaluate.max_questions <= 5
    assert Recipe.model_validate(trial.model_dump(by_alias=True)) == trial


def test_a_trial_never_asks_for_more_than_the_recipe(recipe):
    small = recipe.model_copy(
        update={
            "dataset": recipe.dataset.model_copy(update={"max_samples": 7}),
            "train": recipe.train.model_copy(update={"steps": 3}),
        }
    )
    trial = trial_recipe(small, rows=100)
    assert (trial.dataset.max_samples, trial.train.steps) == (7, 3)


@pytest.fixture
def tried(workspace, recipe):
    """A trial on 100 of 1000 rows, 80 of them trained: 10 steps of 0.5 s, one of 5 s; stages as timed below."""
    run = continue_or_create(workspace.runs, trial_recipe(recipe))
    keep_full_recipe(run, recipe)
    seconds = [0.5] * 9 + [5.0]
    steps = [{"event": "step", "stage": "train", "step": i + 1, "seconds": s} for i, s in enumerate(seconds)]
    run.events.write_text("".join(json.dumps(step) + "\n" for step in steps))
    freeze = {"num_samples_available": 1000, "num_samples": 100, "num_train": 80}
    results = {"freeze": (2.0, freeze), "train": (20.0, {"peak_memory_bytes": 10**12}), "evaluate": (3.0, {})}
    stages = {name: {"seconds": s, "summary": summary} for name, (s, summary) in results.items()}
    run.update_card(stages=stages)
    return run


def test_the_full_run_is_predicted_from_the_median_step(tried, recipe):
    estimate = full_run_estimate(tried, recipe)
    assert estimate.seconds_per_step == 0.5
    # 1000 / 100 x 80 = 800 trained samples; 2 epochs of 800 at 4 a step = 400 steps.
    assert (estimate.predicted_samples, estimate.predicted_steps) == (800, 400)
    # freeze 2 x 10; train 20 + 390 further steps x 0.5; evaluate 3 x 100 questions / 5.
    assert estimate.predicted_seconds == pytest.approx(20 + 20 + 195 + 60)
    assert estimate.peak_memory_bytes == 10**12


def test_the_estimate_is_kept_on_the_trials_card_only(tried, run):
    record_estimate(tried)
    assert tried.card()["estimate"]["predicted_steps"] == 400
    assert record_estimate(run) is None
    assert "estimate" not in run.card()


def test_a_trial_that_trained_nothing_predicts_nothing(tried, recipe):
    tried.events.write_text("")
    estimate = full_run_estimate(tried, recipe)
    assert estimate.predicted_seconds is None and estimate.peak_memory_bytes > 0


def test_a_recipe_counts_as_tried_after_its_trial(workspace, recipe, tried):
    assert was_tried(workspace.runs, recipe)
    assert not was_tried(workspace.runs, recipe.model_copy(update={"name": "new"}))
