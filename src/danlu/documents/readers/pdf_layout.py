"""Makes paragraphs, headings and tables of the lines that a page shows; no I/O.

A PDF holds lines at places, nothing more. A paragraph ends where the next line stands far below, begins indented, has
another size, or where the line stops well short of the right margin. Lines larger than the body are headings. Two or
more lines whose parts stand under one another are a table.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from danlu.documents.readers.line_wraps import join_lines
from danlu.documents.readers.read_text import visible
from danlu.documents.readers.text_writer import Cell, TextWriter

_LARGER = 1.15
_MAX_HEADING_CHARS = 100
_MAX_HEADING_LEVELS = 3
_NEIGHBOURS = 8
_MAX_FURNITURE_LINES = 2
_SENTENCE_END = re.compile(r"[。！？；.!?:：][”’\"'）)】》]*$")
_ITEM = re.compile(r"(?:[-•●▪◦*]|\d{1,3}[.)、]|[（(]?[一二三四五六七八九十\d]{1,3}[)）、])\s*\S")


class PdfLine(NamedTuple):
    """One line: its text, its stretches (left, right, text) and its box in points; the page's bottom is 0."""

    text: str
    cells: tuple[tuple[float, float, str], ...]
    left: float
    right: float
    top: float
    bottom: float

    @property
    def height(self) -> float:
        """The height of its letters' boxes."""
        return self.top - self.bottom


class _Placed(NamedTuple):
    """A line, the page it stands on (from 0), and the edges of the column around it."""

    line: PdfLine
    page: int
    left: float
    right: float


def write_pages(pages: Sequence[Sequence[PdfLine]], writer: TextWriter) -> tuple[int, ...]:
    """Writes all pages; returns where each begins in the text. A page without lines begins where the next one does."""
    body, levels = _sizes(pages)
    starts: dict[int, int] = {}
    for group in _groups(pages, body):
        begin = writer.length + 2 if writer.length else 0
        for page in {placed.page for placed in group} - starts.keys():
            starts[page] = begin + _offset(group, page)
        _write([placed.line for placed in group], writer, levels)
    found: list[int] = []
    following = writer.length
    for page in reversed(range(len(pages))):
        following = starts.get(page, following)
        found.append(following)
    return tuple(reversed(found))


def _offset(group: Sequence[_Placed], page: int) -> int:
    """Where a page begins inside a paragraph that runs over to it; 0 where it begins with the paragraph."""
    rest = [placed.line.text for placed in group if placed.page >= page]
    if len(rest) == len(group):
        return 0
    return len(join_lines(placed.line.text for placed in group)) - len(join_lines(rest).lstrip(" \t\u3000"))


def _sizes(pages: Sequence[Sequence[PdfLine]]) -> tuple[float, dict[float, int]]:
    """The body's letter height, and a heading level for each larger one; the largest is level 1."""
    counts: Counter[float] = Counter()
    for lines in pages:
        for line in lines:
            counts[_size(line)] += len(line.text)
    body = counts.most_common(1)[0][0]
    larger = sorted((size for size in counts if size > body * _LARGER), reverse=True)
    return body, {size: min(level, _MAX_HEADING_LEVELS) for level, size in enumerate(larger, start=1)}


def _size(line: PdfLine) -> float:
    return round(line.height * 2) / 2


def _groups(pages: Sequence[Sequence[PdfLine]], body: float) -> list[list[_Placed]]:
    """Lines that belong together: the rows of one table, or the lines of one paragraph or heading."""
    groups: list[list[_Placed]] = []
    for page, lines in enumerate(pages):
        pitch = _pitch(lines, body)
        for number, line in enumerate(lines):
            placed = _Placed(line, page, *_column(lines, number))
            if groups and _continues(groups[-1], placed, pitch):
                groups[-1].append(placed)
            else:
                groups.append([placed])
    return groups


