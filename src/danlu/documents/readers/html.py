"""Reads HTML: headings, paragraphs, lists, tables and code in the order of the page.

The page is walked as a flat stream of opening and closing tags, so depth does not matter; nothing is fetched. Scripts,
styles and what stands around the content (nav, aside, and the page's own header and footer) are left out and counted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from danlu.documents.readers.decoding import decode_file
from danlu.documents.readers.line_wraps import unwrap
from danlu.documents.readers.read_text import CONTROL_CHARACTERS, ReadText, normalize, visible
from danlu.documents.readers.text_writer import Cell, TextWriter
from danlu.errors import InputError

if TYPE_CHECKING:
    from lxml.etree import HTMLParser, _Element

_SCRIPTS = {"script", "style", "noscript", "template", "svg", "iframe", "object"}
_NAVIGATION = {"nav", "aside", "header", "footer"}
_CONTENT = {"article", "main", "section"}
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_BLOCKS = _CONTENT | _HEADINGS | {
    "address", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "div", "dl", "dt", "fieldset",
    "figcaption", "figure", "footer", "form", "header", "hr", "html", "legend", "li", "ol", "p", "pre", "summary",
    "table", "td", "th", "tr", "ul",
}  # fmt: skip
_TITLE = "title"
_LINE_BREAK = "\x1e"


def read_html(path: Path) -> ReadText:
    """A .html file, which must be UTF-8; characters that stand in none of the dropped parts are all kept.

    Raises InputError where the parser gave up before the end, as it does below 2,048 nested elements.
    """
    from lxml import etree

    source, controls = normalize(decode_file(path))
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True, no_network=True)
    page = _Page(dropped={CONTROL_CHARACTERS: controls})
    title = ""
    if source.strip():
        root = etree.fromstring(f"<html>{source}</html>".encode(), parser)
        _check(path, parser)
        page.read(root)
        title = root.findtext(".//title") or ""
    text, headings = page.writer.finish()
    return ReadText(text=text, kept=page.kept, headings=headings, title=title, dropped=page.dropped)


def _check(path: Path, parser: HTMLParser) -> None:
    fatal = next((entry for entry in parser.error_log if entry.level_name == "FATAL"), None)
    if fatal:
        raise InputError("html_damaged", where=f"{path}:{fatal.line}", reason=fatal.message)


@dataclass(slots=True)
class _Page:
    """What has been read so far: `runs` is the block being filled; a table's cell has a run of its own."""

    dropped: dict[str, int]
    kept: int = 0
    writer: TextWriter = field(default_factory=TextWriter)
    runs: list[str] = field(default_factory=list)
    lists: list[int | None] = field(default_factory=list)
    marker: str = ""
    rows: list[list[Cell]] | None = None
    in_cell: bool = False
    pre_depth: int = 0

    def read(self, root: _Element) -> None:
        """Walks the whole page."""
        from lxml import etree

        walker = etree.iterwalk(root, events=("start", "end"))
        for event, element in walker:
            if event == "start" and self._is_dropped(element):
                walker.skip_subtree()
            elif event == "start":
                self._open(element)
            else:
                if not _drop_reason(element):
                    self._close(element)
                self._add(element.tail)
        self._flush()

    def _is_dropped(self, element: _Element) -> bool:
        reason = _drop_reason(element)
        if reason and reason != _TITLE:
            self.dropped[reason] = self.dropped.get(reason, 0) + visible("".join(element.itertext()))
        return bool(reason)

    def _open(self, element: _Element) -> None:
        tag = element.tag
        if tag in _BLOCKS:
            self._flush()
        if tag == "br":
            self.runs.append(_LINE_BREAK)
        elif tag == "img":
            self.dropped["images"] = self.dropped.get("images", 0) + 1
        elif tag == "pre":
            self.pre_depth += 1
        elif tag in ("ul", "ol"):
            self.lists.append(_number(element.get("start"), 1) if tag == "ol" else None)
        elif tag == "li":
            self._open_item()
        elif tag == "table" and self.rows is None and _holds_data(element):
            self.rows = []
        elif tag == "tr" and self.rows is not None:
            self.rows.append([])
        elif tag in ("td", "th") and self.rows is not None:
            self.in_cell = True
        self._add(element.text)

    def _open_item(self) -> None:
        depth = max(0, len(self.lists) - 1)
        number = self.lists[-1] if self.lists else None
        self.marker = "  " * depth + ("- " if number is None else f"{number}. ")
        if number is not None:
            self.lists[-1] = number + 1

    def _close(self, element: _Element) -> None:
        tag = element.tag
        if tag in ("td", "th") and self.in_cell:
            self._close_cell(element)
        elif tag == "table" and self.rows is not None:
            self._flush()
            self.writer.table(self.rows)
            self.rows = None
        elif tag in _HEADINGS and self.rows is None:
            title, self.runs = self._run(), []
            self.writer.heading(int(tag[1]), title.replace(_LINE_BREAK, " "))
        elif tag in _BLOCKS:
            self._flush()
        if tag == "pre":
            self.pre_depth -= 1
        elif tag in ("ul", "ol") and self.lists:
            self.lists.pop()
        elif tag == "li":
            self.marker = ""

    def _close_cell(self, element: _Element) -> None:
        cell = Cell(self._run(), _number(element.get("colspan"), 1), _number(element.get("rowspan"), 1))
        if not self.rows:
            self.rows = [[]]
        self.rows[-1].append(cell)
        self.runs, self.in_cell = [], False

    def _add(self, text: str | None) -> None:
        if not text:
            return
        text, controls = normalize(text)
        self.dropped[CONTROL_CHARACTERS] += controls
        self.kept += visible(text)
        self.runs.append(text)

    def _run(self) -> str:
        """The block's text; line breaks that the page asks for stay."""
        return "\n".join(unwrap(part).strip(" ") for part in "".join(self.runs).split(_LINE_BREAK))

    def _flush(self) -> None:
        """Ends the block being filled. Inside a cell, blocks are only parted by a space."""
        if self.in_cell:
            self.runs.append(_LINE_BREAK)
            return
        if self.pre_depth:
            code = "".join(self.runs).replace(_LINE_BREAK, "\n").strip("\n")
            self.writer.paragraph(_fenced(code) if code.strip() else "")
        elif text := self._run().strip():
            if self.marker:
                self.writer.item(self.marker + text.replace("\n", "\n" + " " * len(self.marker)))
                self.marker = " " * len(self.marker)
            else:
                self.writer.paragraph(text)
        self.runs = []


def _drop_reason(element: _Element) -> str:
    if element.tag in _SCRIPTS:
        return "script_characters"
    if element.tag not in _NAVIGATION:
        return _TITLE if element.tag == _TITLE else ""
    of_content = element.tag in ("header", "footer") and next(element.iterancestors(*_CONTENT), None) is not None
    return "" if of_content else "navigation_characters"


def _holds_data(table: _Element) -> bool:
    """Whether a table holds data; one that holds headings, lists or further tables only lays out the page."""
    inside = next((item for item in table.iter("table", *_HEADINGS) if item is not table), None)
    return inside is None and table.get("role") not in ("presentation", "none")


def _number(value: str | None, default: int) -> int:
    found = re.match(r"\s*(\d{1,4})", value or "")
    return int(found[1]) if found else default


def _fenced(code: str) -> str:
    fence = "```"
    while fence in code:
        fence += "`"
    return f"{fence}\n{code}\n{fence}"
