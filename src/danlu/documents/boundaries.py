"""Finds where a text may be cut, and what each cut costs the reader; no I/O.

A cut before a heading is free, between blocks it is cheap, between sentences dearer, then commas and spaces, then
between characters. Blocks are looked into only where they are too large, so most of a text is never searched.
No cut stands before blank lines: they end the chunk that precedes them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from danlu.documents.blocks import Block

BEFORE_HEADING = 0.0
BETWEEN_BLOCKS = 1.0
BETWEEN_ITEMS = 2.0
BETWEEN_LINES = 3.0
BETWEEN_SENTENCES = 4.0
BETWEEN_ROWS = 6.0
AFTER_LEAD_IN = 12.0
AT_COMMA = 20.0
AT_SPACE = 30.0
BETWEEN_CHARACTERS = 100.0
INSIDE_WORD = 200.0
INSIDE_CHARACTER = 300.0
AFTER_HEADING = 100_000.0

_BLANK_LINES = r"(?:[^\S\n]*\n)*"
_CLOSERS = "”’\"'）)】》」』\\]"
_LINE_END = re.compile(rf"\n{_BLANK_LINES}")
_SENTENCE_END = re.compile(
    rf"(?:[。！？；…]+|(?<![.!?])(?<!\b[A-Z])(?<!\b(?:Mr|Dr|Ms|No|vs|St|cf|al))(?<!\b(?:Mrs|Fig|Inc|i\.e|e\.g))[.!?]+"
    rf"(?=[{_CLOSERS}]*\s))[{_CLOSERS}]*[^\S\n]*(?:\n{_BLANK_LINES})?"
)
_COMMA = re.compile(r"[，、：]+\s*|(?<![,;:])[,;:]+\s+")
_ROW_END = re.compile(r"</tr>\s*", re.IGNORECASE)
_RULE_ROW = re.compile(r"[\s|:\-]+$")
_WORD = re.compile(r"[A-Za-z0-9_]|[^\W\d_\u2e80-\uffff\U00020000-\U0003ffff]")
_LEAD_IN = ("：", ":")
_COMPLETE = tuple("。！？；.!?;…")
_MAX_LEAD_IN_CHARS = 40


class Cut(NamedTuple):
    """A place where a chunk may begin, and what beginning there costs."""

    position: int
    cost: float


Finer = Callable[[str, int, int, int], list[Cut]]


def cuts(text: str, blocks: list[Block], *, min_chars: int, max_chars: int) -> list[Cut]:
    """All places to choose from, ascending, without the text's two ends."""
    gap = max(1, (max_chars - min_chars) // 4)
    found: list[Cut] = []
    for number, block in enumerate(blocks):
        if number:
            found.append(Cut(block.start, _before(text, blocks[number - 1], block)))
        if block.end - block.start > gap:
            found += _inside(text, block, gap=gap, max_chars=max_chars)
    return found


def _before(text: str, previous: Block, block: Block) -> float:
    if previous.kind == "heading":
        return AFTER_HEADING
    if block.kind == "heading":
        return BEFORE_HEADING + 0.05 * block.level
    if _leads_in(text[previous.start : previous.end].strip(), previous, block):
        return AFTER_LEAD_IN
    return BETWEEN_ITEMS if previous.kind == block.kind == "list_item" else BETWEEN_BLOCKS


def _leads_in(words: str, previous: Block, block: Block) -> bool:
    """Whether the block above belongs to what follows: `Three risks:` before a list, or a short line like a title."""
    if block.kind != "paragraph" and words.endswith(_LEAD_IN):
        return True
    short = len(words) <= _MAX_LEAD_IN_CHARS and "\n" not in words
    return previous.kind == "paragraph" and short and not words.endswith(_COMPLETE)


def _inside(text: str, block: Block, *, gap: int, max_chars: int) -> list[Cut]:
    match block.kind:
        case "heading":
            return []
        case "table":
            return list(_rows(text, block))
        case "fence" | "formula":
            if len(text[block.start : block.end].rstrip()) <= max_chars:
                return []
            lines = [Cut(found.end(), BETWEEN_LINES) for found in _within(_LINE_END, text, block.start, block.end)]
            return _refined(text, block, lines, _between_characters, max(gap, max_chars // 2))
    found = list(_sentences(text, block.start, block.end))
    found = _refined(text, block, found, _at_commas, gap)
    return _refined(text, block, found, _between_characters, gap)


def _refined(text: str, block: Block, found: list[Cut], finer: Finer, gap: int) -> list[Cut]:
    """Adds finer cuts wherever two neighbours stand more than `gap` characters apart."""
    refined: list[Cut] = []
    start = block.start
    for cut in [*found, Cut(block.end, 0.0)]:
        if cut.position - start > gap:
            refined += finer(text, start, cut.position, gap)
        refined.append(cut)
        start = cut.position
    return refined[:-1]


def _within(pattern: re.Pattern[str], text: str, start: int, end: int) -> Iterator[re.Match[str]]:
    """Matches that end inside the span and leave something visible after them."""
    end -= len(text[start:end]) - len(text[start:end].rstrip())
    return (found for found in pattern.finditer(text, start, end) if start < found.end() < end)


def _sentences(text: str, start: int, end: int) -> Iterator[Cut]:
    """Ends of sentences and of lines; a line that ends with its sentence is the better place."""
    places: dict[int, float] = {}
    for found in _within(_SENTENCE_END, text, start, end):
        places[found.end()] = BETWEEN_LINES if "\n" in found[0] else BETWEEN_SENTENCES
    for found in _within(_LINE_END, text, start, end):
        places.setdefault(found.end(), BETWEEN_SENTENCES)
    return (Cut(position, places[position]) for position in sorted(places))


def _rows(text: str, block: Block) -> Iterator[Cut]:
    """Ends of table rows, but not between a header and its rule, nor right after the rule."""
    whole = text[block.start : block.end]
    pattern = _ROW_END if "<tr" in whole[:2000].lower() else _LINE_END
    ends = [found.end() for found in _within(pattern, text, block.start, block.end)]
    ruled = len(ends) > 1 and _RULE_ROW.match(text[ends[0] : ends[1]].rstrip()) is not None
    return (Cut(position, BETWEEN_ROWS) for position in (ends[2:] if ruled else ends))


def _at_commas(text: str, start: int, end: int, gap: int) -> list[Cut]:
    return [Cut(found.end(), AT_COMMA) for found in _within(_COMMA, text, start, end)]


def _between_characters(text: str, start: int, end: int, gap: int) -> list[Cut]:
    """One place about every half gap: a space where there is one, else not inside a word, else anywhere visible."""
    step = max(1, gap // 2)
    found: list[Cut] = []
    position = start
    while end - position > step:
        cut = _best_place(text, position + step // 2 + 1, position + step)
        if cut and cut.position < end:
            found.append(cut)
            position = cut.position
        else:
            position += step
    return found


def _best_place(text: str, low: int, high: int) -> Cut | None:
    best: Cut | None = None
    for position in range(high, low - 1, -1):
        before, after = text[position - 1 : position], text[position : position + 1]
        if not after or after.isspace():
            continue
        cost = BETWEEN_CHARACTERS
        if before.isspace():
            cost = AT_SPACE
        elif _joins(after):
            cost = INSIDE_CHARACTER
        elif _WORD.match(before) and _WORD.match(after):
            cost = INSIDE_WORD
        if best is None or cost < best.cost:
            best = Cut(position, cost)
        if cost == AT_SPACE:
            break
    return best


def _joins(character: str) -> bool:
    """Whether a character leans on the one before it: combining marks, joiners, variation selectors, closers."""
    return character in "\u200d\ufe0e\ufe0f，。、；：！？”’）】》」』" or "\u0300" <= character <= "\u036f"
