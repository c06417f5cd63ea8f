"""Works out the numbers that Word shows before paragraphs, such as `第三条`, `1.2` or a bullet; no I/O.

They are not in the text: a paragraph names a list and a level, `numbering.xml` says how the level counts and how it is
written (`lvlText`, where `%1` stands for the first level's number).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from lxml.etree import _Element

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_DIGITS = "零一二三四五六七八九"
_CHINESE = {
    "chineseCounting", "chineseCountingThousand", "chineseLegalSimplified", "ideographDigital", "japaneseCounting",
    "taiwaneseCounting", "taiwaneseCountingThousand",
}  # fmt: skip
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"),
          (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip


class _Level(NamedTuple):
    start: int
    form: str
    pattern: str


@dataclass(slots=True)
class Numbering:
    """The lists of a document and how far each has counted."""

    levels: dict[str, dict[int, _Level]] = field(default_factory=dict)
    abstract_of: dict[str, str] = field(default_factory=dict)
    counts: dict[str, dict[int, int]] = field(default_factory=dict)

    @classmethod
    def parse(cls, root: _Element | None) -> Numbering:
        """From the root of `numbering.xml`; None where a document has no lists."""
        numbering = cls()
        if root is None:
            return numbering
        for abstract in root.iterchildren(f"{W}abstractNum"):
            levels = {int(_value(level, "ilvl") or 0): _level(level) for level in abstract.iterchildren(f"{W}lvl")}
            numbering.levels[_value(abstract, "abstractNumId")] = levels
        for number in root.iterchildren(f"{W}num"):
            abstract_id = _child(number, "abstractNumId")
            numbering.abstract_of[_value(number, "numId")] = abstract_id
        return numbering

    def advance(self, list_id: str, depth: int) -> str:
        """The next number of a list at a level, as written: `- ` for a bullet, empty for an unknown list."""
        abstract = self.abstract_of.get(list_id)
        levels = self.levels.get(abstract or "")
        if not levels or depth not in levels:
            return ""
        counts = self.counts.setdefault(abstract or "", {})
        counts[depth] = counts.get(depth, levels[depth].start - 1) + 1
        for deeper in [other for other in counts if other > depth]:
            del counts[deeper]
        if levels[depth].form in ("bullet", "none"):
            return "-" if levels[depth].form == "bullet" else ""
        return re.sub(r"%(\d)", lambda found: self._number(levels, counts, int(found[1]) - 1), levels[depth].pattern)

    def _number(self, levels: dict[int, _Level], counts: dict[int, int], depth: int) -> str:
        level = levels.get(depth)
        return written(counts.get(depth, level.start), level.form) if level else ""


def written(number: int, form: str) -> str:
    """A number in one of Word's forms; forms not known here are written as decimals."""
    if form in _CHINESE:
        return _chinese(number)
    if form in ("lowerLetter", "upperLetter") and number > 0:
        letters = chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)
        return letters.upper() if form == "upperLetter" else letters
    if form in ("lowerRoman", "upperRoman") and 0 < number < 4000:
        return _roman(number).upper() if form == "upperRoman" else _roman(number)
    if form.startswith("decimalEnclosedCircle") and 1 <= number <= 20:
        return chr(ord("①") + number - 1)
    return f"{number:02d}" if form == "decimalZero" else str(number)


def _chinese(number: int) -> str:
    """Up to 9999, such as 21 -> 二十一, 105 -> 一百零五."""
    if not 0 < number < 10_000:
        return str(number) if number else "零"
    text, gap = "", False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, number = divmod(number, unit)
        if digit:
            text += ("零" if gap else "") + _DIGITS[digit] + name
        gap = bool(text) and not digit
    return text.removeprefix("一") if text.startswith("一十") else text


def _roman(number: int) -> str:
    text = ""
    for value, letters in _ROMAN:
        text += letters * (number // value)
        number %= value
    return text


def _level(element: _Element) -> _Level:
    start = _child(element, "start")
    return _Level(
        int(start) if start.isdigit() else 1, _child(element, "numFmt") or "decimal", _child(element, "lvlText")
    )


def _child(element: _Element, name: str) -> str:
    found = element.find(f"{W}{name}")
    return "" if found is None else _value(found, "val")


def _value(element: _Element, name: str) -> str:
    return element.get(f"{W}{name}") or ""