def _pitch(lines: Sequence[PdfLine], body: float) -> float:
    """The usual distance from line to line."""
    pitches = [above.bottom - line.bottom for above, line in pairwise(lines)]
    near = [pitch for pitch in pitches if 0 < pitch < 3 * body]
    return median(near) if near else 1.5 * body


def _column(lines: Sequence[PdfLine], number: int) -> tuple[float, float]:
    """The edges of the column around a line: those of its neighbours that begin about where it begins."""
    line = lines[number]
    near = [
        other
        for other in lines[max(0, number - _NEIGHBOURS) : number + _NEIGHBOURS + 1]
        if abs(other.left - line.left) < 3 * line.height
    ] or [line]
    return min(other.left for other in near), max(other.right for other in near)


def _continues(group: Sequence[_Placed], placed: _Placed, pitch: float) -> bool:
    """Whether a line goes on with the group above it."""
    above, line = group[-1].line, placed.line
    runs_over = placed.page != group[-1].page
    if not runs_over and _are_rows(above, line):
        return True
    if (len(above.cells) > 1 and len(line.cells) > 1) or _ITEM.match(line.text.lstrip()):
        return False
    # Boxes hug the glyphs, so lines of one font differ a little; which font stands in for a missing one, too.
    if max(above.height, line.height) > _LARGER * min(above.height, line.height):
        return False
    distance = above.bottom - line.bottom
    if not runs_over and (distance <= 0 or distance > 1.4 * max(pitch, above.height)):
        return False
    deeper = line.left > placed.left + 0.8 * line.height and (len(group) > 1 or runs_over)
    if line.text.startswith("\u3000") or deeper:
        return False
    full = above.right > group[-1].right - 2.5 * above.height
    ended = _SENTENCE_END.search(above.text.rstrip()) is not None
    if runs_over:
        return full and not ended and placed.page == group[-1].page + 1
    return full or (not ended and above.right - above.left > 0.75 * (group[-1].right - above.left))


def _are_rows(above: PdfLine, line: PdfLine) -> bool:
    """Whether two lines have as many parts, each part overlapping the one above it."""
    if not len(above.cells) == len(line.cells) > 1:
        return False
    return all(a[0] < b[1] and b[0] < a[1] for a, b in zip(above.cells, line.cells, strict=True))


def without_furniture(pages: Sequence[list[PdfLine]]) -> tuple[list[list[PdfLine]], int]:
    """Pages without the lines repeated at their top or foot, such as page numbers, and how many characters those had.

    A line goes where it is the highest or lowest of its page and, digits aside, stands so on at least three pages and
    half of them all.
    """
    pages, dropped = [list(lines) for lines in pages], 0
    for edge, chosen in ((_highest, max), (_lowest, min)):
        for _ in range(_MAX_FURNITURE_LINES):
            outer = [chosen(lines, key=edge) if lines else None for lines in pages]
            counts = Counter(_pattern(line) for line in outer if line)
            for lines, line in zip(pages, outer, strict=True):
                if line and counts[_pattern(line)] >= max(3, len(pages) / 2):
                    lines.remove(line)
                    dropped += visible(line.text)
    return pages, dropped


def _highest(line: PdfLine) -> float:
    return line.top


def _lowest(line: PdfLine) -> float:
    return line.bottom


def _pattern(line: PdfLine) -> tuple[str, int]:
    """What a repeated line has in common: its text with digits left out, and its height on the page."""
    return re.sub(r"\d+", "#", line.text.strip()), round(line.bottom / 4)


def _write(group: Sequence[PdfLine], writer: TextWriter, levels: dict[float, int]) -> None:
    if len(group) > 1 and _are_rows(group[0], group[1]):
        writer.table([[Cell(text) for _, _, text in line.cells] for line in group])
        return
    text = join_lines(line.text for line in group)
    level = levels.get(_size(group[0]), 0)
    if level and len(text) <= _MAX_HEADING_CHARS and not _SENTENCE_END.search(text):
        writer.heading(level, text, marked=False)
    else:
        writer.paragraph(text)
