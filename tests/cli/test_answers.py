"""The answers before and after, and the last lines of a stage, as a reader sees them."""

from __future__ import annotations

from danlu.cli.console.answers import show_answers
from danlu.events import Done, Shown, Step, Warned
from danlu.jobs.narrate import Pace, sentence

BASE = {"loss": 1.99, "perplexity": 7.3155, "token_accuracy": 0.25, "exact": 0}
TUNED = {"loss": 0.64, "perplexity": 1.8965, "token_accuracy": 0.8, "exact": 6}
ITEM = {"question": "Where?", "reference": "Here", "base_answer": "", "tuned_answer": "Here"}
RESULTS = {
    "splits": {"learned": {"num_questions": 20, "base": BASE, "tuned": TUNED}},
    "items": [{**ITEM, "split": "learned", "base_exact": False, "tuned_exact": True}] * 5,
}


def test_figures_of_base_and_tuned_stand_side_by_side(capsys):
    show_answers(RESULTS)
    out = capsys.readouterr().out
    assert "taught in other words" in out
    assert all(text in out for text in ("1.990 → 0.640", "7.3 → 1.9", "25% → 80%", "0/20 → 6/20"))
    assert out.count("Question:  Where?") == 2
    assert "Before:    (nothing) ✗" in out and "After:     Here ✓" in out


def test_evaluation_is_told_in_one_line():
    done = Done(stage="evaluate", summary={"splits": RESULTS["splits"]})
    assert sentence("evaluate", done) == "Loss before → after: taught in other words 1.990 → 0.640."


def test_a_summary_that_lacks_something_is_told_in_the_shorter_line():
    summary = {"trainable_parameters": 1000, "steps": 5, "loss": 1.0, "validation_loss": None, "best_step": 0}
    line = sentence("train", Done(stage="train", summary=summary))
    assert line == "Trained 1,000 parameters for 5 steps: loss 1.000."


def test_further_fields_of_a_summary_are_no_trouble():
    assert "3 chunks" in sentence("chunk", Done(stage="chunk", reused=True, summary={"chunks": 3, "new": 1}))


def test_an_unknown_warning_is_named_with_its_count():
    assert sentence("train", Warned(reason="rows_eaten", count=3, params={"by": "moths"})) == "rows_eaten: 3 (by=moths)"


def test_a_title_may_be_words_or_a_key():
    assert sentence("train", Shown(title="Words", text="x")) == "Words\nx"
    assert "trained tokens" in sentence("train", Shown(title="trained_tokens", text="x"))


def test_a_step_is_told_with_its_loss():
    step = Step(step=3, total_steps=9, loss=1.23456, learning_rate=1e-3, grad_norm=1, num_tokens=5, seconds=0.1)
    assert sentence("train", step).startswith("step 3/9: loss 1.2346")


def test_progress_is_told_at_each_tenth_or_ten_seconds_and_never_twice_a_second():
    pace = Pace()
    told = [second for second in range(0, 40) if pace.due(second, 1000, now=float(second))]
    assert told == [10, 20, 30]
    fast = Pace()
    assert [done for done in range(100) if fast.due(done, 100, now=done / 50)] == [50]
