"""Reads Word documents: headings, numbered paragraphs, lists, text boxes and tables in document order.

python-docx opens the package and its styles; the body is walked element by element, since its own paragraphs leave out
tracked insertions and content controls. Page headers, notes, comments and images are left out and counted.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from danlu.documents.readers.docx_numbering import Numbering, W
from danlu.documents.readers.read_text import CONTROL_CHARACTERS, ReadText, normalize, visible
from danlu.documents.readers.text_writer import Cell, TextWriter
from danlu.errors import InputError

if TYPE_CHECKING:
    from docx.document import Document as WordDocument
    from lxml.etree import _Element

MAX_UNPACKED_BYTES = 512 * 1024 * 1024
MAX_XML_BYTES = 100 * 1024 * 1024
_OLE_MAGIC = b"\xd0\xcf\x11\xe0"
_MATH_TEXT = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_IMAGES = ("{http://schemas.openxmlformats.org/drawingml/2006/main}blip", "{urn:schemas-microsoft-com:vml}imagedata")
_HEADING_STYLE = re.compile(r"(?:heading|标题)\s*(\d)", re.IGNORECASE)
_SKIPPED = {_FALLBACK, f"{W}del", f"{W}moveFrom", f"{W}txbxContent", f"{W}pPr", f"{W}rPr"}
_MARKS = {f"{W}tab": "\t", f"{W}br": "\n", f"{W}cr": "\n", f"{W}noBreakHyphen": "-"}
_SIDE_PARTS = (
    (re.compile(r"/word/(header|footer)\d*\.xml"), "page_header_characters"),
    (re.compile(r"/word/(footnotes|endnotes)\.xml"), "note_characters"),
    (re.compile(r"/word/comments\.xml"), "comment_characters"),
)


def read_docx(path: Path) -> ReadText:
    """A .docx file. Raises InputError where it is damaged, protected by a password, or unpacks to too much."""
    word = _open(path)
    body = _Body(styles=_styles(word), numbering=Numbering.parse(_numbering_root(word)))
    body.read(word.element.body)
    for part in word.part.package.iter_parts():
        reason = next((reason for name, reason in _SIDE_PARTS if name.fullmatch(str(part.partname))), "")
        if reason:
            body.drop(reason, _visible_in(part.blob))
    body.drop("images", sum(1 for item in word.element.body.iter(*_IMAGES) if not _in_fallback(item)))
    text, headings = body.writer.finish()
    title = word.core_properties.title or ""
    return ReadText(text=text, kept=body.kept, headings=headings, title=title, dropped=body.dropped)


def _open(path: Path) -> WordDocument:
    import docx
    from docx.opc.exceptions import OpcError
    from lxml.etree import LxmlError

    try:
        with path.open("rb") as file:
            if file.read(4) == _OLE_MAGIC:
                raise InputError("docx_old_or_protected", where=str(path))
        with zipfile.ZipFile(path) as package:
            _check_size(path, package.infolist())
        return docx.Document(str(path))
    except OSError as error:
        raise InputError("document_unreadable", where=str(path), reason=error.strerror or str(error)) from error
    except (zipfile.BadZipFile, zipfile.LargeZipFile, OpcError, LxmlError, KeyError, ValueError, EOFError) as error:
        raise InputError("docx_damaged", where=str(path), reason=str(error).strip("'\"")) from error
    except (NotImplementedError, RuntimeError, zlib.error) as error:
        raise InputError("docx_damaged", where=str(path), reason=str(error)) from error


def _check_size(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    """Archives are refused by what they would unpack to, before anything is unpacked."""
    total = sum(entry.file_size for entry in entries)
    xml = sum(entry.file_size for entry in entries if entry.filename.endswith((".xml", ".rels")))
    for size_bytes, limit in ((total, MAX_UNPACKED_BYTES), (xml, MAX_XML_BYTES)):
        if size_bytes > limit:
            raise InputError("document_too_large", where=str(path), size=size_bytes >> 20, limit=limit >> 20)


def _numbering_root(word: WordDocument) -> _Element | None:
    from docx.opc.constants import RELATIONSHIP_TYPE

    related = (item for item in word.part.rels.values() if item.reltype == RELATIONSHIP_TYPE.NUMBERING)
    part = next(related, None)
    return None if part is None else part.target_part.element


@dataclass(frozen=True, slots=True)
class _Style:
    """What a paragraph style, with those it is based on, says: heading level (0: none), list and its level."""

    level: int = 0
    list_id: str = ""
    depth: int = 0


def _styles(word: WordDocument) -> dict[str, _Style]:
    elements = {style.style_id: style.element for style in word.styles}
    return {style_id: _style(elements, style_id) for style_id in elements}


def _style(elements: dict[str, _Element], style_id: str) -> _Style:
    level, list_id, depth = 0, "", 0
    seen: set[str] = set()
    while style_id in elements and style_id not in seen:
        seen.add(style_id)
        element = elements[style_id]
        level = level or _heading_level(element)
        if not list_id:
            list_id, depth = _list_of(element)
        style_id = _value_at(element, "basedOn")
    return _Style(level, list_id, depth)


def _heading_level(element: _Element) -> int:
    """1..9 by outline level or by name; the document's title counts as level 1; 0 for body text."""
    outline = _value_at(element, "pPr/outlineLvl")
    if outline.isdigit():
        return int(outline) + 1 if int(outline) < 9 else 0
    name = _value_at(element, "name")
    found = _HEADING_STYLE.fullmatch(name)
    return int(found[1]) if found else int(name.lower() == "title")


