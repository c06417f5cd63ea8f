"""Knobs of `evaluate`: what is asked of base and tuned model."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from danlu.recipe.knobs import Knobs


class EvaluateKnobs(Knobs):
    """Base against tuned."""

    suites: list[Literal["held-out"]] = ["held-out"]
    """`held-out` asks trained questions, `learned` facts in other words, and `unseen` documents."""

    max_questions: int = Field(default=100, ge=1)
    """Questions answered per split; the loss is measured on all of them."""

    max_new_tokens: int = Field(default=128, ge=1)
    """Longest answer, in tokens."""
