"""The teacher that needs no model: it finds short facts by rule and quotes the source.

    chunk -> passages -> findings -> one per (subject, attribute) -> the best `count`, spread over the chunk -> Fact

It makes a first data set without a network or a bill, and its answers are verbatim. It knows no paraphrase: for prose
that argues rather than states, a model teaches better.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import PurePath

from danlu.datasets.teachers.chinese import is_noun, read_chinese
from danlu.datasets.teachers.english import read_english
from danlu.datasets.teachers.findings import GENERIC_HEADINGS, STRONG, Finding, is_chinese, read_pair, read_row
from danlu.datasets.teachers.passages import Passage, passages
from danlu.datasets.teachers.wordings import wordings as word
from danlu.types import Chunk, Document, Fact

_TITLE_HEAD = re.compile(r"[：:|—–]|\s-\s")
_LONGEST_CONTEXT = 40
_LONGEST_HEADING = 16
_SENTENCE_ENDS = tuple("。！？；，.!?;,")
_UNFIT_HEADING = re.compile(rf"[，,“”。！？?!：:、和与]|^.{{1,2}}$|多少|怎么|{GENERIC_HEADINGS.pattern}", re.IGNORECASE)
_NUMBERING = re.compile(r"^(?:[一二三四五六七八九十]+、|\d+(?:\.\d+)*[.、]?\s+|[（(][一二三四五六七八九十\d]+[)）])\s*")
_SHORTEST_REPORT_NAME = 6  # a shorter title head is a name ("腾讯"), a longer one a report's title
_SHORTEST_TELLING_ANSWER = 4  # "2人" may be true of a subject twice over; "8866-0312" is the same fact said again


class ExtractiveTeacher:
    """A `Teacher` made of rules: deterministic, offline, verbatim. Chinese and English."""

    identity = "extractive@1"

    def teach(self, chunk: Chunk, document: Document, *, count: int, wordings: int) -> list[Fact]:
        """At most `count` facts of this chunk, in order, each in up to `wordings` ways; fewer where it finds fewer."""
        facts: list[tuple[Finding, Fact]] = []
        asked: set[str] = set()
        for finding in _distinct(_find(chunk, document), chunk.text, _said_before(chunk, document)):
            fact = _fact(finding, chunk, document, wordings)
            if fact.wordings and asked.isdisjoint(fact.wordings):
                facts.append((finding, fact))
                asked.update(fact.wordings)
        return _spread(facts, count, len(chunk.text))


def _find(chunk: Chunk, document: Document) -> Iterator[Finding]:
    for passage in passages(chunk, document):
        yield from _read(passage, chunk.text)


def _read(passage: Passage, text: str) -> Iterator[Finding]:
    if passage.kind == "row":
        return read_row(passage)
    if passage.kind == "pair":
        return read_pair(passage)
    read = read_chinese if is_chinese(text[passage.start : passage.end]) else read_english
    return read(text, passage.start, passage.end, passage.heading)


def _distinct(findings: Iterable[Finding], text: str, said: set[str]) -> list[Finding]:
    """One finding for each fact: the first, where several ask the same or answer the same of one subject."""
    kept: list[Finding] = []
    for finding in findings:
        keys = _keys(finding, text)
        if said.isdisjoint({key for key in keys if not (finding.subject and key.startswith("any="))}):
            kept.append(finding)
        said |= keys
    return kept


def _said_before(chunk: Chunk, document: Document) -> set[str]:
    """The keys of what the document says before this chunk: a table that repeats an earlier page asks nothing new."""
    return {key for start, keys in _keys_of(document) if start < chunk.start_char for key in keys}


@lru_cache(maxsize=8)
def _keys_of(document: Document) -> list[tuple[int, set[str]]]:
    text, end = document.text, len(document.text)
    whole = Chunk(id="", document_id=document.id, position=0, start_char=0, end_char=end, headings=(), text=text)
    return [(finding.quote_start, _keys(finding, document.text)) for finding in _find(whole, document)]


def _keys(finding: Finding, text: str) -> set[str]:
    """What makes two findings the same fact: subject and attribute in either order, or one answer about one subject.

    An attribute that stands without a subject is the one whose answer some subject has given before (`any=`).
    """
    subject, attribute = _plain(finding.period + finding.subject), _plain(finding.attribute)
    if not attribute:
        return {f"{finding.shape}:{subject}"}
    keys = {subject + attribute + finding.asked, attribute + subject + finding.asked}
    answer = text[finding.answer_start : finding.answer_end]
    if len(answer) >= _SHORTEST_TELLING_ANSWER:
        keys |= {f"any={attribute}={answer}"} | ({f"{subject}={answer}"} if subject else set())
    return keys


def _plain(text: str) -> str:
    return re.sub(r"[\s的]|\b(?:the|of)\b", "", text.lower())


def _fact(finding: Finding, chunk: Chunk, document: Document, count: int) -> Fact:
    answer = chunk.text[finding.answer_start : finding.answer_end]
    named, context = _in_context(finding, document, answer)
    return Fact(
        wordings=word(named, answer, context, count),
        answer=answer,
        quote_start=finding.quote_start,
        quote_end=finding.quote_end,
        tag=finding.heading or document.title,
    )


def _in_context(finding: Finding, document: Document, answer: str) -> tuple[Finding, str]:
    """The finding, and the name to put before it where its subject alone would be ambiguous.

    "美团2024年Q2财报：多元供给" names the report; "腾讯：二季度收入" names the company, which becomes the subject.
    """
    is_named = "的" in finding.subject if finding.language == "zh" else not finding.subject.islower()
    if finding.subject and (is_named or finding.shape != "change"):
        return finding, ""
    context = _nearest_name(finding, document)
    if answer in context or not context:
        return finding, ""
    if finding.language == "zh" and len(context) < _SHORTEST_REPORT_NAME:
        own = finding.subject.startswith(context) or (not finding.subject and finding.attribute.startswith(context))
        subject = context if not finding.subject else f"{context}的{finding.subject}"
        return (finding if own else replace(finding, subject=subject)), ""
    year = re.search(r"20\d\d年", context)
    is_dated = year is not None and year.group() in finding.period
    return (replace(finding, period="") if is_dated else finding), context


def _nearest_name(finding: Finding, document: Document) -> str:
    """The heading, unless it is a general one ("小结"), else the title up to its colon; empty where it is too long."""
    own = _NUMBERING.sub("", finding.heading.strip())
    title = _TITLE_HEAD.split(_title(document))[0].strip()
    is_fit = own != document.title and 0 < len(own) <= _LONGEST_HEADING and not _UNFIT_HEADING.search(own)
    is_name = is_noun(own) if is_chinese(own) else own[:1].isupper()
    name = own if is_fit and is_name and is_chinese(own) == is_chinese(title) else title
    return name if len(name) <= _LONGEST_CONTEXT else ""


def _title(document: Document) -> str:
    """The title; where that is only the file's name, the first line, if it reads like a title."""
    if document.title != PurePath(document.source).stem:
        return document.title
    first = document.text.lstrip().split("\n", 1)[0].strip()
    return first if 0 < len(first) <= _LONGEST_CONTEXT and not first.endswith(_SENTENCE_ENDS) else document.title


def _spread(facts: Sequence[tuple[Finding, Fact]], count: int, length: int) -> list[Fact]:
    """The best facts: strong ones before fillers, and within each kind the best of each of `count` bands first."""
    chosen: list[tuple[Finding, Fact]] = []
    for is_strong in (True, False):
        group = [pair for pair in facts if (pair[0].score >= STRONG) == is_strong]
        chosen += _best_of_bands(group, count - len(chosen), length)
    return [fact for _, fact in sorted(chosen, key=lambda pair: (pair[0].answer_start, pair[0].answer_end))]


def _best_of_bands(group: list[tuple[Finding, Fact]], count: int, length: int) -> list[tuple[Finding, Fact]]:
    if len(group) <= max(count, 0):
        return group
    left = sorted(group, key=lambda pair: (-pair[0].score, pair[0].answer_start))
    chosen: list[tuple[Finding, Fact]] = []
    bands: set[int] = set()
    for pair in left:
        band = pair[0].answer_start * count // max(length, 1)
        if len(chosen) < count and band not in bands:
            chosen.append(pair)
            bands.add(band)
    rest = [pair for pair in left if pair not in chosen]
    return chosen + rest[: max(count - len(chosen), 0)]