def _list_of(element: _Element) -> tuple[str, int]:
    depth = _value_at(element, "pPr/numPr/ilvl")
    return _value_at(element, "pPr/numPr/numId"), int(depth) if depth.isdigit() else 0


@dataclass(slots=True)
class _Body:
    """The body as far as it has been read."""

    styles: dict[str, _Style]
    numbering: Numbering
    kept: int = 0
    dropped: dict[str, int] = field(default_factory=lambda: {CONTROL_CHARACTERS: 0})
    writer: TextWriter = field(default_factory=TextWriter)

    def drop(self, reason: str, count: int) -> None:
        """Counts something that is left out."""
        self.dropped[reason] = self.dropped.get(reason, 0) + count

    def read(self, parent: _Element) -> None:
        """Paragraphs and tables in document order; content controls and tracked moves are looked through."""
        for block in _blocks(parent):
            if block.tag == f"{W}tbl":
                self._table(block)
            else:
                self._paragraph(block)

    def _paragraph(self, paragraph: _Element) -> None:
        style = self.styles.get(_value_at(paragraph, "pPr/pStyle"), _Style())
        label, depth = self._label(paragraph, style)
        text = self._text(paragraph)
        level = _heading_level(paragraph) or style.level
        if text.strip() and level and not re.search(r"[。；;]\s*$", text):
            self.writer.heading(level, f"{label} {text}" if label else text)
        elif text.strip() and label:
            self.writer.item("  " * depth + f"{label} {text.strip()}")
        else:
            self.writer.paragraph(text)
        for box in paragraph.iter(f"{W}txbxContent"):
            if not _in_fallback(box):
                self.read(box)

    def _label(self, paragraph: _Element, style: _Style) -> tuple[str, int]:
        list_id, depth = _list_of(paragraph)
        if not list_id:
            list_id, depth = style.list_id, max(style.depth, style.level - 1 if style.list_id else 0)
        return (self.numbering.advance(list_id, depth), depth) if list_id not in ("", "0") else ("", 0)

    def _table(self, table: _Element) -> None:
        rows = [[self._cell(cell) for cell in _cells(row)] for row in _rows(table)]
        self.writer.table(rows)

    def _cell(self, cell: _Element) -> Cell:
        """A cell as one line; a table inside it becomes its cells one after the other."""
        texts = []
        for paragraph in cell.iter(f"{W}p"):
            style = self.styles.get(_value_at(paragraph, "pPr/pStyle"), _Style())
            label, _ = self._label(paragraph, style)
            texts.append(f"{label} {self._text(paragraph)}" if label else self._text(paragraph))
        span = _value_at(cell, "tcPr/gridSpan")
        return Cell(" ".join(text for text in texts if text.strip()), int(span) if span.isdigit() else 1)

    def _text(self, paragraph: _Element) -> str:
        text, controls = normalize("".join(_runs(paragraph)))
        self.dropped[CONTROL_CHARACTERS] += controls
        self.kept += visible(text)
        return text


def _blocks(parent: _Element) -> Iterator[_Element]:
    for child in parent.iterchildren(f"{W}p", f"{W}tbl", f"{W}sdt", f"{W}sdtContent", f"{W}ins", f"{W}customXml"):
        if child.tag in (f"{W}p", f"{W}tbl"):
            yield child
        else:
            yield from _blocks(child)


def _rows(table: _Element) -> Iterator[_Element]:
    return (row for row in table.iter(f"{W}tr") if next(row.iterancestors(f"{W}tbl")) is table)


def _cells(row: _Element) -> Iterator[_Element]:
    return (cell for cell in row.iter(f"{W}tc") if next(cell.iterancestors(f"{W}tr")) is row)


def _runs(element: _Element) -> Iterator[str]:
    """The text of a paragraph, tracked insertions in, deletions and nested text boxes out."""
    for child in element.iterchildren():
        if child.tag in (f"{W}t", _MATH_TEXT):
            yield child.text or ""
        elif child.tag in _MARKS:
            yield _MARKS[child.tag]
        elif child.tag not in _SKIPPED:
            yield from _runs(child)


def _in_fallback(element: _Element) -> bool:
    return next(element.iterancestors(_FALLBACK), None) is not None


def _visible_in(xml: bytes) -> int:
    return sum(visible(run) for run in re.findall(r"<w:t(?:\s[^>]*)?>([^<]*)<", xml.decode("utf-8", "replace")))


def _value_at(element: _Element, path: str) -> str:
    found = element.find("/".join(f"{W}{name}" for name in path.split("/")))
    return "" if found is None else found.get(f"{W}val") or ""
