"""`danlu knobs`: what a recipe can set, found by its beginning, in both languages."""

from __future__ import annotations


def test_a_knob_is_found_by_its_beginning(danlu):
    found = danlu("knobs", "train.adapter", "--json").json["knobs"]
    assert {knob["key"] for knob in found} >= {"train.adapter.rank", "train.adapter.from"}
    assert all(knob["key"].startswith("train.adapter") for knob in found)


def test_an_unknown_knob_names_the_nearest(danlu):
    outcome = danlu("knobs", "train.adaptor")
    assert outcome.code == 2 and "did you mean train.adapter" in outcome.err


def test_every_knob_has_a_sentence_of_its_own_in_both_languages(danlu):
    english, chinese = (danlu("knobs", "--json", "--lang", language).json["knobs"] for language in ("en", "zh"))
    assert [knob["key"] for knob in english] == [knob["key"] for knob in chinese]
    assert all(knob["description"] for knob in english)
    assert [knob["key"] for knob in english if knob in chinese] == []


def test_a_knob_is_printed_with_type_default_and_sentence(danlu):
    first, second = danlu("knobs", "train.adapter.dropout").out.splitlines()
    assert (first, second.strip()) == ("train.adapter.dropout: float = 0.0", "Dropout before the adapters.")
