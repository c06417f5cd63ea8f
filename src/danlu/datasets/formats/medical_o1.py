"""medical-o1's rows: `Question`, `Complex_CoT` (the chain of thought, kept apart as reasoning) and `Response`."""

from __future__ import annotations

from danlu.datasets.formats.fields import text_of
from danlu.datasets.formats.files import Row
from danlu.types import Message


def read(row: Row) -> tuple[Message, ...]:
    """The question, and the answer with its reasoning."""
    question = Message(role="user", content=text_of(row, row.data, "Question"))
    reasoning = text_of(row, row.data, "Complex_CoT")
    return question, Message(role="assistant", content=text_of(row, row.data, "Response"), reasoning=reasoning)
