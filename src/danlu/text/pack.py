"""Packs samples into token budgets, best fit first, so that no batch carries padding; lengths only, no tokens."""

from __future__ import annotations

from bisect import bisect_left, insort


def pack(lengths: list[int], budget: int) -> list[list[int]]:
    """Bins of indices whose lengths add up to at most `budget`, by best-fit decreasing; deterministic.

    A length above the budget gets a bin of its own: the budget bounds memory, it never cuts a sample.
    [5, 3, 2, 4] in budgets of 7 gives [[0, 2], [3, 1]].
    """
    bins: list[list[int]] = []
    room: list[tuple[int, int]] = []  # (tokens left, bin), sorted
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        length = lengths[index]
        place = bisect_left(room, (length, -1))
        if place < len(room):
            left, number = room.pop(place)
        else:
            left, number = budget, len(bins)
            bins.append([])
        bins[number].append(index)
        if left > length:
            insort(room, (left - length, number))
    return bins
