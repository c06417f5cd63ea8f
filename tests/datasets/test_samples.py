"""The sample documents: every listed fact stands twice in its document, and no two facts answer one question."""

from __future__ import annotations

import json
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

from danlu.documents.readers import read_document

FACTS = json.loads(Path(__file__).with_name("sample_facts.json").read_text(encoding="utf-8"))
DOCUMENTS = Path(str(files("danlu").joinpath("samples", "documents")))
NAMES = sorted(path.name for path in DOCUMENTS.iterdir() if not path.name.startswith((".", "_")))


@pytest.mark.parametrize("name", NAMES)
def test_every_fact_of_a_document_stands_there_at_least_twice(name: str) -> None:
    text = read_document(DOCUMENTS / name, source=name).document.text
    facts = [fact for fact in FACTS if fact["document"] == name]
    once = [fact for fact in facts if text.count(fact["value"]) < 2]
    assert not once
    assert 10 <= len(facts) <= 16


@pytest.mark.parametrize("name", NAMES)
def test_a_document_makes_one_or_two_chunks(name: str) -> None:
    text = read_document(DOCUMENTS / name, source=name).document.text
    assert 900 <= len(text) <= 2800


def test_no_two_facts_share_subject_and_attribute() -> None:
    counts = Counter((fact["subject"], fact["attribute"]) for fact in FACTS)
    assert max(counts.values()) == 1
    assert len(FACTS) >= 110


def test_answers_are_short() -> None:
    for fact in FACTS:
        limit = 80 if fact["value"].isascii() else 35
        assert len(fact["value"]) <= limit, fact


def test_the_samples_hold_every_format() -> None:
    assert {Path(name).suffix for name in NAMES} == {".md", ".txt", ".html", ".docx", ".pdf"}
