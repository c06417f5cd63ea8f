"""Puts a finding into words: one question in several wordings, by the type of its answer and its language.

    Finding -> Asking(core, topic, attribute, interrogatives) -> the language's frames -> wordings, the plainest first

Every wording keeps the words of subject and attribute; frames differ in order and phrasing.
"""

# ruff: noqa: E501  (a pattern is easier to read on one line than in pieces)

from __future__ import annotations

import re
from dataclasses import dataclass

from danlu.datasets.teachers.findings import Finding

# The type of an answer: the first row whose attribute or value pattern matches.
_TYPES: tuple[tuple[str, str, str], ...] = (
    # type, pattern of the attribute, pattern of the whole value
    ("phone", r"电话|热线|号码|手机号?$|传真|总机|\bphone\b|\btelephone\b|\bhotline\b|\bfax\b", r"\d{3,4}-\d{4}(?:-\d{4})?"),
    ("duration", r"(?:时长|时限|期限|有效期|预约期|工期|\bduration)$", r"\d+(?:\.\d+)?\s?(?:个工作日|天|小时|分钟|个月|周|days?|hours?|minutes?|weeks?|months?)"),
    ("place", r"(?:位置|地址|地点|所在地|总部|\baddress|\blocation|\bheadquarters)$", r"(?!)"),
    ("person", r"(?:主任|院长|经理|总监|负责人|联系人|厂长|董事长|主席|总裁|首席\S{2,4}官|C[EFTO]O|作者|创始人|"
               r"\bhead|chief executive|\bofficer|\bdirector|\bmanager|\bauditor|\bchair(?:man|woman)?|\bauthor|\bfounder|\bpresident)$", r"(?!)"),
    ("time", r"(?:时间|日期|时刻|\bdate|\btime|\bhours|\bdeadline)$", r"(?:(?:19|20)\d\d年.*|\d{1,2}月\d{1,2}日.*|.*\d:\d\d.*)"),
    ("amount", r"(?!)", r".*\d.*(?:元|美元|港元|\byuan|\bdollars?|\beuros?)\b.*|[$¥€£]\s?\d.*"),
    ("number", r"(?!)", r"(?:人民币|约|近|不?超过|每次|不?[低高少多]于|不得[早晚低高少多]于|about |over |nearly )?[\d,.]+.{0,12}"),
)  # fmt: skip

_CHINESE_INTERROGATIVES = {
    "phone": ("是多少", "具体是多少"),
    "duration": ("是多久", "具体是多久"),
    "place": ("在哪里", "在什么地方"),
    "person": ("是谁", "是哪一位"),
    "time": ("是什么时候", "具体是什么时候"),
    "amount": ("是多少", "具体是多少"),
    "number": ("是多少", "具体是多少"),
    "other": ("是什么", "具体是什么"),
}
_CHINESE_FRAMES = (
    "{core}{ask}？",
    "请问{core}{ask2}？",
    "说到{topic}，{attribute}{ask}？",
    "我想知道{core}{ask}。",
    "{attribute}{ask}？我问的是{topic}。",
    "能告诉我{core}{ask2}吗？",
    "关于{topic}，请回答：{attribute}{ask}？",
    "麻烦查一下，{core}{ask}？",
)
_LISTING = ("分为", "包括", "包含", "具备")
_CHINESE_PARTS = {"act": "什么", "change": "多少", "define": "是什么", "describe": "怎么说"}

_ENGLISH_INTERROGATIVES = {"person": "who", "place": "where"}
_ENGLISH_FRAMES = (
    "{What} {verb} {core}?",
    "Can you tell me {what} {core} {verb}?",
    "For {topic}, {what} {verb} {attribute}?",
    "I would like to know {what} {core} {verb}.",
    "{Attribute} for {topic}: {what} {verb} {that}?",
    "Please tell me {core}.",
    "Speaking of {topic}, {what} {verb} {attribute}?",
)
_ENGLISH_QUESTION_FRAMES = (
    "{Asked}?",
    "Please tell me: {asked}?",
    "Speaking of {topic}, {asked}?",
    "Here is a question about {topic}: {asked}?",
    "{Asked}? My question is about {topic}.",
    "Regarding {topic}, {asked}?",
)


