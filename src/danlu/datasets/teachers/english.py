"""Reads facts off English sentences by rule: "The A of S is V", "S is located in V", "S rose 9 percent to V".

    sentence (wrapped lines joined) -> Finding

The first rule that reads a sentence wins; a subject that is a pronoun or a clause gives nothing.
"""

# ruff: noqa: E501  (a pattern is easier to read on one line than in pieces)

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from danlu.datasets.teachers.findings import Finding, Shape

_NUMBER = r"(?:(?:about|nearly|over|around|more than|some)\s)?(?:[$€£¥]|RMB\s|US\$|USD\s)?\d[\d,]*(?:\.\d+)?(?:\s?%|\s(?:percent|percentage points))?(?:\s(?:thousand|million|billion|trillion))?(?:\s(?:yuan|dollars|euros|pounds))?"
_BASE_FORM = {
    "rose": "rise", "fell": "fall", "grew": "grow", "increased": "increase", "decreased": "decrease", "declined": "decline",
    "dropped": "drop", "employs": "employ", "employed": "employ", "has": "have", "had": "have", "operates": "operate",
    "serves": "serve", "opened": "open", "covers": "cover", "owns": "own", "runs": "run", "opens": "open", "closes": "close",
    "starts": "start", "begins": "begin", "ends": "end", "contains": "contain", "offers": "offer", "provides": "provide",
    "launched": "launch", "supports": "support", "includes": "include", "uses": "use", "makes": "make", "produces": "produce",
    "requires": "require", "treats": "treat", "causes": "cause", "acquired": "acquire", "announced": "announce",
}  # fmt: skip
_PAST = frozenset(
    "rose fell grew increased decreased declined dropped employed had opened launched acquired announced".split()
)


@dataclass(frozen=True, slots=True)
class _Rule:
    """A pattern over one sentence; groups: s subject, a attribute, b form of to be, verb, v answer, n counted noun.

    `asked` is the question where the attribute does not make one.
    """

    shape: Shape
    pattern: re.Pattern[str]
    score: float
    asked: str = ""


def _rule(shape: Shape, pattern: str, score: float, asked: str = "") -> _Rule:
    return _Rule(shape, re.compile(pattern.replace("NUMBER", _NUMBER)), score, asked)


_BE = r"(?P<b>is|was|are|were)"
_RULES: tuple[_Rule, ...] = (
    _rule("attribute", rf"The (?P<a>.{{2,60}}?) (?:of|for) (?P<s>.{{2,50}}) {_BE} (?P<v>.{{1,80}})$", 4.0),
    _rule("attribute", rf"(?P<s>[A-Z].{{1,40}}?)['’]s (?P<a>[a-z][a-z -]{{2,40}}) {_BE} (?P<v>.{{1,80}})$", 3.8),
    _rule("attribute", r"(?:The )?(?P<a>.{2,60}?) (?:reached|totaled|totalled|amounted to|stood at|came to) (?P<v>NUMBER(?: \w+)?)", 3.4),
    _rule("define", rf"(?P<s>.{{2,60}}?) {_BE} (?:located |based |situated |headquartered )(?:in|at|on) (?P<v>[^,]{{2,60}})", 3.8, "where {b} {s} located"),
    _rule("change", r"(?P<s>.{2,60}?) (?P<verb>rose|fell|grew|increased|decreased|declined|dropped) (?:by )?(?P<v>NUMBER)", 3.2, "by how much did {s} {base}"),
    _rule("count", r"(?P<s>.{2,60}?) (?P<verb>employs|employed|has|had|operates|serves|opened|covers|owns|runs|contains|offers) (?P<v>NUMBER (?P<n>[a-z][a-z ]{2,30}?))(?:$|[,;]| in | at | on | for | and | with )", 3.0, "how many {n} {do} {s} {base}"),
    _rule("act", r"(?P<s>.{2,60}?) (?P<verb>opens|closes|starts|begins|ends) (?:at|on|in) (?P<v>[^,]{2,40})", 2.8, "when {do} {s} {base}"),
    _rule("attribute", rf"(?:The )?(?P<a>[^,]{{2,60}}?) {_BE} (?P<v>NUMBER(?: \w+)?)(?:$|[,;]| in | at )", 2.6),
    _rule("define", rf"(?P<s>[^,]{{2,60}}?) {_BE} (?P<v>(?:an?|the|one) .{{4,80}})$", 1.6, "what {b} {s}"),
    _rule("act", r"(?P<s>[^,]{2,60}?) (?P<verb>offers|provides|launched|supports|includes|uses|makes|produces|requires|treats|causes|acquired|announced|covers|operates) (?P<v>[^,]{3,80})$", 1.4, "what {do} {s} {base}"),
)  # fmt: skip
_DESCRIBE = re.compile(
    r"(?P<s>(?:The |An? )?[A-Za-z][^,]{2,40}?) (?:is|was|are|were|has|have|had|can|will|helps?|works?|shows?|plans?)\b"
)
_BAD_SUBJECT = re.compile(
    r"(?:it|he|she|they|we|you|i|this|that|these|those|there|here|what|which|who|when|if|while|although|because|as|in|on|at|by|for|"
    r"from|with|after|before|during|and|but|or|so|to|not|please|its|their|our|his|her|each|all|some|most|one|another)\b|.*\b(?:which|that|who|is|was|are|were)\b|.*[;:?!\"“”()|]",
    re.IGNORECASE,
)


