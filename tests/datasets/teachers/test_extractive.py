"""The teacher without a model: verbatim answers, distinct wordings, and the facts of the sample documents."""

from __future__ import annotations

import json
import os
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest

from danlu.datasets.teachers.extractive import ExtractiveTeacher
from danlu.documents.readers import read_document
from danlu.documents.splitting import split
from danlu.types import Chunk, Document, Fact, Heading, content_id

DOCUMENTS = Path(str(files("danlu").joinpath("samples", "documents")))
SAMPLE_FACTS = json.loads((Path(__file__).parent.parent / "sample_facts.json").read_text(encoding="utf-8"))
CHARS_PER_FACT = 60
WORDINGS = 5
ARTICLES = os.environ.get("DANLU_TEST_ARTICLES", "")  # a folder of Chinese or English news articles, any format


def document_of(text: str, title: str = "云溪医院指南") -> Document:
    return Document(id=content_id(text), title=title, source="a.md", sha256="", media_type="text/markdown", text=text)


def chunk_of(document: Document, start: int = 0, end: int | None = None) -> Chunk:
    end = len(document.text) if end is None else end
    text = document.text[start:end]
    return Chunk(
        id=content_id(text), document_id=document.id, position=0, start_char=start, end_char=end, headings=(), text=text
    )


def teach(text: str, *, title: str = "云溪医院指南", count: int = 20) -> list[Fact]:
    document = document_of(text, title)
    return ExtractiveTeacher().teach(chunk_of(document), document, count=count, wordings=WORDINGS)


def pairs(facts: list[Fact]) -> dict[str, str]:
    """Plainest wording -> answer."""
    return {fact.wordings[0]: fact.answer for fact in facts}


@cache
def sample_lessons() -> tuple[tuple[Chunk, list[Fact]], ...]:
    """Every chunk of every sample document with what the teacher finds in it."""
    teacher = ExtractiveTeacher()
    lessons = []
    for path in sorted(DOCUMENTS.iterdir()):
        if path.name.startswith((".", "_")):
            continue
        document = read_document(path, source=path.name).document
        for chunk in split(document):
            count = len(chunk.text) // CHARS_PER_FACT
            lessons.append((chunk, teacher.teach(chunk, document, count=count, wordings=WORDINGS)))
    return tuple(lessons)


def test_answers_are_verbatim_inside_their_quotes() -> None:
    for chunk, facts in sample_lessons():
        for fact in facts:
            assert fact.answer in chunk.text[fact.quote_start : fact.quote_end]


def test_the_samples_hold_at_least_ninety_facts_with_five_wordings_each() -> None:
    facts = [fact for _, found in sample_lessons() for fact in found]
    assert len(facts) >= 90
    assert all(len(set(fact.wordings)) == WORDINGS for fact in facts)


def test_no_wording_asks_for_two_facts_of_the_samples() -> None:
    texts = [text for _, facts in sample_lessons() for fact in facts for text in fact.wordings]
    assert len(texts) == len(set(texts))


def test_sample_answers_are_those_of_the_list() -> None:
    """A fact whose question names a listed subject and attribute answers with the listed value."""
    wrong = []
    for _, facts in sample_lessons():
        for fact in facts:
            matches = [
                row["value"]
                for row in SAMPLE_FACTS
                if all(row[key] in fact.wordings[0] for key in ("subject", "attribute"))
            ]
            if fact.answer not in matches:
                wrong.append(fact)
    assert not wrong


def test_no_wording_gives_its_answer_away() -> None:
    for _, facts in sample_lessons():
        for fact in facts:
            assert not any(fact.answer in text for text in fact.wordings)


def test_the_same_chunk_gives_the_same_facts() -> None:
    text = (DOCUMENTS / "yunxi-registration.md").read_text(encoding="utf-8")
    assert teach(text) == teach(text)


def test_a_fact_stated_twice_is_asked_once() -> None:
    facts = teach(
        "心内科位于3号楼2层。\n\n| 科室 | 位置 |\n| --- | --- |\n| 心内科 | 3号楼2层 |\n\n- 心内科的位置：3号楼2层\n"
    )
    assert pairs(facts) == {"心内科的位置在哪里？": "3号楼2层"}


def test_a_later_chunk_does_not_ask_again_what_an_earlier_one_said() -> None:
    document = document_of("心内科的主任是陈立衡。\n\n心内科的主任：陈立衡\n心内科的预约电话：8866-0312\n")
    later = chunk_of(document, start=document.text.index("\n\n") + 2)
    facts = ExtractiveTeacher().teach(later, document, count=9, wordings=WORDINGS)
    assert pairs(facts) == {"心内科的预约电话是多少？": "8866-0312"}


def test_a_table_row_asks_for_each_column_of_its_first_cell() -> None:
    facts = teach("| 科室 | 位置 | 主任 |\n|---|---|---|\n| 骨科 | 1号楼3层 | 郑国栋 |\n")
    assert pairs(facts) == {"骨科的位置在哪里？": "1号楼3层", "骨科的主任是谁？": "郑国栋"}


