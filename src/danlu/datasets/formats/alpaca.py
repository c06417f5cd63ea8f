"""Alpaca's rows: `instruction`, `input`, `output`, and optionally `system` and `history`, earlier pairs."""

from __future__ import annotations

from danlu.datasets.formats.fields import dialogue, text_of
from danlu.datasets.formats.files import Row
from danlu.errors import InputError
from danlu.types import Message


def read(row: Row) -> tuple[Message, ...]:
    """The dialogue of a row; `input` follows the instruction on a line of its own."""
    system, material = (_optional(row, field) for field in ("system", "input"))
    messages = [Message(role="system", content=system)] if system.strip() else []
    messages += _history(row)
    instruction = text_of(row, row.data, "instruction")
    messages.append(Message(role="user", content=f"{instruction}\n{material}" if material.strip() else instruction))
    messages.append(Message(role="assistant", content=text_of(row, row.data, "output")))
    return dialogue(row, "output", messages)


def _optional(row: Row, field: str) -> str:
    return text_of(row, row.data, field, may_be_empty=True) if field in row.data else ""


def _history(row: Row) -> list[Message]:
    found = row.data.get("history") or []
    pairs = found if isinstance(found, list) else [found]
    messages = []
    for index, pair in enumerate(pairs):
        is_pair = isinstance(pair, list) and len(pair) == 2
        if not (is_pair and all(isinstance(text, str) and text.strip() for text in pair)):
            raise InputError("alpaca_history", where=row.where, field=f"history[{index}]")
        messages += [Message(role="user", content=pair[0]), Message(role="assistant", content=pair[1])]
    return messages
