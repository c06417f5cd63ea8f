"""What a reader hands on: text, headings, pages, and a count of what it left out; no I/O.

Characters are counted where they are visible: white space is the layout's, and Danlu may lay a text out anew.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from danlu.types import Heading

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

CONTROL_CHARACTERS = "control_characters"


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """How much of a file became text. Characters are visible ones; markup that Danlu writes itself is not counted.

    `characters_read` is `characters_kept` plus every count of `dropped` whose reason ends in `_characters`; other
    reasons count pages or images. `pages_without_text` holds 1-based page numbers.
    """

    characters_read: int
    characters_kept: int
    dropped: dict[str, int] = field(default_factory=dict)
    pages_without_text: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadText:
    """One file as text. `kept` counts the file's own visible characters in it; `title` is the file's own, if any."""

    text: str
    kept: int
    headings: tuple[Heading, ...] = ()
    title: str = ""
    page_starts: tuple[int, ...] = ()
    dropped: dict[str, int] = field(default_factory=dict)
    pages_without_text: tuple[int, ...] = ()

    def coverage(self) -> Coverage:
        """The counts, reasons that never happened left out."""
        dropped = {reason: count for reason, count in self.dropped.items() if count}
        lost = sum(count for reason, count in dropped.items() if reason.endswith("_characters"))
        return Coverage(
            characters_read=self.kept + lost,
            characters_kept=self.kept,
            dropped=dropped,
            pages_without_text=self.pages_without_text,
        )


def visible(text: str) -> int:
    """How many characters of a text are not white space."""
    return sum(map(len, text.split()))


def normalize(text: str) -> tuple[str, int]:
    """The text with line feeds as its only line ends and without control characters, and how many those were."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROLS.subn("", text)