def test_tab_separated_rows_are_a_table() -> None:
    facts = teach("险种\t门诊报销比例\n职工医保\t70%\n居民医保\t55%\n")
    assert pairs(facts) == {"职工医保的门诊报销比例是多少？": "70%", "居民医保的门诊报销比例是多少？": "55%"}


def test_a_bare_key_is_asked_under_its_heading() -> None:
    facts = teach("# 云溪医院指南\n\n## 体检中心\n\n- 开放时间：7:00至11:40\n")
    assert pairs(facts) == {"体检中心的开放时间是什么时候？": "7:00至11:40"}
    assert facts[0].tag == "体检中心"


def test_figures_in_prose_name_the_report() -> None:
    facts = teach(
        "财报显示，今年二季度，美团实现营收823亿元（人民币，下同），同比增长21.0%；净利润113.52亿元，同比大增142.1%。",
        title="美团2024年Q2财报：多元供给聚焦质价比",
    )
    assert pairs(facts) == {
        "美团的营收是多少？": "823亿元",
        "美团的营收同比增长多少？": "21.0%",
        "美团2024年Q2财报中，净利润是多少？": "113.52亿元",
        "美团2024年Q2财报中，净利润同比大增多少？": "142.1%",
    }


def test_limits_foundings_and_places_are_read_from_general_prose() -> None:
    facts = teach(
        "成人的正常血压应低于120/80毫米汞柱。协和医院创建于1921年，位于帅府园1号。男性结婚年龄不得早于22周岁。",
        title="常识",
    )
    assert pairs(facts) == {
        "成人的正常血压是多少？": "低于120/80毫米汞柱",
        "协和医院的创建时间是什么时候？": "1921年",
        "协和医院的位置在哪里？": "帅府园1号",
        "常识的男性结婚年龄是多少？": "不得早于22周岁",
    }


def test_english_sentences_pairs_and_tables_are_read() -> None:
    facts = teach(
        "The gross margin of Northlake was 41.7 percent. The clinic employs 214 nurses. "
        "Revenue rose 12.5% to $48 million.\n\n"
        "Opening hours: 9:00 to 17:30\n\n| Region | Growth |\n|---|---:|\n| North | 4% |\n",
        title="Harbor annual report: 2024",
    )
    assert pairs(facts) == {
        "What was the gross margin of Northlake?": "41.7 percent",
        "How many nurses does the clinic employ?": "214 nurses",
        'By how much did revenue rise in "Harbor annual report"?': "12.5%",
        'What are the opening hours in "Harbor annual report"?': "9:00 to 17:30",
        "What is the growth of North?": "4%",
    }


def test_a_sentence_wrapped_by_its_page_is_read_whole() -> None:
    facts = teach("The chief financial officer of the whole\nNorthlake group is Martin Gu.\n", title="Report")
    assert pairs(facts) == {"Who is the chief financial officer of the whole Northlake group?": "Martin Gu"}


@pytest.mark.parametrize(
    "text", ["", "\n\n", "请排队。\n谢谢！", "What a lovely day! Go home.", "#\n---\n| | |\n", "2024 2025 2026"]
)
def test_a_chunk_without_facts_gives_none(text: str) -> None:
    assert teach(text) == []


def test_no_more_facts_than_asked_and_spread_over_the_chunk() -> None:
    text = "".join(
        f"第{name}工厂的年产能为{number}万台。\n" for number, name in enumerate("甲乙丙丁戊己庚辛", start=11)
    )
    text = text.replace("第", "")
    facts = teach(text, count=4)
    assert [fact.answer for fact in facts] == ["11万台", "13万台", "15万台", "17万台"]
    assert teach(text, count=0) == []


def test_headings_of_the_document_become_tags() -> None:
    text = "住院部\n床位数：860张\n"
    document = document_of(text)
    heading = Heading(level=2, text="住院部", start_char=0, end_char=3)
    document = Document(**{name: getattr(document, name) for name in Document.__slots__} | {"headings": (heading,)})
    facts = ExtractiveTeacher().teach(chunk_of(document), document, count=5, wordings=WORDINGS)
    assert [(fact.tag, fact.answer) for fact in facts] == [("住院部", "860张")]


@pytest.mark.skipif(not ARTICLES, reason="DANLU_TEST_ARTICLES names no folder of real articles")
def test_real_articles_give_half_of_what_is_asked() -> None:
    teacher, wanted, found = ExtractiveTeacher(), 0, 0
    for path in sorted(Path(ARTICLES).iterdir()):
        document = read_document(path, source=path.name).document
        for chunk in split(document):
            count = len(chunk.text) // CHARS_PER_FACT
            facts = teacher.teach(chunk, document, count=count, wordings=WORDINGS)
            assert all(fact.answer in chunk.text[fact.quote_start : fact.quote_end] for fact in facts)
            wanted, found = wanted + count, found + len(facts)
    assert found >= wanted / 2
