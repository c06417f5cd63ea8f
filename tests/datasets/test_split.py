"""Dealing whole things to splits."""

from __future__ import annotations

import pytest

from danlu.datasets.split import counts_of, deal
from danlu.recipe.dataset import SplitKnobs

IDS = [f"document-{number}" for number in range(10)]


@pytest.mark.parametrize(
    ("total", "shares", "expected"),
    [
        (3, (0.8, 0.1, 0.1), (1, 1, 1)),
        (4, (0.8, 0.1, 0.1), (2, 1, 1)),
        (10, (0.8, 0.1, 0.1), (8, 1, 1)),
        (6, (0.7, 0.15, 0.15), (4, 1, 1)),
        (100, (0.7, 0.15, 0.15), (70, 15, 15)),
        (4, (0.1, 0.45, 0.45), (1, 2, 1)),  # exactly 0.4, 1.8, 1.8: one of the two furthest below gets the fourth
        (226_042, (0.98, 0.01, 0.01), (221_521, 2_261, 2_260)),  # exactly 221521.16, 2260.42, 2260.42
    ],
)
def test_each_split_gets_its_share_and_at_least_one(total: int, shares: tuple, expected: tuple):
    counts = counts_of(total, dict(zip(("train", "validation", "test"), shares, strict=True)))
    assert tuple(counts.values()) == expected


def test_too_few_to_deal_is_an_error():
    with pytest.raises(ValueError, match="2 cannot be dealt to 3 splits"):
        deal(IDS[:2], SplitKnobs(), 42)


def test_a_split_without_a_share_gets_nothing():
    assert set(deal(IDS[:2], SplitKnobs(train=0.5, validation=0, test=0.5), 42).values()) == {"train", "test"}


def test_the_seed_decides_and_the_order_does_not():
    assert deal(IDS, SplitKnobs(), 1) == deal(IDS[::-1], SplitKnobs(), 1)
    assert len({str(sorted(deal(IDS, SplitKnobs(), seed).items())) for seed in range(10)}) > 5


def test_what_has_no_facts_falls_to_train_first():
    for seed in range(20):
        dealt = deal(IDS, SplitKnobs(train=0.4, validation=0.3, test=0.3), seed, empty=set(IDS[:4]))
        assert {dealt[id] for id in IDS[:4]} == {"train"}