def read_english(text: str, start: int, end: int, heading: str) -> Iterator[Finding]:
    """The finding of the sentence `text[start:end]`, if a rule reads one."""
    sentence = text[start:end].rstrip(".!?;").replace("\n", " ")
    for rule in _RULES:
        match = rule.pattern.match(sentence)
        if match and _fits(match) and "\n" not in text[start + match.start("v") : start + match.end("v")]:
            yield _finding(rule, match, start, start + len(sentence), heading)
            return
    match = _DESCRIBE.match(sentence)
    if match and _is_noun(match["s"]) and 20 <= len(sentence) <= 160 and "\n" not in text[start:end]:
        yield _filler(_inside(match["s"]), start, start + len(sentence), heading)


def _filler(subject: str, start: int, end: int, heading: str) -> Finding:
    """The last resort: the whole sentence, asked as "what does the text say about"."""
    return Finding(
        language="en",
        shape="describe",
        subject=subject,
        attribute="",
        answer_start=start,
        answer_end=end,
        quote_start=start,
        quote_end=end,
        score=0.5,
        heading=heading,
        asked=f"what does the text say about {subject}",
    )


def _fits(match: re.Match[str]) -> bool:
    parts = [match.groupdict().get(name) for name in ("s", "a")]
    return all(_is_noun(part) for part in parts if part is not None)


def _is_noun(text: str) -> bool:
    return len(text.split()) <= 9 and not _BAD_SUBJECT.match(text)


def _finding(rule: _Rule, match: re.Match[str], start: int, end: int, heading: str) -> Finding:
    groups = match.groupdict()
    subject, verb = _inside(groups.get("s") or ""), groups.get("verb") or ""
    do = "did" if verb in _PAST else "does"
    named = {name: groups.get(name) or "" for name in ("b", "n")}
    asked = rule.asked.format(s=subject, base=_BASE_FORM.get(verb, verb), do=do, **named)
    return Finding(
        language="en",
        shape=rule.shape,
        subject=subject,
        attribute=_inside(groups.get("a") or ""),
        answer_start=start + match.start("v"),
        answer_end=start + match.end("v"),
        quote_start=start,
        quote_end=end,
        score=rule.score,
        heading=heading,
        verb=groups.get("b") or "was",
        asked=asked,
    )


def _inside(phrase: str) -> str:
    """A phrase as it stands inside a sentence: "The Sensors segment" -> "the Sensors segment", "Revenue" -> "revenue"."""
    first = phrase.split(" ")[0]
    common = first in ("The", "A", "An") or (first.istitle() and first.lower() in _COMMON_FIRST)
    return phrase[:1].lower() + phrase[1:] if common else phrase


_COMMON_FIRST = frozenset(
    "revenue sales net gross total operating cost costs profit income cash debt staff headcount research spending growth capital "
    "margin earnings free adjusted employees customers orders patients visits".split()
)
