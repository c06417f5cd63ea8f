"""Reads one document file of any supported format into text with headings and pages.

    path -> reader by suffix -> ReadText -> Document + Coverage

Each format is one file whose heavy library loads inside the reader. Nothing is dropped without a count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from danlu.artifacts import sha256_file
from danlu.documents.readers.docx import read_docx
from danlu.documents.readers.html import read_html
from danlu.documents.readers.markdown import read_markdown
from danlu.documents.readers.pdf import read_pdf
from danlu.documents.readers.read_text import Coverage, ReadText
from danlu.documents.readers.text import read_text
from danlu.errors import InputError
from danlu.types import Document
from danlu.workspace.sources import document_id

READERS: dict[str, Callable[[Path], ReadText]] = {
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".txt": read_text,
    ".text": read_text,
    ".html": read_html,
    ".htm": read_html,
    ".docx": read_docx,
    ".pdf": read_pdf,
}

_MEDIA_TYPES: dict[str, str] = {
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".txt": "text/plain",
    ".text": "text/plain",
    ".html": "text/html",
    ".htm": "text/html",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".pdf": "application/pdf",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadResult:
    """A document and what became of each of its characters."""

    document: Document
    coverage: Coverage


def read_document(path: Path, *, source: str) -> ReadResult:
    """The document in `path`; `source` is the name under which the workspace knows the file.

    Raises InputError where the format is not supported, the file cannot be read, or no text is in it.
    """
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise InputError("document_format", where=str(path), suffix=suffix or path.name, supported=" ".join(READERS))
    sha256 = _sha256(path)
    read = READERS[suffix](path)
    coverage = read.coverage()
    if not coverage.characters_kept:
        key = "document_without_text" if coverage.dropped else "document_empty"
        raise InputError(key, where=str(path), dropped=_list(coverage.dropped))
    document = Document(
        id=document_id(sha256, source),
        title=_title(read, path),
        source=source,
        sha256=sha256,
        media_type=_MEDIA_TYPES[suffix],
        text=read.text,
        headings=read.headings,
        page_starts=read.page_starts,
    )
    return ReadResult(document=document, coverage=coverage)


def _title(read: ReadText, path: Path) -> str:
    """The first level-1 heading, else the file's own title, else its name."""
    top = next((heading.text for heading in read.headings if heading.level == 1), "")
    return " ".join((top.strip() or read.title).split()) or path.stem


def _sha256(path: Path) -> str:
    try:
        return sha256_file(path)
    except OSError as error:
        raise InputError("document_unreadable", where=str(path), reason=error.strerror or str(error)) from error


def _list(dropped: dict[str, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in dropped.items())


__all__ = ["READERS", "Coverage", "ReadResult", "ReadText", "read_document"]
