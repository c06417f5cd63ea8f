"""Folders that machines write: whole or not there at all, each with a card that names its content and its parents.

    with publish(target) as staging: ...write files...     fsync, then one rename
    card.json = kind, name, sha256 of the files, key of what made it, parents, versions, details

`key` is a hash of everything that decides the content (knobs and parents), known before the work; a stage that finds an
artifact of its key has nothing to do. `sha256` is a hash of the content itself. No torch.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from danlu.errors import ArtifactError, DiskError

_DISK_ERRNOS = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}
# Libraries written in Rust or C report the errno in their text only.
_DISK_TEXTS = ("os error 28", "os error 27", "os error 122", "database or disk is full", "disk I/O error")
_RECORDED_PACKAGES = ("danlu", "torch", "transformers", "tokenizers", "safetensors")


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """What a folder holds and where it came from."""

    kind: str
    name: str
    sha256: str
    key: str = ""
    parents: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    details: dict[str, object] = field(default_factory=dict)


def key_of(*parts: object) -> str:
    """The SHA-256 of what decides a content: any JSON-able parts, their order included."""
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_file(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_names(hashes: dict[str, str]) -> str:
    """The SHA-256 over relative file names and the hashes of their bytes, whatever their order."""
    lines = "".join(f"{name}\0{hashes[name]}\n" for name in sorted(hashes))
    return hashlib.sha256(lines.encode()).hexdigest()


def sha256_folder(folder: Path, *, leave_out: tuple[str, ...] = ("card.json",)) -> str:
    """The SHA-256 over the names and hashes of a folder's files, subfolders included, the named ones left out."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in leave_out]
    return sha256_names({path.relative_to(folder).as_posix(): sha256_file(path) for path in files})


def package_versions() -> dict[str, str]:
    """Versions of the installed packages that can change a result."""
    found = {}
    for name in _RECORDED_PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def write_card(folder: Path, card: Card) -> None:
    """Writes `card.json` into the folder, at once and durably."""
    write_durably(folder / "card.json", json.dumps(asdict(card), ensure_ascii=False, indent=2) + "\n")


def read_card(folder: Path) -> Card:
    """The card of a folder. Raises ArtifactError where it is missing or unreadable."""
    path = folder / "card.json"
    try:
        return Card(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ArtifactError("card_unreadable", where=str(path), problem=str(error)) from None


def find_by_key(parent: Path, kind: str, key: str) -> Path | None:
    """The folder below `parent` (at any depth of two) whose card has this kind and key; None where there is none.

    Raises ArtifactError where a card cannot be read.
    """
    for path in sorted([*parent.glob("*/card.json"), *parent.glob("*/*/card.json")]):
        if path.parent.name.startswith("."):
            continue
        try:
            card = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ArtifactError("card_unreadable", where=str(path), problem=str(error)) from None
        if card.get("kind") == kind and card.get("key") == key:
            return path.parent
    return None


@contextmanager
def publish(target: Path) -> Iterator[Path]:
    """A staging folder that becomes `target` in one rename once the block ends well, and vanishes if it does not.

    A leftover of a killed attempt is removed first. An existing target is replaced.
    """
    staging = target.with_name(f".{target.name}.staging")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        yield staging
        sync_folder(staging)
        replaced = target.with_name(f".{target.name}.replaced")
        shutil.rmtree(replaced, ignore_errors=True)
        if target.exists():
            target.rename(replaced)
        staging.rename(target)
        sync(target.parent)
        shutil.rmtree(replaced, ignore_errors=True)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def write_durably(path: Path, text: str) -> None:
    """Writes a text file so that a crash leaves the old content or the new, never a part."""
    staging = path.with_name(f".{path.name}.staging")
    try:
        staging.write_text(text, encoding="utf-8")
        sync(staging)
        os.replace(staging, path)
    except OSError:
        staging.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Flushes every file below `folder`, and its entries, to the disk."""
    for path in sorted(folder.rglob("*")):
        sync(path)
    sync(folder)


def sync(path: Path) -> None:
    """Flushes one file, or a folder's entries, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def as_disk_error(error: BaseException) -> DiskError | None:
    """The DiskError behind an exception of any library that failed to write; None where it is something else."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _DISK_ERRNOS:
            return DiskError("disk", where=str(cause.filename or ""), problem=cause.strerror or str(cause))
        if any(text in str(cause) for text in _DISK_TEXTS):
            return DiskError("disk", problem=str(cause).splitlines()[0])
        cause = cause.__cause__ or cause.__context__
    return None
