"""Samples from files of ready rows, dealt row by row; with `max_samples` a part of them chosen by hash."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from danlu.artifacts import sha256_file
from danlu.datasets.formats import RowFile, find_files, read_file
from danlu.datasets.split import deal, shares_of
from danlu.errors import InputError
from danlu.events import Event, Shown, Warned
from danlu.messages import t
from danlu.recipe.dataset import DatasetKnobs
from danlu.types import ChatSample, Split, TextSample, content_id


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """All rows of all files, and the files that a folder held besides."""

    files: list[RowFile]
    skipped: list[str]

    @property
    def samples(self) -> list[ChatSample | TextSample]:
        """All samples, file by file."""
        return [sample for file in self.files for sample in file.samples]

    @property
    def parents(self) -> dict[str, str]:
        """The files' hashes by their names."""
        return {file.path.name: sha256_file(file.path) for file in self.files}


def read_all(knobs: DatasetKnobs) -> Rows:
    """All rows of `dataset.paths`. Raises InputError at the first bad one."""
    paths, skipped = find_files(knobs.paths)
    return Rows(files=[read_file(path, knobs.format) for path in paths], skipped=skipped)


def notes(rows: Rows) -> Iterator[Event]:
    """Which formats were detected, and what nothing read."""
    for file in rows.files:
        if file.detected_by:
            text = t("shown.format_found", file=file.path.name, format=file.format, fields=file.detected_by)
            yield Shown(title=t("shown.format"), text=text)
        for field, count in sorted(file.unused_fields.items()):
            yield Warned(reason="fields_unused", count=count, params={"field": field, "file": file.path.name})
    if rows.skipped:
        yield Warned(reason="files_skipped", count=len(rows.skipped), params={"files": ", ".join(rows.skipped[:5])})


def take(samples: Sequence[ChatSample | TextSample], knobs: DatasetKnobs) -> list[ChatSample | TextSample]:
    """At most `max_samples` of the rows, drawn from all of them by hash, in their old order."""
    if knobs.max_samples is None or len(samples) <= knobs.max_samples:
        return list(samples)
    drawn = sorted(range(len(samples)), key=lambda index: content_id("draw", str(knobs.seed), samples[index].id))
    return [samples[index] for index in sorted(drawn[: knobs.max_samples])]


def deal_rows(
    samples: Sequence[ChatSample | TextSample], knobs: DatasetKnobs
) -> list[tuple[Split, ChatSample | TextSample]]:
    """Each row with its split. Raises InputError where there are fewer rows than splits."""
    needed = len(shares_of(knobs.split))
    if len({sample.id for sample in samples}) < needed:
        raise InputError("too_few_rows", where="dataset.split", count=len(samples), needed=needed)
    splits = deal([sample.id for sample in samples], knobs.split, knobs.seed)
    return [(splits[sample.id], sample) for sample in samples]
