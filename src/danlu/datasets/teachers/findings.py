"""What a rule finds: a subject, what is said of it, and where the answer and its proof stand; and the rules for tables.

Passage(pair | row) -> Finding        sentences are read by `chinese.py` and `english.py`
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from danlu.datasets.teachers.passages import Cell, Passage

# attribute: "the A of S is V"; change: "S grew by V"; count: "S has V things"; act: "S offers V"; define: "S is V";
# describe: all that a sentence says of S.
Shape = Literal["attribute", "change", "count", "act", "define", "describe"]

STRONG = 2.0  # a finding scored lower is a filler: it is asked only where nothing better is left

# First columns and keys that name nothing: the row's own label is then the subject.
GENERIC_LABELS = frozenset(
    "项目 内容 名称 指标 类别 数值 说明 事项 item items name value detail details field metric content".split()
)
GENERIC_HEADINGS = re.compile(
    r"(小结|汇总|总结|速查|清单|一览表?|概要|概述|要点|附录|结语|回顾|summary|overview|conclusions?|"
    r"key (facts|figures)|highlights|review|at a glance|in short|summary table)$",
    re.IGNORECASE,
)
_LABEL = re.compile(r"(?P<subject>.{2,24})的(?P<attribute>[^的]{1,16})$")
_LABEL_EN = re.compile(r"(?P<attribute>.{2,40}) of (?P<subject>.{2,40})$")
_CHINESE = re.compile(r"[一-鿿]")
_NOT_A_KEY = re.compile(
    r"(说|表示|指出|认为|称|道|said|says|note|注|http\w?|例如|如下|来源|编辑|记者|图|表)\d*$", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing said of a subject. All spans count characters of the chunk's text; the quote encloses the answer.

    `verb` is the English form of to be; `asked` is the whole English question where no attribute carries it, or the
    Chinese words that stand for the answer ("多少个城市").
    """

    language: Literal["zh", "en"]
    shape: Shape
    subject: str
    attribute: str
    answer_start: int
    answer_end: int
    quote_start: int
    quote_end: int
    score: float
    heading: str = ""
    period: str = ""
    verb: str = "is"
    asked: str = ""


def is_chinese(text: str) -> bool:
    """Whether a text is to be asked about in Chinese: at least one in four of its letters is Chinese."""
    chinese = len(_CHINESE.findall(text))
    return chinese * 3 >= len(re.findall(r"[A-Za-z]", text)) and chinese > 0


def read_pair(passage: Passage) -> Iterator[Finding]:
    """`Key: value` asks for the key; "S的A" and "A of S" tell subject and attribute apart."""
    key, value = passage.cells
    if _NOT_A_KEY.search(key.text) or not _is_short(value.text):
        return
    pattern = _LABEL if is_chinese(key.text) else _LABEL_EN
    label = pattern.match(key.text)
    subject, attribute = (label["subject"], label["attribute"]) if label else ("", key.text)
    yield _cell_finding(passage, value, subject, attribute, score=4.0)


def read_row(passage: Passage) -> Iterator[Finding]:
    """Each cell after the first: the first cell is the subject, the column's header the attribute."""
    name = passage.cells[0]
    if not name.text or re.fullmatch(r"[\d.\s#]+", name.text):
        return
    if len(passage.cells) == 2 and passage.header[0].lower() in GENERIC_LABELS:
        pair = Passage(kind="pair", start=passage.start, end=passage.end, heading=passage.heading, cells=passage.cells)
        yield from read_pair(pair)
        return
    for cell, attribute in list(zip(passage.cells, passage.header, strict=True))[1:]:
        if cell.text and attribute and _is_short(cell.text):
            yield _cell_finding(passage, cell, name.text, attribute, score=3.8)


def _is_short(value: str) -> bool:
    return 0 < len(value) <= (40 if is_chinese(value) else 80) and value not in ("-", "—", "/", "N/A", "无")


def _cell_finding(passage: Passage, value: Cell, subject: str, attribute: str, *, score: float) -> Finding:
    return Finding(
        language="zh" if is_chinese(subject + attribute + value.text) else "en",
        shape="attribute",
        subject=subject,
        attribute=attribute if is_chinese(attribute) else _lower_first(attribute),
        answer_start=value.start,
        answer_end=value.end,
        quote_start=passage.start,
        quote_end=passage.end,
        score=score,
        heading=passage.heading,
    )


def _lower_first(text: str) -> str:
    """ "Gross margin" -> "gross margin"; "ROE" stays."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]
