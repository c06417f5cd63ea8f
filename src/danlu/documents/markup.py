"""Recognizes the forms a line of Markdown can take; no state, no I/O.

Both the Markdown reader (headings outside code) and the blocks that chunks are cut between ask here, so that a fence
is the same thing to both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

_FENCE = re.compile(r"\s*(`{3,}(?!.*`)|~{3,})")
_LIST_ITEM = re.compile(r"\s*(?:[-*+•·●▪◦]|\d{1,9}[.)、．]|[（(]\d{1,4}[)）])(?:\s|(?<=[、）．])\S)")
_TABLE_RULE = re.compile(r"\|?(?:\s*:?-+:?\s*\|)+(?:\s*:?-+:?)?$")
_HTML_TABLE = re.compile(r"\s*(?:<html>|<body>|<div[^>]*>)*\s*<table\b", re.IGNORECASE)
_LATEX = re.compile(r"\s*\\begin\{(equation|align|gather|multline|eqnarray|cases|matrix)(\*?)\}")


class Line(NamedTuple):
    """One line: `text[start:end]`, its line feed not included."""

    start: int
    end: int
    text: str

    @property
    def is_blank(self) -> bool:
        """Whether nothing visible stands on it."""
        return not self.text or self.text.isspace()


class Enclosure(NamedTuple):
    """Several lines held together: its kind, what closes it, and whether a blank line closes it too."""

    kind: Literal["fence", "formula", "table"]
    closing: re.Pattern[str]
    ends_at_blank: bool


def lines_of(text: str) -> Iterator[Line]:
    """The lines of a text whose line ends are line feeds."""
    start = 0
    for content in text.split("\n"):
        yield Line(start, start + len(content), content)
        start += len(content) + 1


def opened_by(line: Line) -> Enclosure | None:
    """The fence, formula or HTML table that this line opens and does not close itself."""
    if found := _FENCE.match(line.text):
        marker = found[1]
        closing = re.compile(rf"\s*{re.escape(marker[0])}{{{len(marker)},}}\s*$")
        return Enclosure("fence", closing, False)
    for opening, closing in (("$$", r".*\$\$\s*$"), ("\\[", r".*\\\]\s*$")):
        stripped = line.text.strip()
        if stripped.startswith(opening):
            return Enclosure("formula", re.compile(closing), True)
    if found := _LATEX.match(line.text):
        return Enclosure("formula", re.compile(rf".*\\end\{{{found[1]}{re.escape(found[2])}\}}"), True)
    if _HTML_TABLE.match(line.text):
        return Enclosure("table", re.compile(r".*</table>", re.IGNORECASE), True)
    return None


def closes_itself(enclosure: Enclosure, line: Line) -> bool:
    """Whether the line that opened an enclosure closes it as well, such as `$$E = mc^2$$`."""
    if enclosure.kind == "fence":
        return False
    return enclosure.closing.match(line.text, len(line.text) - len(line.text.lstrip()) + 2) is not None


def is_list_item(line: Line) -> bool:
    """Whether the line begins a list item, such as `- a`, `2. b` or `（3）c`."""
    return _LIST_ITEM.match(line.text) is not None


def is_table_rule(line: Line) -> bool:
    """Whether the line is what stands under a table's header, such as `| --- | :-: |`."""
    return "-" in line.text and "|" in line.text and _TABLE_RULE.match(line.text.strip()) is not None


def is_piped(line: Line) -> bool:
    """Whether the line is a table row that opens with a pipe."""
    return line.text.lstrip().startswith("|")
