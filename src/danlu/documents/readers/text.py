"""Reads plain text; numbered lines such as `第一章 总则`, `一、概况` or `1.2 Scope` become headings.

Plain text marks no title, so headings begin at level 2 and the first level stays free for one. The forms that occur in
a file take consecutive levels, in the order in which such documents nest them.
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
    """Short numbered lines that end no sentence, outside tables of contents."""
    found = [(line, form) for line in lines_of(text) if (form := _form(line)) is not None]
    levels = {form: min(6, 2 + rank) for rank, form in enumerate(sorted({form for _, form in found}))}
    return tuple(
        Heading(level=levels[form], text=line.text.strip(), start_char=line.start, end_char=line.end)
        for line, form in found
    )


def _form(line: Line) -> int | None:
    stripped = line.text.strip()
    if not 2 <= len(stripped) <= _MAX_HEADING_CHARS or stripped[-1] in _SENTENCE_ENDS or _LEADERS.search(stripped):
        return None
    return next((rank for rank, form in enumerate(_FORMS) if form.match(stripped)), None)
