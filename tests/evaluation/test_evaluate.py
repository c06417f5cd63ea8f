"""The figures are those of a naive computation, the splits are what their labels say, and a kill changes nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from transformers import AutoModelForCausalLM

from danlu.artifacts import read_card, sha256_file, write_card
from danlu.evaluation.evaluate import evaluate
from danlu.evaluation.ledger import Ledger
from danlu.evaluation.scorers import is_exact, normalize, words_of
from danlu.events import Done, Progress, Warned
from danlu.models.load import load_tokenizer
from danlu.recipe.evaluate import EvaluateKnobs
from danlu.text.render import Renderer
from danlu.types import ChatSample, Message, PreferenceSample, TextSample
from danlu.workspace import Workspace
from danlu.workspace.dataset import freeze, open_dataset
from danlu.workspace.runs import open_run

KILLED = """
import os, signal, sys
from pathlib import Path
from danlu.evaluation.evaluate import evaluate
from danlu.events import Progress
from danlu.workspace import Workspace
from danlu.workspace.runs import open_run
workspace = Workspace(Path(sys.argv[1]))
left = int(sys.argv[2])
for event in evaluate(open_run(workspace.runs, "small-1"), workspace, lambda: False):
    left -= isinstance(event, Progress)
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def _evaluate(run, workspace, stop=lambda: False):
    return list(evaluate(run, workspace, stop))


def _results(run, workspace):
    return json.loads((workspace.reports / run.name / "results.json").read_text(encoding="utf-8"))


def _with(run, workspace, splits, **knobs):
    """The run on another dataset and with other knobs of `evaluate`."""
    dataset, _ = freeze(workspace.datasets, "other", splits, parents={}, details={})
    run.record_artifact("dataset", dataset.label)
    values = run.recipe.evaluate.model_dump() | knobs
    return replace(run, recipe=run.recipe.model_copy(update={"evaluate": EvaluateKnobs(**values)}))


def _naive(model, renderer, samples):
    """Loss and accuracy over full logits, one sample at a time, in float64."""
    losses, right = [], []
    for sample in samples:
        tokens = renderer.chat(sample)
        ids = torch.tensor(tokens.ids_T.astype(int))
        trained = torch.tensor(tokens.loss_mask_T[1:])
        with torch.no_grad():
            logits = model(input_ids=ids[None]).logits[0, :-1].double()
        losses.append(-logits.log_softmax(-1).gather(1, ids[1:, None])[:, 0][trained])
        right.append((logits.argmax(-1) == ids[1:])[trained])
    return float(torch.cat(losses).mean()), float(torch.cat(right).double().mean())


def test_the_figures_are_those_of_a_naive_full_logits_computation(tuned_run, workspace, dialogues):
    from peft import PeftModel

    _evaluate(tuned_run, workspace)
    splits = _results(tuned_run, workspace)["splits"]
    base = workspace.models / "base@test"
    renderer = Renderer(load_tokenizer(base))
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).eval()
    expected = {"base": _naive(model, renderer, dialogues[10:])}
    expected["tuned"] = _naive(PeftModel.from_pretrained(model, tuned_run.adapter).eval(), renderer, dialogues[10:])
    for which, (loss, accuracy) in expected.items():
        found = splits["learned"][which]
        assert found["loss"] == pytest.approx(loss, rel=1e-4)
        assert found["perplexity"] == pytest.approx(torch.tensor(loss).exp().item(), rel=1e-3)
        assert found["token_accuracy"] == pytest.approx(accuracy, abs=1e-9)
    assert splits["learned"]["base"]["loss"] != splits["learned"]["tuned"]["loss"]


def test_answers_are_those_of_transformers_own_generate(tuned_run, workspace):
    _evaluate(tuned_run, workspace)
    base = workspace.models / "base@test"
    tokenizer = load_tokenizer(base)
    renderer = Renderer(tokenizer)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).eval()
    for item in _results(tuned_run, workspace)["items"]:
        samples = {sample.id: sample for split in ("train", "test", "learned") for sample in _samples(workspace, split)}
        ids = torch.tensor([renderer.prompt(samples[item["id"]].messages[:-1])])
        reply = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=8)
        assert item["base_answer"] == tokenizer.decode(reply[0, ids.shape[1] :], skip_special_tokens=True).strip()


def _samples(workspace, split):
    return open_dataset(workspace.datasets, "small").samples(split)


