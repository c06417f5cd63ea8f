"""Cuts a chunk into passages that a rule can read: sentences, `key: value` lines and table rows, with their headings.

    chunk.text -> lines -> Passage(prose | pair | row)      spans count characters of the chunk's text

A paragraph that a page layout has wrapped over several lines is one prose passage. Headings, page furniture and code
fences give no passage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from danlu.types import Chunk, Document

_MARKDOWN_HEADING = re.compile(r"#{1,6}\s+(.*?)\s*#*$|\*\*([^*]+)\*\*$")
_NUMBERED_HEADING = re.compile(r"[一二三四五六七八九十]+、(\S{1,20})$")
_SEPARATOR = re.compile(r"\|?\s*:?-{2,}[\s:|-]*$")
_BULLET = re.compile(r"\s*(?:[-*+•·●]|\d{1,2}[.)、])\s*(?=\S)")
_PAIR = re.compile(
    r"(?P<key>[^\s：:，。；！？,;!?“”\"|][^：:，。；！？;!?“”\"|]{0,39}?)\s*(?:：|:\s)\s*(?P<value>\S.{0,79}?)$"
)
_SENTENCE = re.compile(r"(?:[^。！？!?；;.]|\.(?!\s|$)|[；;](?=[^“]*”))+[。！？!?；;.]?[”’\")]?")
_TERMINAL = tuple('。！？!?；;：:.”"…）)')
_WRAPPED_FRACTION = 0.6  # a line shorter than this fraction of the longest one was ended by its author, not by the page
_INDENT = re.compile(r"[\s　]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One cell of a table: its text, without the blanks around it, and where it stands."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Passage:
    """A span that a rule reads whole. A row has `cells` and its table's `header`; a pair has two cells, no header."""

    kind: Literal["prose", "pair", "row"]
    start: int
    end: int
    heading: str
    cells: tuple[Cell, ...] = ()
    header: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Line:
    """One line: `start:end` excludes blanks around it."""

    start: int
    end: int
    text: str
    heading: str
    is_heading: bool


def passages(chunk: Chunk, document: Document) -> Iterator[Passage]:
    """All passages of a chunk, in order."""
    group: list[_Line] = []
    lines = list(_lines(chunk, document))
    wrapped = _WRAPPED_FRACTION * max((len(line.text) for line in lines), default=0)
    for line in lines:
        if group and not _belongs(group[-1], line, wrapped):
            yield from _read_group(group, chunk.text)
            group = []
        if line.text and not line.is_heading:
            group.append(line)
    yield from _read_group(group, chunk.text)


def _lines(chunk: Chunk, document: Document) -> Iterator[_Line]:
    headings = {h.start_char - chunk.start_char: h.text for h in document.headings}
    current = chunk.headings[-1] if chunk.headings else ""
    for match in re.finditer(r"[^\n]*\n?", chunk.text):
        start = match.start() + len(_INDENT.match(match.group()).group())  # type: ignore[union-attr]
        text = chunk.text[start : match.end()].rstrip()
        heading = headings.get(match.start(), headings.get(start)) or _heading_of(text)
        heading = document.title if text and text == document.title else heading
        if heading is not None:
            current = heading
        yield _Line(start=start, end=start + len(text), text=text, heading=current, is_heading=heading is not None)


def _heading_of(text: str) -> str | None:
    match = _MARKDOWN_HEADING.match(text)
    if match:
        return match.group(1) or match.group(2)
    numbered = _NUMBERED_HEADING.match(text)
    return numbered.group(1) if numbered and not text.endswith(_TERMINAL) else None


def _shape(line: _Line) -> str:
    if "\t" in line.text or line.text.startswith("|"):
        return "row"
    if _BULLET.match(line.text):
        return "item"
    return "pair" if _PAIR.fullmatch(line.text) else "prose"


def _belongs(previous: _Line, line: _Line, wrapped: float) -> bool:
    """Whether a line carries on the one before it: the same table, or a paragraph wrapped at `wrapped` characters."""
    if not line.text or line.is_heading:
        return False
    shapes = _shape(previous), _shape(line)
    if shapes == ("row", "row"):
        return True
    is_open = len(previous.text) >= wrapped and not previous.text.endswith(_TERMINAL)
    return shapes[0] in ("prose", "item") and shapes[1] == "prose" and is_open


def _read_group(group: list[_Line], text: str) -> Iterator[Passage]:
    if not group:
        return
    if _shape(group[0]) == "row":
        yield from _read_table(group)
        return
    first, last = group[0], group[-1]
    bullet = _BULLET.match(first.text)
    start = first.start + (bullet.end() if bullet else 0)
    pair = _PAIR.fullmatch(text[start : last.end].rstrip("。；;")) if len(group) == 1 else None
    if pair and not re.search(r"[。！？]", pair["value"]):
        yield _pair_passage(pair, start, first.heading)
        return
    for match in _SENTENCE.finditer(text, start, last.end):
        if match.group().strip():
            lead = len(_INDENT.match(match.group()).group())  # type: ignore[union-attr]
            yield Passage(kind="prose", start=match.start() + lead, end=match.end(), heading=first.heading)


def _pair_passage(pair: re.Match[str], offset: int, heading: str) -> Passage:
    cells = tuple(
        Cell(text=pair[name], start=offset + pair.start(name), end=offset + pair.end(name)) for name in ("key", "value")
    )
    return Passage(kind="pair", start=cells[0].start, end=cells[1].end, heading=heading, cells=cells)


def _read_table(group: list[_Line]) -> Iterator[Passage]:
    """Rows under their header; a table without one is read as pairs where it has two columns, else not at all."""
    rows = [_cells(line) for line in group if not _SEPARATOR.fullmatch(line.text)]
    has_header = (len(rows) < len(group) and not _SEPARATOR.fullmatch(group[0].text)) or _looks_like_header(rows)
    header = tuple(cell.text for cell in rows[0]) if has_header and rows else ()
    for cells in rows[1:] if has_header else rows:
        start, end, heading = cells[0].start, cells[-1].end, group[0].heading
        if header and len(cells) == len(header):
            yield Passage(kind="row", start=start, end=end, heading=heading, cells=cells, header=header)
        elif not header and len(cells) == 2 and cells[0].text and cells[1].text:
            yield Passage(kind="pair", start=start, end=end, heading=heading, cells=cells)


def _looks_like_header(rows: list[tuple[Cell, ...]]) -> bool:
    """A first row without a digit above rows that have one."""
    digits = [any(re.search(r"\d", cell.text) for cell in row) for row in rows]
    return len(rows) > 1 and len(rows[0]) > 1 and not digits[0] and any(digits[1:])


def _cells(line: _Line) -> tuple[Cell, ...]:
    mark = "\t" if "\t" in line.text and not line.text.startswith("|") else "|"
    inner = line.text.strip("|") if mark == "|" else line.text
    position = line.start + (len(line.text) - len(line.text.lstrip("|")) if mark == "|" else 0)
    cells = []
    for part in inner.split(mark):
        start = position + len(part) - len(part.lstrip())
        cells.append(Cell(text=part.strip(), start=start, end=start + len(part.strip())))
        position += len(part) + 1
    return tuple(cells)
