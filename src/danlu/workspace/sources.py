"""Finds the document files of a recipe and names them by their content; no reader is loaded, no torch.

    paths -> files, folders walked in order -> Source(path, source, sha256, document_id)

Every stage that needs the documents' ids asks here, so that no stage needs another one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from danlu.artifacts import sha256_file
from danlu.errors import InputError
from danlu.types import content_id

# What `documents/readers` can read; a test holds the two lists together.
SUFFIXES = (".md", ".markdown", ".txt", ".text", ".html", ".htm", ".docx", ".pdf")
_HIDDEN = (".", "~$")  # `~$report.docx` is an office program's lock file


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One document file: where it lies, the name under which the workspace knows it, and its document's id."""

    path: Path
    source: str
    sha256: str
    document_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """The files to read, in order; what a folder held besides; and copies of a file that is read already.

    Were a copy a document of its own, one of the two could be trained and the other be examined as never seen.
    """

    files: tuple[Source, ...]
    skipped: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()

    @property
    def document_ids(self) -> list[str]:
        """The ids of all documents, in order."""
        return [file.document_id for file in self.files]


def document_id(sha256: str, source: str) -> str:
    """The id of the document in a file of this content and name; the folder it lies in does not matter."""
    return content_id(sha256, PurePosixPath(source.replace("\\", "/")).name)


def find_sources(paths: Sequence[str]) -> Sources:
    """All documents below these paths. A file named by itself is always taken; a folder gives the kinds that are read.

    Raises InputError where a path is gone or no document is found.
    """
    files: dict[str, Source] = {}
    skipped: list[str] = []
    repeated: list[str] = []
    for path, name, wanted in _walk(paths):
        if not wanted:
            skipped.append(name)
            continue
        source = _source(path, name)
        if source.sha256 in files:
            repeated.append(name)
        else:
            files[source.sha256] = source
    if not files:
        raise InputError("documents_none", where=", ".join(paths), suffixes=" ".join(SUFFIXES), skipped=len(skipped))
    return Sources(files=tuple(files.values()), skipped=tuple(skipped), repeated=tuple(repeated))


def _walk(paths: Sequence[str]) -> Iterator[tuple[Path, str, bool]]:
    """Each file (or hidden folder) with its name from its root, and whether it is a document; each place once."""
    seen: set[Path] = set()
    for root in map(Path, paths):
        if not root.exists():
            raise InputError("path_missing", where=str(root), path=root)
        found = [(root, root.name, True)] if root.is_file() else _walk_folder(root)
        for path, name, wanted in found:
            if path.resolve() not in seen:
                seen.add(path.resolve())
                yield path, name, wanted


def _walk_folder(root: Path) -> Iterator[tuple[Path, str, bool]]:
    for folder, subfolders, names in os.walk(root):
        hidden = [name for name in subfolders if name.startswith(_HIDDEN)]
        subfolders[:] = sorted(set(subfolders) - set(hidden))
        for name in sorted([*names, *hidden]):
            path = Path(folder) / name
            is_document = not name.startswith(_HIDDEN) and path.suffix.lower() in SUFFIXES
            yield path, path.relative_to(root).as_posix(), is_document


def _source(path: Path, name: str) -> Source:
    try:
        sha256 = sha256_file(path)
    except OSError as error:
        raise InputError("document_unreadable", where=str(path), reason=error.strerror or str(error)) from error
    return Source(path=path, source=name, sha256=sha256, document_id=document_id(sha256, name))
