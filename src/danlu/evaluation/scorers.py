"""When an answer counts as exact, and a side's figures as they stand in results.json; no torch.

answer -> words after its reasoning -> widths and spaces made equal -> equal to the reference, or not
"""

from __future__ import annotations

import math
import re

# Full-width forms U+FF01..U+FF5E are ASCII moved by 0xFEE0; the others have no such place.
_NARROW = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_NARROW |= str.maketrans({"\u3000": " ", "。": ".", "、": ",", "“": '"', "”": '"', "‘": "'", "’": "'"})
# Punctuation, and the Chinese and Japanese characters: a space beside them says nothing.
_SPACES_BESIDE = re.compile(r"\s*([^\w\s]|[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])\s*")
_END_OF_REASONING = "</think>"


def words_of(answer: str) -> str:
    """What is said after the chain of thought; all of it where there is none."""
    return answer.rpartition(_END_OF_REASONING)[2].strip()


def normalize(text: str) -> str:
    """Narrow punctuation, and single spaces between Latin words and numbers only: `是 215 室 。` becomes `是215室.`."""
    narrow = text.translate(_NARROW)
    return " ".join(_SPACES_BESIDE.sub(r"\1", narrow).split())


def is_exact(answer: str, reference: str) -> bool:
    """Whether the answer's words are the reference, but for spaces and the width of punctuation."""
    return normalize(words_of(answer)) == normalize(words_of(reference))


def finite(value: float) -> float | None:
    """The number, or None (JSON's null) for what JSON cannot hold: no tokens to average, an overflow."""
    return value if math.isfinite(value) else None
