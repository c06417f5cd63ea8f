"""A frozen dataset on disk: one JSON line per sample and split, versions counted up, content named by its hash.

datasets/NAME@VERSION/{train,validation,test,learned}.jsonl   samples
datasets/NAME@VERSION/corpus.jsonl                             the training documents' text, for pretraining a base
datasets/NAME@VERSION/card.json
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from danlu.artifacts import Card, package_versions, publish, read_card, sha256_folder, sha256_names, write_card
from danlu.errors import ArtifactError, InputError
from danlu.types import (
    ChatSample,
    FeedbackSample,
    Message,
    PreferenceSample,
    PromptSample,
    Provenance,
    Sample,
    TextSample,
)

_KINDS: dict[str, type] = {
    "text": TextSample,
    "chat": ChatSample,
    "preference": PreferenceSample,
    "feedback": FeedbackSample,
    "prompt": PromptSample,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """One version of a dataset; `splits` counts its samples."""

    name: str
    version: int
    folder: Path
    sha256: str
    splits: dict[str, int]
    details: dict[str, object]

    @property
    def label(self) -> str:
        """NAME@VERSION."""
        return f"{self.name}@{self.version}"

    def samples(self, split: str) -> list[Sample]:
        """The samples of a split (`corpus` among them); empty where the split has none."""
        path = self.folder / f"{split}.jsonl"
        if not path.exists():
            return []
        with path.open(encoding="utf-8") as lines:
            return [sample_from_json(line) for line in lines]


def sample_to_json(sample: Sample) -> str:
    """One line of JSON; empty fields of the provenance are left out."""
    data = asdict(sample)
    data["provenance"] = {name: value for name, value in data["provenance"].items() if value not in ("", None)}
    return json.dumps(data, ensure_ascii=False)


def sample_from_json(line: str) -> Sample:
    """The sample that `sample_to_json` wrote."""
    data = json.loads(line)
    data["provenance"] = Provenance(**data["provenance"])
    for name in ("messages", "prompt"):
        if name in data:
            data[name] = tuple(Message(**message) for message in data[name])
    for name in ("chosen", "rejected"):
        if name in data:
            data[name] = Message(**data[name])
    return _KINDS[data["kind"]](**data)


def freeze(
    datasets: Path,
    name: str,
    splits: dict[str, Iterable[Sample]],
    *,
    parents: dict[str, str],
    details: dict[str, object],
) -> tuple[Dataset, bool]:
    """Writes the next version of a dataset, or finds the version that holds this very content.

    Returns it, and whether it was there already.
    """
    lines = {split: [sample_to_json(sample) + "\n" for sample in samples] for split, samples in splits.items()}
    texts = {f"{split}.jsonl": "".join(rows) for split, rows in lines.items()}
    sha256 = sha256_names({file: hashlib.sha256(text.encode()).hexdigest() for file, text in texts.items()})
    versions = _versions(datasets, name)
    for version in reversed(versions):
        if read_card(datasets / f"{name}@{version}").sha256 == sha256:
            return open_dataset(datasets, f"{name}@{version}"), True
    target = datasets / f"{name}@{max(versions, default=0) + 1}"
    counts = {split: len(rows) for split, rows in lines.items()}
    with publish(target) as staging:
        for file, text in texts.items():
            (staging / file).write_text(text, encoding="utf-8")
        card = Card(kind="dataset", name=target.name, sha256=sha256, parents=parents, versions=package_versions())
        write_card(staging, replace(card, details={**details, "splits": counts}))
    return open_dataset(datasets, target.name), False


def open_dataset(datasets: Path, name: str) -> Dataset:
    """The dataset NAME@VERSION, or the newest version of NAME. Raises InputError where there is none."""
    if "@" in name:
        folder = datasets / name
    else:
        versions = _versions(datasets, name)
        folder = datasets / (f"{name}@{versions[-1]}" if versions else name)
    if not (folder / "card.json").is_file():
        raise InputError("dataset_missing", where=str(datasets), name=name)
    card = read_card(folder)
    label, _, version = folder.name.rpartition("@")
    splits = {str(split): int(count) for split, count in dict(card.details["splits"]).items()}
    return Dataset(
        name=label, version=int(version), folder=folder, sha256=card.sha256, splits=splits, details=card.details
    )


def _versions(datasets: Path, name: str) -> list[int]:
    """The versions of a dataset, oldest first. Other folders, such as somebody's copy of one, are none."""
    tails = (path.name.rpartition("@")[2] for path in datasets.glob(f"{name}@*"))
    return sorted(int(tail) for tail in tails if tail.isdecimal())


def check_dataset(dataset: Dataset) -> None:
    """Raises ArtifactError where the files are not what the card says."""
    found = sha256_folder(dataset.folder)
    if found != dataset.sha256:
        problem = f"{found[:12]} != {dataset.sha256[:12]}"
        raise ArtifactError("dataset_damaged", where=str(dataset.folder), name=dataset.label, problem=problem)
