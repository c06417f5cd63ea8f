"""The page loads nothing, executes nothing, says the same twice, and says what is missing."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from danlu.evaluation.evaluate import evaluate
from danlu.evaluation.report import report
from danlu.events import Done
from danlu.exporting.export import export
from danlu.messages import set_language
from danlu.recipe.evaluate import EvaluateKnobs
from danlu.types import Document, Provenance
from danlu.workspace.dataset import freeze

EVIL = "<script>alert('x')</script><img src=https://example.org/a.png>"


class Tags(HTMLParser):
    """All tags with their attributes."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def _page(run, workspace):
    (*_, done) = report(run, workspace, lambda: False)
    return (workspace.reports / run.name / "report.html").read_text(encoding="utf-8"), done


def _put_results(run, workspace, answer="三层。", unseen_loss=0.5, provenance=None):
    figures = {"loss": 2.0, "perplexity": 7.39, "token_accuracy": 0.4, "exact": 0, "num_endless": 1}
    tuned = figures | {"loss": unseen_loss, "exact": 1, "num_endless": 0}
    item = {"split": "unseen", "id": "1", "question": "几层？", "reference": "三层。", "base_answer": answer}
    item |= {"tuned_answer": answer, "base_exact": False, "tuned_exact": True, "provenance": provenance or {}}
    split = {"num_samples": 1, "num_questions": 1, "base": figures, "tuned": tuned}
    folder = workspace.reports / run.name
    folder.mkdir(exist_ok=True)
    results = {"run": run.name, "splits": {"unseen": split}, "items": [item]}
    (folder / "results.json").write_text(json.dumps(results), encoding="utf-8")


def test_the_page_loads_nothing_from_outside(tuned_run, workspace):
    (tuned_run.adapter / "loss_curve.png").write_bytes(b"\x89PNG")
    _put_results(tuned_run, workspace, answer=EVIL)
    html, _ = _page(tuned_run, workspace)
    tags = Tags(html).found
    links = [value for _, attrs in tags for name, value in attrs.items() if name in ("src", "href", "action", "data")]
    assert links == ["data:image/png;base64,iVBORw=="]
    assert not {tag for tag, _ in tags} & {"script", "link", "iframe", "object", "embed", "form"}
    assert not re.search(r"url\(|@import", html)


def test_an_answer_cannot_become_html(tuned_run, workspace):
    _put_results(tuned_run, workspace, answer=EVIL)
    html, _ = _page(tuned_run, workspace)
    assert "<script" not in html
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in html


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_same_inputs_give_the_same_page(tuned_run, workspace, language):
    set_language(language)
    _put_results(tuned_run, workspace)
    first, done = _page(tuned_run, workspace)
    again, second = _page(tuned_run, workspace)
    assert first == again
    assert (done.reused, second.reused) == (False, True)
    assert ("从未见过" in first) == (language == "zh")
    assert ("never seen" in first) == (language == "en")


def test_a_run_without_evaluation_and_export_says_so(tuned_run, workspace):
    html, done = _page(tuned_run, workspace)
    assert isinstance(done, Done)
    assert "This run has not been examined yet." in html
    assert "No evaluation yet" in html
    assert "No export yet" in html
    assert f"danlu chat {tuned_run.name}" in html


def test_a_loss_that_rose_is_said_plainly(tuned_run, workspace):
    _put_results(tuned_run, workspace, unseen_loss=2.5)
    html, _ = _page(tuned_run, workspace)
    assert "never seen: the loss did not fall (2.000 → 2.500)" in html


def test_warnings_of_the_run_stand_on_the_page(tuned_run, workspace):
    known = {"stage": "evaluate", "reason": "not_examined", "count": 3, "params": {}}
    unknown = {"stage": "x", "reason": "odd_thing", "count": 2, "params": {"why": "<b>"}}
    tuned_run.update_card(warnings=[known, unknown])
    html, _ = _page(tuned_run, workspace)
    assert "3 samples are neither text nor dialogues" in html
    assert "odd_thing: 2 (why=&lt;b&gt;)" in html


def test_an_answer_says_which_page_and_characters_it_comes_from(tuned_run, workspace):
    document = Document(
        id="d1", title="门诊<指南>", source="guide.pdf", sha256="0", media_type="application/pdf", text="三层"
    )
    workspace.rows.save_document(document, {})
    _put_results(tuned_run, workspace, provenance={"document_id": "d1", "page": 2, "start_char": 10, "end_char": 25})
    html, _ = _page(tuned_run, workspace)
    assert "门诊&lt;指南&gt; · guide.pdf · page 2 · characters 10–25" in html


def test_the_page_of_a_whole_run_names_every_card_and_label(tuned_run, workspace, dialogues):
    known = [replace(sample, provenance=Provenance(source="rows.jsonl", row=7)) for sample in dialogues]
    splits = {"train": known[:4], "learned": known[4:6], "test": known[6:8]}
    dataset, _ = freeze(workspace.datasets, "small", splits, parents={}, details={})
    tuned_run.record_artifact("dataset", dataset.label)
    run = replace(
        tuned_run,
        recipe=tuned_run.recipe.model_copy(update={"evaluate": EvaluateKnobs(max_questions=2, max_new_tokens=2)}),
    )
    for stage in (evaluate, export):
        list(stage(run, workspace, lambda: False))
    html, _ = _page(run, workspace)
    for label in ("trained on this very question", "taught in other words", "never seen"):
        assert html.count(label) >= 3  # in the table, as a heading, at each answer
    for folder in (dataset.folder, workspace.models / "base@test", run.adapter, workspace.exports / run.name):
        assert json.loads((folder / "card.json").read_text())["sha256"] in html
    assert "rows.jsonl · row 7" in html
    assert f"AutoModelForCausalLM.from_pretrained(&#39;{workspace.exports / run.name}&#39;)" in html
