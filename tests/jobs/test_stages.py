"""Which stages a recipe needs, and choosing some of them."""

from __future__ import annotations

import pytest

from danlu.errors import UsageError
from danlu.jobs.stages import STAGES, check_stages, choose_stages, stages_of
from danlu.recipe import parse_recipe


@pytest.fixture
def with_documents(tmp_path):
    return parse_recipe("name: a\ndocuments: {paths: [.]}\n", path="a.yaml", folder=tmp_path, overrides=[])


def test_a_recipe_with_documents_needs_every_stage_in_order(with_documents):
    assert stages_of(with_documents) == list(STAGES)


def test_a_recipe_of_ready_rows_leaves_out_what_reads_documents(recipe):
    assert stages_of(recipe)[:2] == ["freeze", "base"]


def test_from_and_to_are_both_included(with_documents):
    assert choose_stages(with_documents, "chunk", "freeze") == ["chunk", "synthesize", "freeze"]
    assert choose_stages(with_documents, last="chunk") == ["ingest", "chunk"]
    assert choose_stages(with_documents, first="report") == ["report"]


def test_a_misspelled_stage_names_the_one_that_was_meant(with_documents):
    with pytest.raises(UsageError) as caught:
        choose_stages(with_documents, "synthesise")
    assert caught.value.params["near"] == "synthesize"


@pytest.mark.parametrize(("first", "last"), [("train", "freeze"), ("nonsense", ""), ("", "ingest")])
def test_a_choice_that_cannot_be_is_a_usage_mistake(recipe, first, last):
    with pytest.raises(UsageError) as caught:
        choose_stages(recipe, first, last)
    assert caught.value.hint


def test_a_verb_that_reads_documents_says_so_for_ready_rows(recipe):
    with pytest.raises(UsageError) as caught:
        check_stages(recipe, ["ingest", "chunk"])
    assert caught.value.key == "stage_without_documents"
