"""Attention within segments: a sliding window is obeyed, what is not computed is refused."""

from __future__ import annotations

import pytest
import torch

from danlu.errors import ModelError
from danlu.models.attention import segment_attention


def _attend(**options):
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 1, 2, 9, 4).unbind()
    return segment_attention(torch.nn.Identity(), query, key, value, None, segment_starts=(0, 6, 9), **options)[0], (
        query,
        key,
        value,
    )


def test_a_sliding_window_sees_itself_and_what_lies_just_before():
    """Against softmax over an explicit mask: query q sees key k of its segment where 0 <= q - k < window."""
    found, (query, key, value) = _attend(sliding_window=3)
    place, segment = torch.arange(9), torch.tensor([0] * 6 + [1] * 3)
    distance = place[:, None] - place[None]
    seen = (distance >= 0) & (distance < 3) & (segment[:, None] == segment[None])
    scores = (query @ key.transpose(-1, -2) / 2.0).masked_fill(~seen, float("-inf"))  # sqrt of head size 4
    expected = (scores.softmax(-1) @ value).transpose(1, 2)
    torch.testing.assert_close(found, expected)


def test_a_window_wider_than_the_segments_changes_nothing():
    torch.testing.assert_close(_attend(sliding_window=6)[0], _attend()[0])


def test_capped_scores_and_sinks_are_refused():
    for name, value in (("softcap", 50.0), ("s_aux", torch.zeros(2))):
        with pytest.raises(ModelError, match=name):
            _attend(**{name: value})
