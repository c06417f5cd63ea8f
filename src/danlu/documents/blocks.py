"""Splits a document's text into blocks that belong together; no I/O.

A block is a heading, paragraph, list item, table, code fence or formula, together with the blank lines after it. Blocks
partition the text: each ends where the next begins. Only the beginnings are searched for, line by line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from danlu.documents.markup import (
    Enclosure,
    Line,
    closes_itself,
    is_list_item,
    is_piped,
    is_table_rule,
    lines_of,
    opened_by,
)
from danlu.types import Document

BlockKind = Literal["heading", "paragraph", "list_item", "table", "fence", "formula"]


class Block(NamedTuple):
    """A span of the text, trailing blank lines included. `headings` are the titles in force, its own included."""

    kind: BlockKind
    start: int
    end: int
    headings: tuple[str, ...]
    level: int = 0


def split_blocks(document: Document) -> list[Block]:
    """The blocks of a document in order; joined, they give its text back. Empty for an empty text."""
    begun = _Beginnings(document).find()
    if not begun:
        return [Block("paragraph", 0, len(document.text), ())] if document.text else []
    titles = {heading.start_char: heading for heading in document.headings}
    ends = [start for start, _ in begun[1:]] + [len(document.text)]
    found: list[Block] = []
    path: list[tuple[int, str]] = []
    names: tuple[str, ...] = ()
    for number, ((start, kind), end) in enumerate(zip(begun, ends, strict=True)):
        heading = titles[start] if kind == "heading" else None
        if heading:
            path = [(level, name) for level, name in path if level < heading.level] + [(heading.level, heading.text)]
            names = tuple(name for _, name in path)
        found.append(Block(kind, start if number else 0, end, names, heading.level if heading else 0))
    return found


@dataclass(slots=True)
class _Beginnings:
    """Reads lines from top to bottom and notes where each block begins."""

    document: Document

    def find(self) -> list[tuple[int, BlockKind]]:
        """(start, kind) of each block, in order."""
        heading_ends = {heading.start_char: heading.end_char for heading in self.document.headings}
        lines = list(lines_of(self.document.text))
        begun: list[tuple[int, BlockKind]] = []
        running: str | None = None
        enclosure: Enclosure | None = None
        heading_end = 0
        for number, line in enumerate(lines):
            if line.start in heading_ends:
                begun.append((line.start, "heading"))
                heading_end, running, enclosure = heading_ends[line.start], None, None
            elif line.start < heading_end:
                continue
            elif enclosure:
                if enclosure.closing.match(line.text) or (enclosure.ends_at_blank and line.is_blank):
                    enclosure = None
            elif line.is_blank:
                running = None
            elif opened := opened_by(line):
                begun.append((line.start, opened.kind))
                running, enclosure = None, None if closes_itself(opened, line) else opened
            else:
                kind = _kind(line, lines[number + 1] if number + 1 < len(lines) else None, running)
                if kind != running or (kind == "list_item" and is_list_item(line)):
                    begun.append((line.start, kind))
                running = kind
        return begun


def _kind(line: Line, following: Line | None, running: str | None) -> BlockKind:
    """What a plain line is: a row, an item, or more of what runs already."""
    if is_piped(line) or (running == "table" and "|" in line.text):
        return "table"
    if following and "|" in line.text and is_table_rule(following):
        return "table"
    if is_list_item(line) or running == "list_item":
        return "list_item"
    return "paragraph"
