"""Rows of a database export: `input_text`, what was asked, and `target_text`, what was answered."""

from __future__ import annotations

from danlu.datasets.formats.fields import text_of
from danlu.datasets.formats.files import Row
from danlu.types import Message


def read(row: Row) -> tuple[Message, ...]:
    """The question and the answer."""
    question = Message(role="user", content=text_of(row, row.data, "input_text"))
    return question, Message(role="assistant", content=text_of(row, row.data, "target_text"))
