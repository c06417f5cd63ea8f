"""Deals whole things (documents, chunks, rows) to train, validation and test: by their ids and a seed, nothing else.

The order is by hash, so it looks shuffled, is the same everywhere, and does not hang on names or on the files' order.
"""

from __future__ import annotations

from collections.abc import Sequence, Set

from danlu.recipe.dataset import SplitKnobs
from danlu.types import Split, content_id


def shares_of(knobs: SplitKnobs) -> dict[Split, float]:
    """The splits that get something, with their shares."""
    shares: dict[Split, float] = {"train": knobs.train, "validation": knobs.validation, "test": knobs.test}
    return {split: share for split, share in shares.items() if share > 0}


def deal(ids: Sequence[str], knobs: SplitKnobs, seed: int, *, empty: Set[str] = frozenset()) -> dict[str, Split]:
    """The split of each id. Each split gets its share, rounded, and at least one; ValueError where there are too few.

    The ids in `empty` (a document without facts) fall to train first: held out, they would examine nothing.
    """
    counts = counts_of(len(set(ids)), shares_of(knobs))
    ordered = sorted(set(ids), key=lambda id: (id not in empty, content_id(str(seed), id), id))
    dealt: dict[str, Split] = {}
    for split, count in counts.items():
        for id in ordered[len(dealt) : len(dealt) + count]:
            dealt[id] = split
    return dealt


def counts_of(total: int, shares: dict[Split, float]) -> dict[Split, int]:
    """How many of `total` each split gets: its share rounded down, at least one, the rest to those furthest below.

    10 at 0.8/0.1/0.1 are 8, 1, 1; 6 at 0.7/0.15/0.15 are 4, 1, 1; 3 are always 1, 1, 1.
    """
    if total < len(shares):
        raise ValueError(f"{total} cannot be dealt to {len(shares)} splits")
    exact = {split: total * share for split, share in shares.items()}
    counts = {split: max(1, int(value + 1e-9)) for split, value in exact.items()}
    while sum(counts.values()) != total:
        step = 1 if sum(counts.values()) < total else -1
        fitting = [split for split in counts if counts[split] + step >= 1]
        furthest = max(fitting, key=lambda split: step * (exact[split] - counts[split]))
        counts[furthest] += step
    return counts
