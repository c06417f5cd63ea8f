"""Reads a file of rows (json, jsonl, csv, txt) into plain mappings, each with the line on which it starts.

A file named .json that holds one object per line is read as what it is. Paragraphs of a .txt become rows with `text`.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from danlu.errors import InputError

_LARGEST_CELL = 1 << 27
_BETWEEN = re.compile(r"[\s,]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One row: its fields, `file:line` for messages, and its 1-based number in the file."""

    data: dict[str, object]
    where: str
    number: int


def read_rows(path: Path) -> list[Row]:
    """All rows of a file. Raises InputError, naming the line, where it is not what its suffix says or holds no row."""
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError("rows_suffix", where=str(path), suffix=path.suffix or path.name, supported=" ".join(READERS))
    rows: list[Row] = []
    for number, (line, data) in enumerate(reader(_decode(path), path), start=1):
        where = f"{path}:{line}"
        if not isinstance(data, dict):
            raise InputError("row_not_object", where=where, found=type(data).__name__)
        rows.append(Row(data=data, where=where, number=number))
    if not rows:
        raise InputError("rows_none", where=str(path))
    return rows


def _decode(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError("document_unreadable", where=str(path), reason=error.strerror or str(error)) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        place = {"where": f"{path}:{line}", "offset": error.start}
        encoding = _encoding_of(content)
        if encoding is None:
            raise InputError("rows_encoding_unknown", **place) from None
        target = path.with_name(f"{path.stem}.utf8{path.suffix}")
        command = f"iconv -f {encoding} -t UTF-8 {shlex.quote(str(path))} > {shlex.quote(str(target))}"
        raise InputError("rows_not_utf8", encoding=encoding, command=command, **place) from None


def _encoding_of(content: bytes) -> str | None:
    names = ["UTF-16"] if content.startswith((b"\xff\xfe", b"\xfe\xff")) else ["GB18030"]
    for name in names:
        try:
            content.decode(name)
        except UnicodeDecodeError:
            continue
        return name
    return None


def _read_jsonl(text: str, path: Path) -> Iterator[tuple[int, object]]:
    for line, content in enumerate(text.split("\n"), start=1):
        if content.strip():
            try:
                yield line, json.loads(content)
            except json.JSONDecodeError as error:
                where, problem = f"{path}:{line}", f"{error.msg} (column {error.colno})"
                raise InputError("row_not_json", where=where, problem=problem) from None


def _read_json(text: str, path: Path) -> Iterator[tuple[int, object]]:
    """A list of objects, one object, or one object per line."""
    try:
        whole = json.loads(text) if text.strip() else []
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and text.lstrip().startswith("{"):
            yield from _read_jsonl(text, path)
            return
        where, problem = f"{path}:{error.lineno}", f"{error.msg} (column {error.colno})"
        raise InputError("row_not_json", where=where, problem=problem) from None
    if isinstance(whole, list):
        yield from _with_lines(text, len(whole))
    else:
        yield 1, whole


def _with_lines(text: str, count: int) -> Iterator[tuple[int, object]]:
    """The items of a list known to be valid JSON, each with the line on which it begins."""
    decoder = json.JSONDecoder()
    position, line, counted = text.find("[") + 1, 1, 0
    for _ in range(count):
        position = _BETWEEN.match(text, position).end()  # type: ignore[union-attr]
        line, counted = line + text.count("\n", counted, position), position
        item, position = decoder.raw_decode(text, position)
        yield line, item


def _read_csv(text: str, path: Path) -> Iterator[tuple[int, object]]:
    csv.field_size_limit(_LARGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    last = 0
    try:
        header = [name.strip() for name in next(reader, [])]
        repeated = sorted({name for name in header if header.count(name) > 1})
        if repeated:
            raise InputError("row_header_repeated", where=f"{path}:1", fields=", ".join(repeated))
        last = reader.line_num
        for cells in reader:
            line, last = last + 1, reader.line_num
            if not cells:
                continue
            if len(cells) != len(header):
                where = f"{path}:{line}"
                raise InputError("row_cells", where=where, found=len(cells), expected=len(header))
            yield line, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise InputError("row_not_csv", where=f"{path}:{last + 1}", problem=str(error)) from None


def _read_txt(text: str, path: Path) -> Iterator[tuple[int, object]]:
    start, paragraph = 0, []
    for line, content in enumerate([*text.split("\n"), ""], start=1):
        if content.strip():
            start = start if paragraph else line
            paragraph.append(content.rstrip())
        elif paragraph:
            yield start, {"text": "\n".join(paragraph)}
            paragraph = []


READERS: dict[str, Callable[[str, Path], Iterator[tuple[int, object]]]] = {
    ".json": _read_json,
    ".jsonl": _read_jsonl,
    ".csv": _read_csv,
    ".txt": _read_txt,
}
