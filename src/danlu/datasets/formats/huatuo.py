"""HuatuoGPT's rows: `data`, a list of lines in turn marked 问： and 答： (or with a half-width colon)."""

from __future__ import annotations

import re

from danlu.datasets.formats.fields import list_of
from danlu.datasets.formats.files import Row
from danlu.errors import InputError
from danlu.types import Message

_MARKS = {"user": "问", "assistant": "答"}


def read(row: Row) -> tuple[Message, ...]:
    """The dialogue of a row; a question without an answer is an error."""
    lines = list_of(row, "data")
    messages = [_message(row, index, line) for index, line in enumerate(lines)]
    if len(messages) % 2:
        raise InputError("huatuo_odd", where=row.where, count=len(messages))
    return tuple(messages)


def _message(row: Row, index: int, line: object) -> Message:
    field = f"data[{index}]"
    role = "assistant" if index % 2 else "user"
    if not isinstance(line, str):
        raise InputError("row_field_type", where=row.where, field=field, expected="str", found=type(line).__name__)
    found = re.match(rf"\s*{_MARKS[role]}\s*[：:]", line)
    if not found:
        raise InputError("huatuo_mark", where=row.where, field=field, mark=f"{_MARKS[role]}：", found=line[:20])
    content = line[found.end() :].strip()
    if not content:
        raise InputError("row_field_empty", where=row.where, field=field)
    return Message(role=role, content=content)
