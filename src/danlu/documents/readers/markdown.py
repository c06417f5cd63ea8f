"""Reads Markdown: the text stays as written; `#` and underlined headings outside code become headings."""

from __future__ import annotations

import re
from pathlib import Path

from danlu.documents.markup import Enclosure, Line, closes_itself, is_list_item, is_piped, lines_of, opened_by
from danlu.documents.readers.decoding import decode_file
from danlu.documents.readers.read_text import CONTROL_CHARACTERS, ReadText, normalize, visible
from danlu.types import Heading

# One `#` needs its space, or tags such as #finance would be headings; two need none, for many write `##标题`.
_ATX = re.compile(r" {0,3}(#{1,6})(?:(?<=##)(?!#)|(?=[ \t\u3000]))")
_UNDERLINE = re.compile(r" {0,3}(=+|-{2,})[ \t]*$")
_FRONT_MATTER_TITLE = re.compile(r"title\s*:\s*[\"']?(.+?)[\"']?\s*$")


def read_markdown(path: Path) -> ReadText:
    """A .md file; only line ends and control characters are changed."""
    text, controls = normalize(decode_file(path))
    lines = list(lines_of(text))
    front = _front_matter(lines)
    return ReadText(
        text=text,
        kept=visible(text),
        headings=tuple(_headings(lines[front:])),
        title=next((found[1] for line in lines[:front] if (found := _FRONT_MATTER_TITLE.match(line.text))), ""),
        dropped={CONTROL_CHARACTERS: controls},
    )


def _front_matter(lines: list[Line]) -> int:
    """How many lines the YAML header takes, its two rules included; 0 where there is none."""
    if lines[0].text.rstrip() != "---":
        return 0
    for number, line in enumerate(lines[1:200], start=1):
        if line.text.rstrip() in ("---", "..."):
            return number + 1
    return 0


def _headings(lines: list[Line]) -> list[Heading]:
    found: list[Heading] = []
    enclosure: Enclosure | None = None
    above: Line | None = None
    fresh = True
    for line in lines:
        if enclosure:
            if enclosure.closing.match(line.text) or (enclosure.ends_at_blank and line.is_blank):
                enclosure, fresh = None, True
            continue
        heading = _atx(line) or _underlined(above, line)
        if heading:
            found.append(heading)
        elif (opened := opened_by(line)) and not closes_itself(opened, line):
            enclosure = opened
        above = line if fresh and not heading and not enclosure and _may_be_underlined(line) else None
        fresh = line.is_blank or heading is not None
    return found


def _atx(line: Line) -> Heading | None:
    match = _ATX.match(line.text)
    if not match:
        return None
    title = line.text[match.end() :].strip()
    unclosed = title.rstrip("#")
    if unclosed != title and (not unclosed or unclosed[-1].isspace()):
        title = unclosed.rstrip()
    if not title:
        return None
    return Heading(level=len(match[1]), text=title, start_char=line.start, end_char=line.end)


def _underlined(above: Line | None, line: Line) -> Heading | None:
    """A one-line paragraph over a rule of `=` or `-`; after several lines the rule is taken for a plain one."""
    match = _UNDERLINE.match(line.text)
    if not above or not match:
        return None
    level = 1 if match[1][0] == "=" else 2
    return Heading(level=level, text=above.text.strip(), start_char=above.start, end_char=line.end)


def _may_be_underlined(line: Line) -> bool:
    """A line of a title: no list item, row or quote, and not indented like code."""
    plain = not line.text.startswith(("    ", "\t")) and not line.text.lstrip().startswith(">")
    return not line.is_blank and plain and not is_list_item(line) and not is_piped(line)
