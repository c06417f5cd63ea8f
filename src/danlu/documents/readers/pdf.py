"""Reads the text layer of PDF files page by page; pages without one are counted, not guessed.

    characters with places (pdfium) -> lines -> paragraphs, headings, tables (pdf_layout) -> text, page starts

pdfium is not safe with threads: read PDFs from one thread, or from several processes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from danlu.documents.readers.pdf_layout import PdfLine, without_furniture, write_pages
from danlu.documents.readers.read_text import CONTROL_CHARACTERS, ReadText, normalize, visible
from danlu.documents.readers.text_writer import TextWriter
from danlu.errors import InputError

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage, PdfTextPage

_PASSWORD_ERROR = 4
_WRAP_HYPHEN = 0x02
_LINE_ENDS = (0x0A, 0x0D)


def read_pdf(path: Path) -> ReadText:
    """A .pdf file. Raises InputError where it is damaged, encrypted, or no page has text.

    Lines repeated at the top or foot of pages are left out and counted. A hyphen that only split a word counts as kept.
    """
    document = _open(path)
    dropped = {CONTROL_CHARACTERS: 0, "unmapped_characters": 0}
    try:
        pages = [_lines_of_page(path, document, number, dropped) for number in range(len(document))]
    finally:
        document.close()
    empty = tuple(number for number, lines in enumerate(pages, start=1) if not lines)
    if len(empty) == len(pages):
        raise InputError("pdf_without_text", where=str(path), pages=len(pages))
    pages, dropped["page_header_characters"] = without_furniture(pages)
    writer = TextWriter()
    page_starts = write_pages(pages, writer)
    text, headings = writer.finish()
    dropped["pages_without_text"] = len(empty)
    kept = sum(visible(line.text) for lines in pages for line in lines)
    return ReadText(
        text=text,
        kept=kept,
        headings=headings,
        page_starts=page_starts,
        dropped=dropped,
        pages_without_text=empty,
    )


def _open(path: Path) -> PdfDocument:
    import pypdfium2

    try:
        return pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        key = "pdf_encrypted" if error.err_code == _PASSWORD_ERROR else "pdf_damaged"
        raise InputError(key, where=str(path), reason=str(error)) from error
    except OSError as error:
        raise InputError("document_unreadable", where=str(path), reason=error.strerror or str(error)) from error


def _lines_of_page(path: Path, document: PdfDocument, number: int, dropped: dict[str, int]) -> list[PdfLine]:
    import pypdfium2

    try:
        page: PdfPage = document[number]
        text_page: PdfTextPage = page.get_textpage()
    except pypdfium2.PdfiumError as error:
        raise InputError("pdf_damaged", where=f"{path}:{number + 1}", reason=str(error)) from error
    try:
        lines = [_line(text_page, span, dropped) for span in _spans(text_page)]
    finally:
        text_page.close()
        page.close()
    return [line for line in lines if line.text.strip()]


def _spans(page: PdfTextPage) -> Iterator[list[tuple[int, int]]]:
    """Lines as (index, code point) pairs. A hyphen that splits a word ends its line."""
    from pypdfium2.raw import FPDFText_GetUnicode

    line: list[tuple[int, int]] = []
    for index in range(page.count_chars()):
        code = FPDFText_GetUnicode(page, index)
        if code in _LINE_ENDS:
            yield line
            line = []
        elif code == _WRAP_HYPHEN:
            yield [*line, (index, ord("-"))]
            line = []
        else:
            line.append((index, code))
    yield line


def _line(page: PdfTextPage, span: list[tuple[int, int]], dropped: dict[str, int]) -> PdfLine:
    dropped["unmapped_characters"] += sum(1 for _, code in span if code in (0, 0xFFFE, 0xFFFF))
    span = [(index, code) for index, code in span if code not in (0, 0xFFFE, 0xFFFF)]
    text, controls = normalize(_decoded(code for _, code in span))
    dropped[CONTROL_CHARACTERS] += controls
    shown = [index for index, code in span if not chr(code).isspace()]
    if not shown or not text.strip():
        return PdfLine("", (), 0.0, 0.0, 0.0, 0.0)
    left, bottom, _, top = page.get_charbox(shown[0], loose=True)
    right = page.get_charbox(shown[-1], loose=True)[2]
    return PdfLine(text, _cells(page, span), left, right, top, bottom)


def _decoded(codes: Iterator[int]) -> str:
    """Code points as text; characters beyond the first plane come as two surrogates."""
    return "".join(map(chr, codes)).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _cells(page: PdfTextPage, span: list[tuple[int, int]]) -> tuple[tuple[float, float, str], ...]:
    """The line's stretches of text, (left, right, text), parted where a gap is wider than one and a half letters."""
    stretches: list[list[tuple[int, int]]] = [[]]
    for place, (index, code) in enumerate(span):
        if chr(code).isspace() and stretches[-1] and place + 1 < len(span) and _is_wide(page, span, place):
            stretches.append([])
        elif stretches[-1] or not chr(code).isspace():
            stretches[-1].append((index, code))
    return tuple(
        (
            page.get_charbox(stretch[0][0], loose=True)[0],
            page.get_charbox(stretch[-1][0], loose=True)[2],
            normalize(_decoded(code for _, code in stretch))[0].strip(),
        )
        for stretch in stretches
        if stretch
    )


def _is_wide(page: PdfTextPage, span: list[tuple[int, int]], place: int) -> bool:
    if chr(span[place - 1][1]).isspace() or chr(span[place + 1][1]).isspace():
        return False
    before = page.get_charbox(span[place - 1][0], loose=True)
    after = page.get_charbox(span[place + 1][0], loose=True)
    return after[0] - before[2] > 1.5 * 0.5 * (before[3] - before[1])
