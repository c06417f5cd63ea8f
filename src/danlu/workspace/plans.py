"""Names the plans under which rows are made: hashes of the knobs, so that other knobs make other rows beside them."""

from __future__ import annotations

from danlu.artifacts import key_of
from danlu.recipe import Recipe


def chunk_plan(recipe: Recipe) -> str:
    """The plan of `chunk`: the sizes. The recipe has documents."""
    assert recipe.documents is not None
    return key_of("chunk@1", recipe.documents.chunk.model_dump(mode="json"))


def synthesis_plan(recipe: Recipe, teacher_identity: str) -> str:
    """The plan of `synthesize`: the chunks, the teacher, how much is asked for."""
    knobs = recipe.synthesize
    return key_of("synthesize@2", chunk_plan(recipe), teacher_identity, knobs.chars_per_question, knobs.wordings)