def test_every_split_is_there_and_trained_is_a_sample_of_what_was_trained(tuned_run, workspace, dialogues):
    _evaluate(tuned_run, workspace)
    results = _results(tuned_run, workspace)
    counts = {name: (split["num_samples"], split["num_questions"]) for name, split in results["splits"].items()}
    assert counts == {"trained": (5, 5), "learned": (2, 2), "unseen": (2, 2)}
    by_split = {name: {item["id"] for item in results["items"] if item["split"] == name} for name in counts}
    assert by_split["trained"] < {sample.id for sample in dialogues[:8]}
    assert by_split["unseen"] == {sample.id for sample in dialogues[8:10]}
    assert by_split["learned"] == {sample.id for sample in dialogues[10:]}


def test_only_the_last_turn_is_asked(tuned_run, workspace):
    _evaluate(tuned_run, workspace)
    item = next(item for item in _results(tuned_run, workspace)["items"] if item["id"] == "9")
    assert item["question"] == "再说一遍。"
    assert item["reference"] == "心内科在3号楼2层，预约电话是8866-0312。"


def test_a_model_that_says_the_reference_counts_as_exact(tuned_run, workspace, tokenizer):
    """The reference is set to what the base says, with other punctuation widths."""
    _evaluate(tuned_run, workspace)
    said = {item["id"]: item["base_answer"] for item in _results(tuned_run, workspace)["items"]}
    ids = [id for id, text in said.items() if text][:2]
    samples = {sample.id: sample for split in ("train", "test", "learned") for sample in _samples(workspace, split)}
    echoes = [
        replace(samples[id], messages=(*samples[id].messages[:-1], Message(role="assistant", content=f" {said[id]} ")))
        for id in ids
    ]
    run = _with(tuned_run, workspace, {"learned": echoes, "train": []})
    _evaluate(run, workspace)
    figures = _results(run, workspace)["splits"]["learned"]
    assert figures["base"]["exact"] == len(ids) > 0


def test_text_is_scored_and_not_asked(tuned_run, workspace):
    texts = [TextSample(id="t1", text="心内科在3号楼2层。" * 4), TextSample(id="t2", text="骨科的专家诊室是215室。")]
    run = _with(tuned_run, workspace, {"train": [], "test": texts})
    _evaluate(run, workspace)
    results = _results(run, workspace)
    assert results["items"] == []
    assert results["splits"]["unseen"]["num_samples"] == 2
    assert results["splits"]["unseen"]["tuned"]["loss"] > 0
    assert results["splits"]["unseen"]["tuned"]["exact"] == 0


def test_what_cannot_be_examined_is_counted(tuned_run, workspace):
    user, reply = Message(role="user", content="?"), Message(role="assistant", content="a")
    odd = [
        PreferenceSample(id="p", prompt=(user,), chosen=reply, rejected=reply),
        ChatSample(id="long-question", messages=(Message(role="user", content="长" * 1350), reply)),
        ChatSample(id="too-long", messages=(Message(role="user", content="长" * 3000), reply)),
        ChatSample(id="fine", messages=(user, reply)),
    ]
    run = _with(tuned_run, workspace, {"train": [], "learned": odd}, max_new_tokens=100)
    warned = {event.reason: event.count for event in _evaluate(run, workspace) if isinstance(event, Warned)}
    assert warned == {"not_examined": 1, "prompt_too_long": 1, "too_long_to_score": 1}
    learned = _results(run, workspace)["splits"]["learned"]
    assert (learned["num_samples"], learned["num_questions"]) == (2, 1)


def test_a_sample_that_training_dropped_is_not_called_trained(tuned_run, workspace, dialogues):
    long = ChatSample(id="long", messages=(Message(role="user", content="长" * 600), dialogues[0].messages[-1]))
    run = _with(tuned_run, workspace, {"train": [long, dialogues[1]]})
    _evaluate(run, workspace)
    results = _results(run, workspace)
    assert [item["id"] for item in results["items"]] == ["1"]


def test_an_answer_that_did_not_end_is_counted_as_endless(tuned_run, workspace):
    run = _with(tuned_run, workspace, {"train": [], "learned": _samples(workspace, "learned")}, max_new_tokens=1)
    _evaluate(run, workspace)
    learned = _results(run, workspace)["splits"]["learned"]
    assert learned["base"]["num_endless"] == sum(1 for item in _results(run, workspace)["items"] if item["base_answer"])
    assert learned["base"]["num_endless"] > 0


