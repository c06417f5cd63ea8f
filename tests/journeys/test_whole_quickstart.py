"""The quickstart as a newcomer has it: its recipe with few steps, and (long) the command itself, twice."""

from __future__ import annotations

import json
import os
import time
from importlib.resources import as_file, files

import pytest
from small_path import Place


@pytest.fixture
def empty(tmp_path) -> Place:
    """A folder with nothing in it."""
    (tmp_path / "empty").mkdir()
    return Place(folder=tmp_path / "empty")


def test_its_recipe_goes_the_whole_way_in_chinese_with_few_steps(empty):
    few = ("model.tiny.steps=10", "model.tiny.hidden_size=64", "model.tiny.num_layers=1", "train.steps=5")
    asked = ("evaluate.max_questions=2", "evaluate.max_new_tokens=4")
    with as_file(files("danlu") / "quickstart" / "recipe.yaml") as recipe:
        outcome = empty.done("run", str(recipe), *few, *asked, "--lang", "zh")
    assert "quickstart-1：成功" in outcome.out and "从未见过" in outcome.out
    made = empty.card("quickstart-1")["stages"]
    assert made["synthesize"]["summary"]["facts"] >= 90
    frozen = made["freeze"]["summary"]
    # Five wordings: four are trained and one is kept, of every fact in the training documents.
    assert frozen["train"] > 3 * frozen["learned"] > 0 and frozen["test"] > 0 and frozen["validation"] > 0


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_newcomer_sees_a_model_learn_and_the_second_time_nothing_is_done_again(empty):
    threads = str(os.cpu_count())  # as many as a user has, where the other tests take one
    first = empty.done("quickstart", "--json", timeout_seconds=1500, OMP_NUM_THREADS=threads).json
    splits = first["results"]["splits"]
    asked = splits["trained"]["num_questions"]
    assert splits["trained"]["tuned"]["exact"] >= 0.9 * asked
    assert splits["trained"]["base"]["exact"] <= 0.05 * asked
    for split in ("learned", "unseen"):
        assert splits[split]["tuned"]["loss"] < splits[split]["base"]["loss"], split

    begun = time.monotonic()
    second = empty.done("quickstart", "--json").json
    assert time.monotonic() - begun < 15
    assert second["run"] == first["run"] and all(stage["reused"] for stage in second["stages"].values())
    assert json.dumps(second["results"]) == json.dumps(first["results"])
