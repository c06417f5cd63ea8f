"""Writes the text of a document block by block, and notes where its headings stand; no I/O.

Readers of formats that are not text themselves (HTML, DOCX, PDF) write here, so tables, lists and headings look the
same whatever they came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from danlu.types import Heading


class Cell(NamedTuple):
    """One cell of a table and how many columns and rows it spans."""

    text: str
    columns: int = 1
    rows: int = 1


class TextWriter:
    """A growing text. Blocks are kept apart by a blank line, list items by a line end."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._headings: list[Heading] = []
        self._in_list = False
        self.length = 0

    def paragraph(self, text: str) -> None:
        """A paragraph, code fence or table, as it stands."""
        self._block(text.strip("\n"), is_item=False)

    def item(self, text: str) -> None:
        """A list item with its marker."""
        self._block(text, is_item=True)

    def heading(self, level: int, title: str, *, marked: bool = True) -> None:
        """A heading line, `## title`; unmarked, the title alone."""
        title = " ".join(title.split())
        if not title:
            return
        level = min(6, max(1, level))
        line = f"{'#' * level} {title}" if marked else title
        start = self._block(line, is_item=False)
        self._headings.append(Heading(level=level, text=title, start_char=start, end_char=start + len(line)))

    def table(self, rows: Sequence[Sequence[Cell]]) -> None:
        """A Markdown table; a table of one column is paragraphs."""
        grid = laid_out(rows)
        if grid and len(grid[0]) == 1:
            for (text,) in grid:
                self.paragraph(text.replace("\\|", "|"))
        elif grid:
            self.paragraph(markdown_table(grid))

    def finish(self) -> tuple[str, tuple[Heading, ...]]:
        """The text, ended by a line feed, and its headings."""
        return "".join(self._parts) + ("\n" if self._parts else ""), tuple(self._headings)

    def _block(self, text: str, *, is_item: bool) -> int:
        if not text or text.isspace():
            return self.length
        if self._parts:
            self._append("\n" if is_item and self._in_list else "\n\n")
        start = self.length
        self._append(text)
        self._in_list = is_item
        return start

    def _append(self, text: str) -> None:
        self._parts.append(text)
        self.length += len(text)


def laid_out(rows: Sequence[Sequence[Cell]]) -> list[list[str]]:
    """Rows of equal length: a cell that spans several places stands in the first; empty rows and columns go."""
    grid: list[list[str]] = []
    reserved: dict[int, int] = {}
    for row in rows:
        line: list[str] = []
        for cell in row:
            while reserved.get(len(line), 0):
                line.append("")
            span = max(1, min(cell.columns, 100))
            reserved.update((column, cell.rows) for column in range(len(line), len(line) + span))
            line += [cell.text] + [""] * (span - 1)
        reserved = {column: left - 1 for column, left in reserved.items() if left > 1}
        grid.append(line)
    width = max((len(line) for line in grid), default=0)
    grid = [_one_line_cells(line + [""] * (width - len(line))) for line in grid if any(line)]
    used = [column for column in range(width) if any(line[column] for line in grid)]
    return [[line[column] for column in used] for line in grid]


def markdown_table(grid: Sequence[Sequence[str]]) -> str:
    """`| a | b |` lines; the first row is the header."""
    lines = [f"| {' | '.join(row)} |" for row in grid]
    lines.insert(1, "|" + " --- |" * len(grid[0]))
    return "\n".join(lines)


def _one_line_cells(row: list[str]) -> list[str]:
    return [" ".join(text.split()).replace("|", "\\|") for text in row]
