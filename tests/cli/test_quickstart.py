"""`danlu quickstart`: its recipe, its greeting, and that it can be stopped; the whole way is a journey."""

from __future__ import annotations

import signal
from importlib.resources import files
from pathlib import Path

from danlu.recipe import load_recipe


def test_the_built_in_recipe_reads_the_documents_that_ship():
    recipe = load_recipe(Path(str(files("danlu"))) / "quickstart" / "recipe.yaml")
    (folder,) = recipe.documents.paths
    assert 6 <= len(list(Path(folder).iterdir())) <= 10
    assert recipe.model.base == "tiny" and not recipe.synthesize.teacher.base_url
    assert (recipe.synthesize.chars_per_question, recipe.synthesize.wordings) == (60, 5)


def test_it_greets_says_what_will_happen_and_can_be_interrupted(danlu, start):
    process = start("quickstart", "--lang", "en")
    assert "Welcome to Danlu" in process.stderr.readline()
    assert "carries on" in process.stderr.readline()
    while "Getting the base model ready" not in (line := process.stderr.readline()):
        assert line, "it ended before the base model"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130 and "Traceback" not in err
    assert out.startswith("quickstart-1: interrupted") and "danlu chat" not in out
    (run,) = danlu("runs", "list", "--json").json["runs"]
    # The next stage is announced when the one before it is done, which may be a moment before it begins.
    assert run["state"] == "interrupted" and run["stage"] in ("freeze", "base")
