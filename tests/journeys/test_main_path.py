"""From a folder of documents, or from rows, to a tuned model that answers: what the project's page says, done."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.resources import as_file, files

import pytest
from small_path import TINY, Place, fingerprints, leftovers

from danlu.artifacts import read_card
from danlu.jobs.stages import STAGES

SPLITS = ("trained on this very question", "taught in other words", "never seen")


def test_one_command_goes_from_documents_to_answers_before_and_after(finished):
    place, outcome = finished
    assert "clinic-1: succeeded" in outcome.out
    assert "Before → after" in outcome.out and all(label in " ".join(outcome.out.split()) for label in SPLITS[1:])
    assert all(f"\n{label}\n" in outcome.out for label in SPLITS)
    assert "danlu chat clinic-1 --workspace" in outcome.out
    assert "Reading documents" in outcome.err and "Reading documents" not in outcome.out
    assert leftovers(place) == []


def test_it_leaves_picture_report_export_and_a_log_of_every_stage(finished):
    place, _ = finished
    made = place.card()["artifacts"]
    assert (place.workspace / made["adapter"] / "loss_curve.png").read_bytes().startswith(b"\x89PNG")
    assert "<html" in (place.workspace / made["report"] / "report.html").read_text(encoding="utf-8")
    assert read_card(place.workspace / made["export"]).details["max_difference"] <= 1e-4
    logs = [path.name for path in (place.run() / "logs").iterdir()]
    assert all(any(re.fullmatch(rf"{stage}_\d{{8}}_\d{{6}}\.log", name) for name in logs) for stage in STAGES)


def test_an_answer_leads_back_to_the_span_that_proves_it_and_unseen_documents_are_unseen(finished):
    place, _ = finished
    items = json.loads((place.workspace / "reports" / "clinic-1" / "results.json").read_text(encoding="utf-8"))["items"]
    documents: dict[str, set[str]] = {}
    with sqlite3.connect(place.workspace / "danlu.db") as database:
        for item in items:
            origin = item["provenance"]
            query = "SELECT text FROM documents WHERE id = ?"
            ((text,),) = database.execute(query, (origin["document_id"],)).fetchall()
            assert item["reference"] in text[origin["start_char"] : origin["end_char"]], item
            documents.setdefault(item["split"], set()).add(origin["document_id"])
    assert set(documents) == {"trained", "learned", "unseen"}
    assert documents["unseen"].isdisjoint(documents["trained"] | documents["learned"])


def test_stage_by_stage_gives_the_same_hashes_and_a_run_after_it_has_nothing_to_do(place, finished):
    stages = {
        "ingest": ["ingest", "chunk"],
        "synthesize": ["synthesize", "freeze"],
        "train": ["base", "train"],
        "evaluate": ["evaluate", "report"],
        "export": ["export", "report"],
    }
    for verb, names in stages.items():
        before = len(place.events()) if place.workspace.exists() else 0
        assert place.done(verb, "clinic.yaml", "--json").json["run"] == "clinic-1"
        said = dict.fromkeys(event["stage"] for event in place.events()[before:])
        assert list(said) == names
    assert fingerprints(place) == fingerprints(finished[0])

    before = len(place.events())
    again = place.done("run", "clinic.yaml", "--json").json
    assert again["run"] == "clinic-1"
    assert all(stage["reused"] for stage in again["stages"].values())
    assert not [event for event in place.events()[before:] if event["event"] in ("step", "saved", "progress")]
    assert fingerprints(place) == fingerprints(finished[0])


def test_a_changed_knob_starts_a_run_that_takes_over_all_it_does_not_touch(copy):
    changed = copy.done("run", "clinic.yaml", "train.learning_rate=1e-3", "--to", "train", "--json").json
    assert changed["run"] == "clinic-2"
    reused = {name: stage["reused"] for name, stage in changed["stages"].items()}
    assert reused == {name: name != "train" for name in ("ingest", "chunk", "synthesize", "freeze", "base", "train")}
    adapters = [read_card(copy.run(name) / "adapter").sha256 for name in ("clinic-1", "clinic-2")]
    assert adapters[0] != adapters[1]


@pytest.mark.parametrize("side", [(), ("--base",)])
def test_base_and_tuned_model_can_be_talked_to(finished, side):
    message = ("--message", "云溪医院的挂号时间是几点？", "--max-new-tokens", "8")
    said = finished[0].done("chat", "clinic-1", *side, *message, "--json").json
    assert (said["run"], said["base"]) == ("clinic-1", bool(side))
    assert isinstance(said["answer"], str)


def test_plain_transformers_load_the_export_in_one_line(finished):
    line = (
        "import sys; from transformers import AutoModelForCausalLM; "
        "model = AutoModelForCausalLM.from_pretrained(sys.argv[1]); "
        "assert not any(name.startswith('danlu') for name in sys.modules); print(model.num_parameters())"
    )
    path = finished[0].workspace / finished[0].card()["artifacts"]["export"]
    found = subprocess.run([sys.executable, "-c", line, str(path)], capture_output=True, text=True, env=os.environ)
    assert found.returncode == 0, found.stderr
    assert int(found.stdout) > 50_000


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within 90 seconds"
        time.sleep(0.1)


def test_in_the_background_it_is_listed_followed_and_stopped_with_a_checkpoint(copy):
    begun = copy.done("train", "clinic.yaml", "train.steps=100000", "train.save_every=100000", "--background")
    assert begun.out == "clinic-2\n"
    until(lambda: any(event["event"] == "step" for event in copy.events("clinic-2")))
    (line,) = [run for run in copy.done("runs", "list", "--json").json["runs"] if run["name"] == "clinic-2"]
    assert (line["state"], line["stage"], line["total_steps"]) == ("running", "train", 100000)
    busy = copy.danlu("train", "clinic-2")
    assert busy.code == 2 and "at work" in busy.err
    assert "Training: step" in copy.done("runs", "logs", "clinic-2").out
    assert "clinic-2: cancelled" in copy.done("runs", "stop", "clinic-2").out
    assert list(copy.run("clinic-2").glob("checkpoints/train/step-*/manifest.json"))
    assert re.search(r"clinic-2 +cancelled", copy.done("runs", "list").out)


def test_a_trial_goes_the_whole_way_on_few_rows_and_tells_about_the_full_run(place):
    tried = place.done("run", "clinic.yaml", "--trial", "20", "train.steps=50", "--json").json
    assert (tried["run"], tried["state"]) == ("clinic-trial-1", "succeeded")
    assert list(tried["stages"]) == list(STAGES)
    assert tried["stages"]["freeze"]["summary"]["num_samples"] == 20
    assert (place.workspace / tried["artifacts"]["export"] / "model.safetensors").is_file()
    estimate = tried["estimate"]
    assert estimate["predicted_steps"] == 50
    assert estimate["predicted_seconds"] > 0 and estimate["peak_memory_bytes"] > 100e6


def test_rows_without_documents_go_the_whole_way(place):
    with as_file(files("danlu.samples") / "rows" / "customer_service.csv") as rows:
        text = rows.read_text(encoding="utf-8")
    (place.folder / "rows.csv").write_text(text, encoding="utf-8")
    recipe = "name: service\ndataset: {paths: [rows.csv], split: {train: 0.7, validation: 0.15, test: 0.15}}\n"
    recipe += f"model: {{base: tiny, tiny: {TINY}}}\ntrain: {{max_length: 512, samples_per_step: 4, steps: 5}}\n"
    recipe += "evaluate: {max_questions: 2, max_new_tokens: 4}\n"
    (place.folder / "service.yaml").write_text(recipe, encoding="utf-8")
    made = place.done("run", "service.yaml", "--json").json
    assert list(made["stages"]) == [name for name in STAGES if name not in ("ingest", "chunk", "synthesize")]
    assert set(made["results"]["splits"]) == {"trained", "unseen"}
    assert made["results"]["items"][0]["provenance"]["row"] > 0
    assert (place.workspace / "exports" / "service-1" / "model.safetensors").is_file()


def test_places_of_their_own_do_not_change_what_is_made(place: Place, finished):
    """Dataset and plans hang on contents: the same documents in another folder are the same dataset."""
    place.done("run", "clinic.yaml", "--to", "freeze")
    one, other = (read_card(where.workspace / "datasets" / "clinic@1") for where in (place, finished[0]))
    assert (one.sha256, one.parents) == (other.sha256, other.parents)
