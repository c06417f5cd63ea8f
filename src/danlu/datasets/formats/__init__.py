"""Reads files of ready rows into samples: one small file per format, told apart by their fields.

path -> rows with line numbers -> format, given or detected -> samples, or an error at the first bad row
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from danlu.datasets.formats import alpaca, huatuo, input_target, medical_o1, messages, sharegpt, text
from danlu.datasets.formats.files import READERS, Row, read_rows
from danlu.errors import InputError
from danlu.types import ChatSample, Message, Provenance, TextSample, content_id

_ROWS_LOOKED_AT = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """What marks a format (`required` fields), what else it reads, and how; `turn`: the fields of a list's items."""

    required: tuple[str, ...]
    read: Callable[[Row], tuple[Message, ...] | str]
    optional: tuple[str, ...] = ()
    turn: tuple[str, ...] = ()


FORMATS: dict[str, Format] = {
    "sharegpt": Format(
        required=("conversations",), optional=("system",), turn=("from", "value"), read=sharegpt.read
    ),
    "messages": Format(
        required=("messages",), turn=("role", "content", "reasoning_content"), read=messages.read
    ),
    "huatuo": Format(required=("data",), read=huatuo.read),
    "medical-o1": Format(required=("Question", "Complex_CoT", "Response"), read=medical_o1.read),
    "input-target": Format(required=("input_text", "target_text"), read=input_target.read),
    "alpaca": Format(required=("instruction", "output"), optional=("input", "system", "history"), read=alpaca.read),
    "text": Format(required=("text",), read=text.read),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class RowFile:
    """One file as samples: its format, whether that was detected and by which fields, and fields that nothing reads."""

    path: Path
    format: str
    detected_by: str
    samples: list[ChatSample] | list[TextSample]
    unused_fields: dict[str, int]


def find_files(paths: Sequence[str]) -> tuple[list[Path], list[str]]:
    """The files of rows in order, and the names of a folder's other files. Raises InputError where a path is gone."""
    files: list[Path] = []
    skipped: list[str] = []
    for root in map(Path, paths):
        if not root.exists():
            raise InputError("path_missing", where=str(root), path=root)
        if root.is_file():
            files.append(root)
            continue
        inside = sorted(path for path in root.iterdir() if path.is_file() and not path.name.startswith("."))
        fitting = [path for path in inside if path.suffix.lower() in READERS]
        if not fitting:
            raise InputError("rows_folder_empty", where=str(root), supported=" ".join(READERS))
        files += fitting
        skipped += [path.name for path in inside if path not in fitting]
    return list(dict.fromkeys(files)), skipped


def read_file(path: Path, row_format: str = "auto") -> RowFile:
    """The samples of a file. Raises InputError with `file:line`, field and rule at the first bad row."""
    rows = read_rows(path)
    name, evidence = (detect(rows, path), "") if row_format == "auto" else (row_format, "")
    if row_format == "auto":
        evidence = ", ".join(FORMATS[name].required)
    chosen = FORMATS[name]
    samples = [_sample(chosen.read(row), row, path) for row in rows]
    unused = Counter(field for row in rows for field in _unused(row, chosen))
    return RowFile(path=path, format=name, detected_by=evidence, samples=samples, unused_fields=dict(unused))


def detect(rows: Sequence[Row], path: Path) -> str:
    """The format whose fields stand in all of the first rows. Raises InputError naming the fields found."""
    looked_at = [set(row.data) for row in rows[:_ROWS_LOOKED_AT]]
    for name, one in FORMATS.items():
        if all(fields.issuperset(one.required) for fields in looked_at):
            return name
    known = "; ".join(f"{name}: {' + '.join(one.required)}" for name, one in FORMATS.items())
    found = ", ".join(sorted(set().union(*looked_at)))
    raise InputError("format_unknown", where=str(path), found=found, known=known)


def _sample(content: tuple[Message, ...] | str, row: Row, path: Path) -> ChatSample | TextSample:
    """The sample of a row; its id is its content's, so rows added elsewhere change nothing about it."""
    provenance = Provenance(source=path.name, row=row.number)
    if isinstance(content, str):
        return TextSample(id=content_id("text", content), text=content, provenance=provenance)
    id = content_id("chat", json.dumps([asdict(message) for message in content], ensure_ascii=False))
    return ChatSample(id=id, messages=content, provenance=provenance)


def _unused(row: Row, chosen: Format) -> Iterator[str]:
    known = {*chosen.required, *chosen.optional}
    yield from (field for field in row.data if field not in known)
    if chosen.turn:
        for name in chosen.required:
            turns = row.data[name]
            assert isinstance(turns, list)
            yield from (f"{name}[].{field}" for turn in turns for field in turn if field not in chosen.turn)


__all__ = ["FORMATS", "Format", "RowFile", "detect", "find_files", "read_file"]
