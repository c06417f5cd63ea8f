"""The schema as text: every knob with type, default and sentence, in English or Chinese; feeds --help and the docs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from danlu.messages import Language, current_language
from danlu.recipe.explain import group_of
from danlu.recipe.schema import Recipe


@dataclass(frozen=True, kw_only=True, slots=True)
class Knob:
    """One settable value: its dotted key, type and default as text, and what it does."""

    key: str
    type: str
    default: str
    description: str


def knobs(section: str = "", language: Language | None = None) -> list[Knob]:
    """All knobs whose key starts with `section`, in the order of the schema."""
    found = list(_walk(Recipe, "", language or current_language()))
    return [knob for knob in found if not section or knob.key == section or knob.key.startswith(f"{section}.")]


def _walk(group: type[BaseModel], prefix: str, language: Language) -> list[Knob]:
    found: list[Knob] = []
    for name, field in group.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        inner = group_of(field.annotation)
        if inner:
            found += _walk(inner, f"{key}.", language)
            continue
        default = "" if field.default is PydanticUndefined else json.dumps(field.default, ensure_ascii=False)
        text = " ".join((field.description or "").split())
        if language == "zh":
            text = chinese_descriptions().get(key, text)
        found.append(Knob(key=key, type=_type_name(field.annotation), default=default, description=text))
    return found


@cache
def chinese_descriptions() -> dict[str, str]:
    """The Chinese sentence of every knob by its key; a test holds it complete."""
    return json.loads(files("danlu.recipe").joinpath("knobs_zh.json").read_text(encoding="utf-8"))


def _type_name(annotation: object) -> str:
    name = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    return name.replace("typing.", "").replace("Literal", "").replace("NoneType", "None")