@dataclass(frozen=True, slots=True)
class _Asking:
    """The words that the Chinese frames are filled with."""

    core: str
    topic: str
    attribute: str
    ask: str
    ask2: str


def answer_type(attribute: str, answer: str) -> str:
    """`phone`, `duration`, `place`, `person`, `time`, `amount`, `number` or `other`."""
    for name, attribute_pattern, value_pattern in _TYPES:
        if re.search(attribute_pattern, attribute, re.IGNORECASE) or re.fullmatch(value_pattern, answer):
            return name
    return "other"


def wordings(finding: Finding, answer: str, context: str, count: int) -> tuple[str, ...]:
    """Up to `count` different questions; `context` names the document or section where the subject alone would not.

    A wording that gives the answer away is left out.
    """
    if finding.language == "zh":
        asking = _chinese_asking(finding, answer, context)
        frames = _CHINESE_FRAMES
        fields = {name: getattr(asking, name) for name in _Asking.__slots__}
    else:
        frames, fields = _english(finding, answer, context)
    texts = dict.fromkeys(frame.format(**fields) for frame in frames)
    return tuple(text for text in texts if answer not in text)[:count]


def _chinese_asking(finding: Finding, answer: str, context: str) -> _Asking:
    """`context` and period come first: "2024年第二季度，腾讯的毛利", "美团2024年Q2财报中，营收"."""
    place = f"{context}中" if context else ""
    prefix = "，".join(part for part in (place, finding.period) if part)
    lead = f"{prefix}，" if prefix else ""
    topic = "，".join(part for part in (context, finding.period, finding.subject) if part) or finding.attribute
    if finding.shape == "attribute":
        ask, ask2 = _CHINESE_INTERROGATIVES[answer_type(finding.attribute, answer)]
        link = "的" if finding.subject else ""
        return _Asking(f"{lead}{finding.subject}{link}{finding.attribute}", topic, finding.attribute, ask, ask2)
    if finding.shape == "describe":
        return _Asking(f"{lead}关于{finding.subject}，文中", topic, "文中", "怎么说", "是怎么说的")
    if finding.shape == "define":
        return _Asking(f"{lead}{finding.subject}", topic, "它", "是什么", "具体是什么")
    ask = finding.asked or ("哪些" if finding.attribute in _LISTING else _CHINESE_PARTS[finding.shape])
    ask2 = f"了{ask}" if finding.shape == "change" else ask
    return _Asking(f"{lead}{finding.subject}{finding.attribute}", topic, finding.attribute, ask, ask2)


def _english(finding: Finding, answer: str, context: str) -> tuple[tuple[str, ...], dict[str, str]]:
    topic = finding.subject or (f'"{context}"' if context else finding.attribute)
    where = f' in "{context}"' if context else ""
    if finding.asked:
        asked = finding.asked + where
        return _ENGLISH_QUESTION_FRAMES, {"asked": asked, "Asked": _upper_first(asked), "topic": topic}
    what = _ENGLISH_INTERROGATIVES.get(answer_type(finding.attribute, answer), "what")
    attribute = _with_article(finding.attribute)
    core = f"{attribute} of {finding.subject}{where}" if finding.subject else f"{attribute}{where}"
    fields = {"core": core, "topic": topic, "attribute": attribute, "verb": _agreeing(finding.verb, attribute)}
    fields["that"] = "that" if fields["verb"] in ("is", "was") else "those"
    fields |= {"what": what, "What": _upper_first(what), "Attribute": _upper_first(attribute)}
    return _ENGLISH_FRAMES, fields


def _with_article(noun: str) -> str:
    return noun if re.match(r"(the|a|an|its|[A-Z])\b", noun) or noun[:1].isupper() else f"the {noun}"


def _agreeing(verb: str, attribute: str) -> str:
    """ "is" for one, "are" for "opening hours"; a verb in the plural stays."""
    is_plural = re.search(r"(?<![sui])s$", attribute) is not None
    return {"is": "are", "was": "were"}.get(verb, verb) if is_plural else verb


def _upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]
