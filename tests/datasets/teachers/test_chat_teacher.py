"""The chat teacher against a real server on loopback: quotes are checked, replies kept, bad ones asked once more."""

from __future__ import annotations

import json

import pytest
from loopback import LoopbackTeacher, facts_of, said

from danlu.datasets.teachers import Tally, make_teacher
from danlu.datasets.teachers.chat import ChatTeacher, locate
from danlu.datasets.teachers.extractive import ExtractiveTeacher
from danlu.recipe.synthesize import TeacherKnobs
from danlu.types import Chunk, Document
from danlu.workspace import Workspace

TEXT = "门诊在1号楼。\n\n预约电话是 8866-0312。骨科在\n3号楼。"
DOCUMENT = Document(id="d", title="指南", source="g.md", sha256="0", media_type="text/markdown", text="x" * 100 + TEXT)
CHUNK = Chunk(
    id="c1", document_id="d", position=0, start_char=100, end_char=100 + len(TEXT), headings=("门诊",), text=TEXT
)


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
def teacher(teacher_server: LoopbackTeacher, workspace: Workspace, tally: Tally):
    knobs = TeacherKnobs(base_url=teacher_server.base_url, model="m", retries=0)
    return make_teacher(knobs, workspace.rows, tally)


def fact(quote: str, questions: list[str] | None = None, answer: object = "1号楼") -> dict:
    return {"questions": questions or ["门诊在哪里？", "去哪里看门诊？"], "answer": answer, "quote": quote}


def reply(*facts: object) -> tuple:
    return said(json.dumps({"facts": facts}, ensure_ascii=False))


def teach(teacher, count: int = 3, wordings: int = 2):
    return teacher.teach(CHUNK, DOCUMENT, count=count, wordings=wordings)


def test_without_an_address_the_extractive_teacher_is_made(workspace: Workspace):
    assert isinstance(make_teacher(TeacherKnobs(), workspace.rows), ExtractiveTeacher)


def test_the_request_holds_title_headings_and_text_between_marks(teacher: ChatTeacher, teacher_server):
    teach(teacher)
    system, user = (message["content"] for message in teacher_server.requests[0]["messages"])
    assert "材料" in system
    assert user.index("===== c1 BEGIN") < user.index("指南") < user.index("门诊在1号楼") < user.index("===== c1 END")
    assert "3 个" in user and "2 种问法" in user


def test_an_english_chunk_is_asked_about_in_english(teacher: ChatTeacher, teacher_server):
    text = "The clinic opens at eight."
    chunk = Chunk(id="e", document_id="d", position=0, start_char=0, end_char=len(text), headings=(), text=text)
    teacher.teach(chunk, DOCUMENT, count=1, wordings=1)
    assert "You write questions" in teacher_server.requests[0]["messages"][0]["content"]


def test_control_tokens_in_a_document_are_broken_and_its_quotes_still_found(teacher: ChatTeacher, teacher_server):
    text = "Write <|im_end|> and <｜end｜> and </s> at the end."
    chunk = Chunk(id="e", document_id="d", position=0, start_char=0, end_char=len(text), headings=(), text=text)
    teacher_server.script = lambda request, number: reply(fact("< |im_end|> and < ｜end｜> and < /s>"))
    [found] = teacher.teach(chunk, DOCUMENT, count=1, wordings=2)
    assert "<|" not in teacher_server.requests[0]["messages"][1]["content"]
    assert text[found.quote_start : found.quote_end] == "<|im_end|> and <｜end｜> and </s>"


def test_a_quote_is_found_to_the_letter_or_without_its_blanks(teacher: ChatTeacher, teacher_server):
    teacher_server.script = lambda request, number: reply(fact("门诊在1号楼。"), fact("骨科在3号楼", ["骨科在哪？"]))
    facts = teach(teacher)
    assert [TEXT[one.quote_start : one.quote_end] for one in facts] == ["门诊在1号楼。", "骨科在\n3号楼"]
    assert locate("没有的话", TEXT) is None
    assert locate(" ", "abc") is None


def test_a_fact_with_a_wrong_quote_is_dropped_and_counted(teacher: ChatTeacher, teacher_server, tally: Tally):
    teacher_server.script = lambda request, number: reply(fact("门诊在2号楼。"), fact("门诊在1号楼。"))
    assert len(teach(teacher)) == 1
    assert tally.counts() == {"calls": 1, "quotes_not_found": 1}


def test_bad_facts_and_surplus_are_counted(teacher: ChatTeacher, teacher_server, tally: Tally):
    good = fact("门诊在1号楼。", ["a?", "b?", "b?", "c?"])
    teacher_server.script = lambda request, number: reply({"answer": "x"}, fact("门诊", [" "]), good, good)
    [found] = teach(teacher, count=1)
    assert found.wordings == ("a?", "b?")
    assert tally.counts() == {
        "calls": 1, "facts_beyond_count": 1, "facts_malformed": 2, "wordings_beyond_count": 2,
    }  # fmt: skip


def test_numbers_fences_and_thinking_are_understood(teacher: ChatTeacher, teacher_server):
    inner = json.dumps({"facts": [fact("预约电话是 8866-0312", ["电话？"], 88660312)]}, ensure_ascii=False)
    teacher_server.script = lambda request, number: said(f"<think>{{hm}}</think>好的：\n```json\n{inner[:-1]},}}\n```")
    assert [one.answer for one in teach(teacher)] == ["88660312"]


def test_an_unusable_reply_is_sent_back_once(teacher: ChatTeacher, teacher_server, tally: Tally):
    script = [said("I cannot do that."), reply(fact("门诊在1号楼。"))]
    teacher_server.script = lambda request, number: script[number - 1]
    assert len(teach(teacher)) == 1
    again = teacher_server.requests[1]["messages"]
    assert [message["role"] for message in again] == ["system", "user", "assistant", "user"]
    assert again[2]["content"] == "I cannot do that."
    assert tally.counts() == {"calls": 2, "replies_asked_again": 1}


def test_two_unusable_replies_give_no_facts_and_are_counted(teacher: ChatTeacher, teacher_server, tally: Tally):
    teacher_server.script = lambda request, number: said("")
    assert teach(teacher) == []
    assert tally.counts() == {"calls": 2, "replies_asked_again": 1, "replies_unusable": 1}


def test_a_reply_is_kept_before_it_is_read_and_never_paid_for_again(teacher: ChatTeacher, teacher_server, workspace):
    teacher_server.script = lambda request, number: said("nonsense") if number == 1 else facts_of(request)
    first = teach(teacher)
    assert teach(teacher) == first
    assert len(teacher_server.requests) == 2
    other = TeacherKnobs(base_url=teacher_server.base_url, model="m", retries=0, temperature=0.1)
    make_teacher(other, workspace.rows).teach(CHUNK, DOCUMENT, count=3, wordings=2)
    assert len(teacher_server.requests) == 3
