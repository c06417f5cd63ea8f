"""OpenAI's rows: `messages`, a list of turns with `role`, `content` and, of reasoning models, `reasoning_content`."""

from __future__ import annotations

from danlu.datasets.formats.fields import dialogue, role_of, text_of, turns_of
from danlu.datasets.formats.files import Row
from danlu.types import Message, Role

_ROLES: dict[str, Role] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "system",
    "tool": "tool",
}


def read(row: Row) -> tuple[Message, ...]:
    """The dialogue of a row."""
    messages = []
    for index, turn in enumerate(turns_of(row, "messages")):
        path = f"messages[{index}]"
        role = role_of(row, turn, "role", path, _ROLES)
        thought = text_of(row, turn, "reasoning_content", path=path, may_be_empty=True) if _thinks(turn, role) else ""
        messages.append(Message(role=role, content=text_of(row, turn, "content", path=path), reasoning=thought))
    return dialogue(row, "messages", messages)


def _thinks(turn: dict[str, object], role: Role) -> bool:
    return role == "assistant" and "reasoning_content" in turn
