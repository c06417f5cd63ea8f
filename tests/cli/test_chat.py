"""`danlu chat`: mistakes of its user; the dialogue itself is tested with jobs/converse."""

from __future__ import annotations

import json


def test_chat_as_json_needs_a_question(danlu):
    outcome = danlu("chat", "clinic", "--json")
    assert outcome.code == 2 and "--message" in json.loads(outcome.out)["error"]["hint"]


def test_a_run_that_is_not_there_is_2(danlu, recipe):
    outcome = danlu("chat", "nobody", "-m", "Where?")
    assert outcome.code == 2 and "there is no run nobody" in outcome.err and outcome.out == ""


def test_a_run_without_a_model_yet_says_what_comes_first(danlu, recipe):
    danlu("ingest", "clinic.yaml")
    outcome = danlu("chat", "clinic", "-m", "Where?")
    assert outcome.code in (1, 2) and "Hint:" in outcome.err and "Traceback" not in outcome.err
