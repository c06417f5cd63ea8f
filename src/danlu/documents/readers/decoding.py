"""Reads a text file as UTF-8, or says which encoding it seems to be in and how to convert it."""

from __future__ import annotations

import codecs
import re
import shlex
from pathlib import Path

from danlu.errors import InputError

# Letters, digits, Chinese and their punctuation: what text decoded wrongly seldom consists of.
_READABLE = re.compile("[\t\n\r -~\u2010-\u2030\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")

MAX_TEXT_BYTES = 100 * 1024 * 1024


def decode_file(path: Path) -> str:
    """The file's characters as they stand. Raises InputError where it is not UTF-8, too large, or cannot be read."""
    data = _bytes_of(path)
    if _looks_like_utf16(data):
        raise _not_utf8(path, data, 0)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _not_utf8(path, data, error.start) from error


def _bytes_of(path: Path) -> bytes:
    try:
        size_bytes = path.stat().st_size
        if size_bytes > MAX_TEXT_BYTES:
            raise InputError("document_too_large", where=str(path), size=size_bytes >> 20, limit=MAX_TEXT_BYTES >> 20)
        return path.read_bytes()
    except OSError as error:
        raise InputError("document_unreadable", where=str(path), reason=error.strerror or str(error)) from error


def _not_utf8(path: Path, data: bytes, offset: int) -> InputError:
    encoding = _encoding_of(data)
    place = {"offset": offset, "line": data.count(b"\n", 0, offset) + 1}
    if encoding is None:
        return InputError("document_encoding_unknown", where=str(path), byte=f"0x{data[offset]:02X}", **place)
    target = path.with_name(f"{path.stem}.utf8{path.suffix}")
    command = f"iconv -f {encoding} -t UTF-8 {shlex.quote(str(path))} > {shlex.quote(str(target))}"
    return InputError("document_not_utf8", where=str(path), encoding=encoding, command=command, **place)


def _encoding_of(data: bytes) -> str | None:
    """A common encoding in which all of the data decodes to readable text; None where none of them fits."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    for encoding in ("GB18030", "UTF-16LE", "UTF-16BE"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if len(_READABLE.findall(text)) > 0.9 * len(text):
            return encoding
    return None


def _looks_like_utf16(data: bytes) -> bool:
    """Whether a mark says so, or every third byte or more is NUL, as in UTF-16 without a mark."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    return len(data) % 2 == 0 and data.count(0) * 3 >= len(data) > 0
