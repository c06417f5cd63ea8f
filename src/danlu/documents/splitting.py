"""Splits a document into chunks of readable size at the most natural places; no I/O.

Chunks partition the text: joined, they give it back. Among all ways to cut (`boundaries.cuts`), the one with the
lowest total cost is taken, found in one pass over the cuts: sizes outside min..max cost far more than any cut between
blocks, sentences or characters, and a chunk that is too long far more than one that is too short.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from danlu.documents.blocks import Block, split_blocks
from danlu.documents.boundaries import Cut, cuts
from danlu.types import Chunk, Document, content_id

_PER_CHUNK = 0.5
_TOO_SHORT = 1_000.0
_TOO_LONG = 1_000_000.0
_PER_EXCESS_CHAR = 1_000.0


def split(document: Document, *, min_chars: int = 800, max_chars: int = 1500) -> list[Chunk]:
    """The document's chunks in order, of min_chars..max_chars characters wherever the text allows it.

    Tables are cut between rows only; code and formulas are kept whole where they fit; a heading stays with its text.
    Raises ValueError where the sizes are not 1 <= min_chars <= max_chars.
    """
    if not 1 <= min_chars <= max_chars:
        raise ValueError(f"min_chars={min_chars}, max_chars={max_chars}: need 1 <= min_chars <= max_chars")
    if not document.text:
        return []
    blocks = split_blocks(document)
    found = cuts(document.text, blocks, min_chars=min_chars, max_chars=max_chars)
    ends = _best_ends([*found, Cut(len(document.text), 0.0)], min_chars, max_chars)
    return _chunks(document, blocks, ends)


def oversized(chunks: Sequence[Chunk], max_chars: int) -> list[Chunk]:
    """Chunks longer than max_chars: each holds a table row, heading or run of blank lines that must not be cut."""
    return [chunk for chunk in chunks if len(chunk.text) > max_chars]


def _chunks(document: Document, blocks: list[Block], ends: list[int]) -> list[Chunk]:
    chunks: list[Chunk] = []
    start, block = 0, 0
    for position, end in enumerate(ends):
        while blocks[block].end <= start:
            block += 1
        chunks.append(
            Chunk(
                id=content_id(document.id, str(start), str(end)),
                document_id=document.id,
                position=position,
                start_char=start,
                end_char=end,
                headings=_headings(blocks, block, end),
                text=document.text[start:end],
            )
        )
        start = end
    return chunks


def _headings(blocks: list[Block], first: int, end: int) -> tuple[str, ...]:
    """The titles in force at the first block that is no heading; of the last heading where there is none."""
    number = first
    while blocks[number].kind == "heading" and number + 1 < len(blocks) and blocks[number + 1].start < end:
        number += 1
    return blocks[number].headings


@dataclass(slots=True)
class _Cheapest:
    """The cheapest of the places entered and not yet passed; places enter and leave in ascending order."""

    queue: deque[tuple[float, int]] = field(default_factory=deque)

    def enter(self, cost: float, place: int) -> None:
        while self.queue and self.queue[-1][0] >= cost:
            self.queue.pop()
        self.queue.append((cost, place))

    def leave(self, place: int) -> None:
        if self.queue and self.queue[0][1] == place:
            self.queue.popleft()

    def get(self) -> tuple[float, int] | None:
        return self.queue[0] if self.queue else None


def _best_ends(places: list[Cut], min_chars: int, max_chars: int) -> list[int]:
    """Where the chunks end, so that cuts and sizes cost least in sum.

    Shortest path over the places. A chunk from i to j is too short, fits, or is too long; as j moves on, each i passes
    from the first group to the second to the third once, and each group's cheapest i is at hand: linear time.
    """
    positions = [0, *(cut.position for cut in places)]
    totals, origins = [0.0], [0]
    short, fitting = _Cheapest(), _Cheapest()
    longest: tuple[float, int] | None = None
    grown = passed = 0
    short.enter(0.0, 0)
    for j, cut in enumerate(places, start=1):
        while positions[grown] <= cut.position - min_chars:
            short.leave(grown)
            fitting.enter(totals[grown], grown)
            grown += 1
        while positions[passed] < cut.position - max_chars:
            fitting.leave(passed)
            over = (totals[passed] - _PER_EXCESS_CHAR * positions[passed], passed)
            longest = min(longest, over) if longest else over
            passed += 1
        options = [fitting.get()]
        if option := short.get():
            options.append((option[0] + _TOO_SHORT + min_chars - cut.position, option[1]))
        if longest:
            options.append((longest[0] + _TOO_LONG + _PER_EXCESS_CHAR * (cut.position - max_chars), longest[1]))
        total, origin = min(option for option in options if option)
        totals.append(total + cut.cost + _PER_CHUNK)
        origins.append(origin)
        short.enter(totals[j] + cut.position, j)
    return _traced(positions, origins)


def _traced(positions: list[int], origins: list[int]) -> list[int]:
    ends: list[int] = []
    place = len(origins) - 1
    while place:
        ends.append(positions[place])
        place = origins[place]
    return ends[::-1]
