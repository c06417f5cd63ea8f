"""The parent of every group of knobs: unknown keys are errors, docstrings beneath a field are its description."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Knobs(BaseModel):
    """A group of knobs. Frozen: a recipe does not change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, populate_by_name=True)
