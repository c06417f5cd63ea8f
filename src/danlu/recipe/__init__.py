"""One recipe file: what to make of which documents, as validated knobs; one file of knobs per stage, no torch."""

from danlu.recipe.load import load_recipe, parse_recipe
from danlu.recipe.schema import Recipe

__all__ = ["Recipe", "load_recipe", "parse_recipe"]