# Each side scores three splits and answers one batch: eight pieces of progress. The kill after the second falls before
# that split's score is noted, so seven are left; the one after the fourth leaves the other side's four.
@pytest.mark.parametrize(("kill_after", "left"), [(2, 7), (4, 4)])
def test_a_killed_evaluation_carries_on_and_ends_the_same(tuned_run, workspace, tmp_path, kill_after, left):
    other = Workspace(shutil.copytree(workspace.folder, tmp_path / "other"))
    _evaluate(tuned_run, workspace)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(other.folder), str(kill_after)], capture_output=True)
    assert killed.returncode == -9, killed.stderr
    folder = other.reports / tuned_run.name
    assert not (folder / "results.json").exists()
    with (folder / "scores.jsonl").open("a") as file:
        file.write('{"key": "cut o')  # what a kill in the middle of a write leaves
    again = _evaluate(open_run(other.runs, tuned_run.name), other)
    assert isinstance(again[-1], Done) and not again[-1].reused
    assert sum(isinstance(event, Progress) for event in again) == left
    assert (folder / "results.json").read_bytes() == (workspace.reports / tuned_run.name / "results.json").read_bytes()


def test_a_stopped_evaluation_is_not_done_and_carries_on(tuned_run, workspace):
    polled = []

    def stop():
        polled.append(1)
        return len(polled) > 3

    assert not any(isinstance(event, Done) for event in _evaluate(tuned_run, workspace, stop))
    assert isinstance(_evaluate(tuned_run, workspace)[-1], Done)


def test_a_second_evaluation_is_reused_unless_its_results_are_damaged(tuned_run, workspace):
    first, second = _evaluate(tuned_run, workspace), _evaluate(tuned_run, workspace)
    assert second == [replace(first[-1], reused=True)]
    path = workspace.reports / tuned_run.name / "results.json"
    sha256 = sha256_file(path)
    path.write_text("{}")
    third = _evaluate(tuned_run, workspace)
    assert not third[-1].reused
    assert sha256_file(path) == sha256 == read_card(path.parent).sha256


def test_a_changed_adapter_is_examined_anew(tuned_run, workspace):
    _evaluate(tuned_run, workspace)
    write_card(tuned_run.adapter, replace(read_card(tuned_run.adapter), sha256="0" * 64))
    assert not _evaluate(tuned_run, workspace)[-1].reused


def test_a_whole_tuned_model_is_compared_with_its_base(tuned_run, workspace):
    base, card = workspace.models / "base@test", read_card(tuned_run.adapter)
    shutil.rmtree(tuned_run.adapter)
    shutil.copytree(base, tuned_run.adapter)
    write_card(tuned_run.adapter, card)
    _evaluate(tuned_run, workspace)
    results = _results(tuned_run, workspace)
    assert all(split["base"] == split["tuned"] for split in results["splits"].values())


@pytest.mark.parametrize(
    ("answer", "reference", "exact"),
    [
        ("预约电话是8866-0312。", "预约电话是 8866-0312.", True),
        ("Revenue, up 12 percent.", "Revenue，up 12 percent。", True),
        ("<think>\n在3号楼？\n</think>\n\n3号楼。", "3号楼。", True),
        ("3号楼2层", "3号楼", False),
        ("12 34", "1234", False),
        ("Revenue", "revenue", False),
    ],
)
def test_exact_forgives_spaces_and_widths_and_nothing_else(answer, reference, exact):
    assert is_exact(answer, reference) is exact


def test_words_come_after_the_reasoning():
    assert words_of("<think>a</think> b ") == "b"
    assert normalize("（全角）　空格") == "(全角)空格"


def test_a_ledger_keeps_whole_lines_of_its_key_only(tmp_path):
    path = tmp_path / "rows.jsonl"
    Ledger(path, "old").append([{"n": 0}])
    ledger = Ledger(path, "new")
    ledger.append([{"n": 1, "text": "a\u2028b\n"}, {"n": 2}])
    path.write_text(path.read_text(encoding="utf-8") + '{"key": "new", "row": {"n"', encoding="utf-8")
    assert Ledger(path, "new").rows == [{"n": 1, "text": "a\u2028b\n"}, {"n": 2}]
    assert path.read_text(encoding="utf-8").endswith('{"n": 2}}\n')
