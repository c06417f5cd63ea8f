"""ShareGPT rows: `conversations`, a list of turns with `from` (human, gpt, system...) and `value`."""

from __future__ import annotations

from danlu.datasets.formats.fields import dialogue, role_of, text_of, turns_of
from danlu.datasets.formats.files import Row
from danlu.types import Message, Role

_ROLES: dict[str, Role] = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "system": "system",
    "observation": "tool",
    "tool": "tool",
}


def read(row: Row) -> tuple[Message, ...]:
    """The dialogue of a row; a row's own `system` text comes first."""
    system = text_of(row, row.data, "system", may_be_empty=True) if "system" in row.data else ""
    messages = [Message(role="system", content=system)] if system.strip() else []
    for index, turn in enumerate(turns_of(row, "conversations")):
        path = f"conversations[{index}]"
        role = role_of(row, turn, "from", path, _ROLES)
        messages.append(Message(role=role, content=text_of(row, turn, "value", path=path)))
    return dialogue(row, "conversations", messages)
