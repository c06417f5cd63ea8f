"""Takes fields out of a row and holds dialogues to their rules; each breach names file, line, field, rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from danlu.datasets.formats.files import Row
from danlu.errors import InputError
from danlu.types import Message, Role


def text_of(row: Row, data: Mapping[str, object], field: str, *, path: str = "", may_be_empty: bool = False) -> str:
    """A field that is text; `path` is where it stands within the row. Empty text would be trained on nothing."""
    name = f"{path}.{field}" if path else field
    if field not in data:
        raise InputError("row_field_missing", where=row.where, field=name, found=", ".join(map(str, data)))
    value = data[field]
    if value is None and may_be_empty:
        return ""
    if not isinstance(value, str):
        raise InputError("row_field_type", where=row.where, field=name, expected="str", found=_type_of(value))
    if not value.strip() and not may_be_empty:
        raise InputError("row_field_empty", where=row.where, field=name)
    return value


def list_of(row: Row, field: str) -> list[object]:
    """A field that is a list with something in it."""
    value = row.data.get(field)
    if field not in row.data:
        raise InputError("row_field_missing", where=row.where, field=field, found=", ".join(row.data))
    if not isinstance(value, list):
        raise InputError("row_field_type", where=row.where, field=field, expected="list", found=_type_of(value))
    if not value:
        raise InputError("row_field_empty", where=row.where, field=field)
    return value


def turns_of(row: Row, field: str) -> list[dict[str, object]]:
    """A field that is a list of objects."""
    for index, turn in enumerate(list_of(row, field)):
        if not isinstance(turn, dict):
            name = f"{field}[{index}]"
            raise InputError("row_field_type", where=row.where, field=name, expected="object", found=_type_of(turn))
    return list_of(row, field)  # type: ignore[return-value]


def role_of(row: Row, turn: Mapping[str, object], field: str, path: str, roles: Mapping[str, Role]) -> Role:
    """Who speaks in a turn, by the format's own names."""
    name = text_of(row, turn, field, path=path)
    if name not in roles:
        known = ", ".join(roles)
        raise InputError("row_role", where=row.where, field=f"{path}.{field}", found=name, known=known)
    return roles[name]


def dialogue(row: Row, field: str, messages: Sequence[Message]) -> tuple[Message, ...]:
    """The messages, if a system message stands only in front, user and assistant alternate, and an answer ends them."""
    spoken = list(messages[1:] if messages and messages[0].role == "system" else messages)
    expected: tuple[Role, ...] = ("user",)
    for index, message in enumerate(spoken, start=len(messages) - len(spoken)):
        if message.role not in expected:
            params = {"field": f"{field}[{index}]", "found": message.role, "expected": " / ".join(expected)}
            raise InputError("row_turn", where=row.where, **params)
        expected = _NEXT[message.role]
    if not spoken or spoken[-1].role != "assistant":
        raise InputError("row_without_answer", where=row.where, field=field)
    return tuple(messages)


_NEXT: dict[Role, tuple[Role, ...]] = {
    "user": ("assistant",),
    "assistant": ("user", "tool"),
    "tool": ("tool", "assistant"),
}


def _type_of(value: object) -> str:
    names = {dict: "object", type(None): "null"}
    return names.get(type(value), type(value).__name__)
