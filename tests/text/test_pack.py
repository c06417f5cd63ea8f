"""Packing: every sample once, no budget broken, little room wasted; and collating shifts targets inside samples."""

from __future__ import annotations

import random

import numpy as np

from danlu.text.collate import IGNORED, collate
from danlu.text.pack import pack
from danlu.text.render import TokenizedSample


def test_best_fit_decreasing_on_the_docstrings_example():
    assert pack([5, 3, 2, 4], 7) == [[0, 2], [3, 1]]


def test_every_sample_is_packed_once_and_no_bin_overflows():
    draw = random.Random(0)
    lengths = [min(2048, int(draw.lognormvariate(4.6, 1.1)) + 1) for _ in range(3000)]
    bins = pack(lengths, 2048)
    assert sorted(index for bin in bins for index in bin) == list(range(3000))
    assert all(sum(lengths[index] for index in bin) <= 2048 for bin in bins)
    assert sum(lengths) / (len(bins) * 2048) > 0.98


def test_a_sample_longer_than_the_budget_stands_alone_uncut():
    assert pack([10, 3], 7) == [[0], [1]]


def test_targets_are_the_next_token_of_the_same_sample():
    a = TokenizedSample(ids_T=np.array([1, 2, 3], dtype=np.int32), loss_mask_T=np.array([False, False, True]))
    b = TokenizedSample(ids_T=np.array([4, 5], dtype=np.int32), loss_mask_T=np.array([True, True]))
    batch = collate([a, b])
    assert batch.ids_T.tolist() == [1, 2, 3, 4, 5]
    assert batch.targets_T.tolist() == [IGNORED, 3, IGNORED, 5, IGNORED]
    assert batch.positions_T.tolist() == [0, 1, 2, 0, 1]
    assert batch.segment_starts == (0, 3, 5)
    assert a.num_targets + b.num_targets == 2
