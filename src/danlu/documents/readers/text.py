"""Reads plain text; numbered lines such as `第一章 总则`, `一、概况` or `1.2 Scope` become headings.

Numbered headings begin at level 2: the first level is for the title, a short first line that stands by itself. The
forms that occur in a file take consecutive levels, in the order in which such documents nest them.
"""

from __future__ import annotations

import re
from pathlib import Path

from danlu.documents.markup import Line, lines_of
from danlu.documents.readers.decoding import decode_file
from danlu.documents.readers.read_text import CONTROL_CHARACTERS, ReadText, normalize, visible
from danlu.types import Heading

_NUMERAL = "[零〇一二三四五六七八九十百千\\d]+"
_FORMS: tuple[re.Pattern[str], ...] = (
    re.compile(rf"第{_NUMERAL}[编篇部](?:分)?(?:[\s:：、.．]|$)"),
    re.compile(rf"第{_NUMERAL}章|Chapter\s+\d+|CHAPTER\s+[\dIVXLC]+"),
    re.compile(rf"第{_NUMERAL}节|Section\s+\d+"),
    re.compile("[一二三四五六七八九十百]+、"),
    re.compile("[（(][一二三四五六七八九十百]+[）)]"),
    re.compile(r"\d{1,2}\.\d{1,2}\.?(?:\s+|(?=[\u4e00-\u9fff]))(?=[A-Z\u4e00-\u9fff])"),
    re.compile(r"\d{1,2}(?:\.\d{1,2}){2,4}\.?(?:\s+|(?=[\u4e00-\u9fff]))(?=[A-Z\u4e00-\u9fff])"),
)
_MAX_HEADING_CHARS = 40
_SENTENCE_ENDS = "。；，、;,！？!?…"
_LEADERS = re.compile(r"\.{4,}|…{2,}|·{4,}")


def read_text(path: Path) -> ReadText:
    """A .txt file; only line ends and control characters are changed."""
    text, controls = normalize(decode_file(path))
    return ReadText(
        text=text, kept=visible(text), headings=numbered_headings(text), dropped={CONTROL_CHARACTERS: controls}
    )


def numbered_headings(text: str) -> tuple[Heading, ...]:
    """The title, and short numbered lines that end no sentence, outside tables of contents."""
    lines = list(lines_of(text))
    found = [(line, form) for line in lines if (form := _form(line)) is not None]
    levels = {form: min(6, 2 + rank) for rank, form in enumerate(sorted({form for _, form in found}))}
    title = _title_line(lines)
    return tuple([_heading(1, title)] if title else []) + tuple(_heading(levels[form], line) for line, form in found)


def _heading(level: int, line: Line) -> Heading:
    return Heading(level=level, text=line.text.strip(), start_char=line.start, end_char=line.end)


def _title_line(lines: list[Line]) -> Line | None:
    """The first line with text, where it is short, unnumbered, no sentence, and a blank line or a heading follows."""
    number = next((number for number, line in enumerate(lines) if not line.is_blank), None)
    if number is None or not _is_short(lines[number]) or _form(lines[number]) is not None:
        return None
    rest = lines[number + 1 :]
    if all(line.is_blank for line in rest) or not (rest[0].is_blank or _form(rest[0]) is not None):
        return None
    return lines[number]


def _is_short(line: Line) -> bool:
    stripped = line.text.strip()
    return 2 <= len(stripped) <= _MAX_HEADING_CHARS and stripped[-1] not in _SENTENCE_ENDS


def _form(line: Line) -> int | None:
    """Which of the numbered forms a line has; None for any other line."""
    stripped = line.text.strip()
    if not _is_short(line) or _LEADERS.search(stripped):
        return None
    return next((rank for rank, form in enumerate(_FORMS) if form.match(stripped)), None)
