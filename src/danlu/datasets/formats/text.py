"""Plain text for continued pretraining: `text`, or the paragraphs of a .txt file."""

from __future__ import annotations

from danlu.datasets.formats.fields import text_of
from danlu.datasets.formats.files import Row


def read(row: Row) -> str:
    """The text of a row."""
    return text_of(row, row.data, "text")
