"""Every recipe parses as it stands or with the override that its header names, and its header tells what it is for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from danlu.datasets.formats import read_file
from danlu.errors import RecipeError
from danlu.recipe import load_recipe

ROOT = Path(__file__).parents[2]
QUICKSTART = ROOT / "src" / "danlu" / "quickstart" / "recipe.yaml"
RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))
# Recipes whose data does not ship: the key that the user gives, and what the recipe says without it.
WITHOUT_DATA = {
    "finance-reports": ("documents.paths", "documents.paths"),
    "medical-pretrain-lora": ("dataset.paths", "dataset.paths"),
    "huatuo-sft-from-lora": ("dataset.paths", "dataset.paths"),
}


def _header(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines[: next(i for i, line in enumerate(lines) if not line.startswith("#"))])


def test_the_documented_cases_have_recipes():
    assert {path.stem for path in RECIPES} == {*WITHOUT_DATA, "medical-reasoning-sft", "customer-service"}


@pytest.mark.parametrize("path", [*RECIPES, QUICKSTART], ids=lambda path: path.stem)
def test_a_recipe_parses(path, tmp_path):
    key, _ = WITHOUT_DATA.get(path.stem, ("", ""))
    (tmp_path / "rows.jsonl").write_text("{}\n")
    recipe = load_recipe(path, [f"{key}=[{tmp_path}]"] if key else [])
    assert recipe.name == path.stem or path == QUICKSTART
    assert recipe.model.base == "tiny" or recipe.model.base.startswith("deepseek-ai/")


@pytest.mark.parametrize("path", [path for path in RECIPES if path.stem in WITHOUT_DATA], ids=lambda path: path.stem)
def test_a_recipe_without_its_data_says_which_key_is_missing(path):
    with pytest.raises(RecipeError) as error:
        load_recipe(path)
    assert WITHOUT_DATA[path.stem][1] in str(error.value)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_rows_that_ship_have_the_shape_that_the_recipe_names(path):
    if path.stem in WITHOUT_DATA:
        return
    recipe = load_recipe(path)
    for file in recipe.dataset.paths:
        found = read_file(Path(file))
        assert found.format == recipe.dataset.format and not found.unused_fields
        assert len({sample.id for sample in found.samples}) == len(found.samples) >= 24


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_header_names_the_case_the_card_and_commands_of_this_recipe(path):
    header = _header(path)
    assert "Mirrors:" in header and "Card:" in header and "Measured" in header
    commands = re.findall(r"^#   danlu run (\S+)", header, re.MULTILINE)
    assert f"recipes/{path.name}" in commands and "model.base=tiny" in header
    assert all((ROOT / named).is_file() for named in commands)


# The one assertion that fails until each recipe was run and its numbers stand in its header.
@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_header_holds_measured_numbers(path):
    assert "TODO-MEASURE" not in path.read_text(encoding="utf-8")
