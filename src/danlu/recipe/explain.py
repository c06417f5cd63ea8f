"""Turns the schema's complaint about a recipe into one sentence: what, where, and what was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from types import UnionType
from typing import Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from danlu.errors import RecipeError
from danlu.recipe.schema import Recipe

Location = tuple[str | int, ...]


def explain(error: ValidationError, where: Callable[[Location], str]) -> RecipeError:
    """The first complaint as a RecipeError; the next one shows once that is mended."""
    first = error.errors(include_url=False)[0]
    location: Location = first["loc"]
    dotted = ".".join(str(part) for part in location)
    if first["type"] == "extra_forbidden":
        return _unknown_key(location, dotted, where(location))
    if first["type"] == "missing":
        return RecipeError("key_required", where=where(location[:-1]), name=dotted)
    problem = first["msg"].removeprefix("Value error, ")
    value = _shorten(first.get("input"))
    if not location:
        return RecipeError("recipe_invalid", where=where(()), problem=problem)
    return RecipeError("value_invalid", where=where(location), name=dotted, value=value, problem=problem)


def _unknown_key(location: Location, dotted: str, where: str) -> RecipeError:
    known = list(knob_names(location[:-1]))
    near = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.5)
    if near:
        return RecipeError("key_unknown_near", where=where, name=dotted, near=near[0])
    return RecipeError("key_unknown", where=where, name=dotted, known=", ".join(known))


def knob_names(location: Location) -> list[str]:
    """The keys that the group at `location` knows, as they are written in YAML."""
    group: type[BaseModel] | None = Recipe
    for part in location:
        fields = {field.alias or name: field for name, field in group.model_fields.items()} if group else {}
        group = group_of(fields[str(part)].annotation) if str(part) in fields else None
    return [field.alias or name for name, field in group.model_fields.items()] if group else []


def group_of(annotation: object) -> type[BaseModel] | None:
    """The group of knobs behind a field's type, also behind `Group | None`; None for a plain value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, UnionType):
        return next((found for item in get_args(annotation) if (found := group_of(item))), None)
    return None


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
