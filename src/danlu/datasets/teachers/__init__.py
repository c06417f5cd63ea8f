"""Who reads a chunk and proposes questions with answers: rules that need no model, or a model at an address."""

from __future__ import annotations

from danlu.datasets.teachers.chat import ChatTeacher, Tally, identity
from danlu.datasets.teachers.extractive import ExtractiveTeacher
from danlu.recipe.synthesize import TeacherKnobs
from danlu.types import Teacher
from danlu.workspace.rows import Rows


def teacher_identity(knobs: TeacherKnobs) -> str:
    """Names the teacher without opening it: no key and no connection is needed."""
    return identity(knobs) if knobs.base_url else ExtractiveTeacher.identity


def make_teacher(knobs: TeacherKnobs, rows: Rows, tally: Tally | None = None) -> Teacher:
    """The chat teacher at `base_url`, or the extractive teacher where that is empty; `tally` counts calls and drops.

    Raises InputError where the API key is missing.
    """
    return ChatTeacher(knobs, rows, tally or Tally()) if knobs.base_url else ExtractiveTeacher()


__all__ = ["Tally", "make_teacher", "teacher_identity"]
