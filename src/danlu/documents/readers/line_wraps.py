"""Joins lines that a layout broke: words regain their space, hyphenated words their halves, Chinese stays unspaced."""

from __future__ import annotations

import re
from collections.abc import Iterable

_UNSPACED = "\u2e80-\u312f\u3190-\uabff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff‘’“”…—"
_BREAK_BESIDE_CHINESE = re.compile(rf"(?<=[{_UNSPACED}])[ \t]*\n[ \t]*|[ \t]*\n[ \t]*(?=[{_UNSPACED}])")
_IDEOGRAPH = re.compile(r"[\u2e80-\u312f\u3190-\uabff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
_HYPHENATED = re.compile(r"(?:^|\s)\W*([^\W\d_]{2,})-$")


def join_lines(lines: Iterable[str]) -> str:
    """One paragraph of several lines, such as `["hyphen-", "ated 二零", "二四年"]` -> `hyphenated 二零二四年`."""
    joined: list[str] = []
    for line in lines:
        line = line.strip(" \t\u3000") if joined else line.rstrip()
        if not line:
            continue
        joined.append(line if not joined else _glue(joined, line))
    return "".join(joined)


def unwrap(text: str) -> str:
    """White space as a browser shows it: one space, and none for a line end beside Chinese."""
    text = re.sub(r"[ \t\f]*\n\s*", "\n", text)
    return re.sub(r"[ \t\n\f]+", " ", _BREAK_BESIDE_CHINESE.sub("", text))


def _glue(joined: list[str], line: str) -> str:
    """The line with what must stand before it; takes a hyphen off the line above where it only split a word."""
    above = joined[-1]
    if above.endswith("\u00ad"):
        joined[-1] = above.rstrip("\u00ad")
        return line
    if above.endswith("-"):
        if _HYPHENATED.search(above[-60:]) and line[0].islower():
            joined[-1] = above[:-1]
        return line
    return line if _IDEOGRAPH.match(above[-1]) or _IDEOGRAPH.match(line[0]) else f" {line}"
