"""Stage verbs on real documents: exit codes, streams, JSON, the run that a name means, and a user's mistakes."""

from __future__ import annotations

import json


def test_progress_goes_to_stderr_and_results_to_stdout(danlu, recipe):
    outcome = danlu("run", "clinic.yaml", "--to", "freeze")
    assert outcome.code == 0
    assert "clinic-1: succeeded" in outcome.out and "dataset: clinic@1" in outcome.out
    assert "Reading documents" in outcome.err and "Reading documents" not in outcome.out
    assert "Froze clinic@1" in outcome.err


def test_json_is_one_object_with_everything(danlu, recipe, tmp_path):
    outcome = danlu("run", "clinic.yaml", "--to", "freeze", "--json", "--workspace", "w")
    keys = {"run", "state", "workspace", "artifacts", "stages", "warnings", "results"}
    assert keys <= outcome.json.keys()
    assert outcome.json["state"] == "succeeded" and outcome.json["workspace"] == str(tmp_path / "w")
    assert list(outcome.json["stages"]) == ["ingest", "chunk", "synthesize", "freeze"]
    assert outcome.json["results"] is None


def test_nothing_is_colored_where_nobody_looks_or_color_is_unwanted(danlu, recipe):
    outcome = danlu("run", "clinic.yaml", "--to", "freeze", NO_COLOR="1")
    assert "\x1b[" not in outcome.out + outcome.err


def test_the_same_again_reuses_and_continues_the_run(danlu, recipe):
    first = danlu("run", "clinic.yaml", "--to", "freeze", "--json").json
    second = danlu("run", "clinic.yaml", "--to", "freeze", "--json").json
    assert second["run"] == first["run"] == "clinic-1"
    assert all(stage["reused"] for stage in second["stages"].values())


def test_verbs_are_the_stages_they_name_and_a_run_can_be_called_by_name(danlu, recipe):
    assert list(danlu("ingest", "clinic.yaml", "--json").json["stages"]) == ["ingest", "chunk"]
    by_run = danlu("synthesize", "clinic-1", "--json").json
    assert by_run["run"] == "clinic-1"
    assert list(by_run["stages"]) == ["ingest", "chunk", "synthesize", "freeze"]


def test_a_changed_knob_starts_the_next_run(danlu, recipe):
    danlu("ingest", "clinic.yaml")
    changed = danlu("ingest", "clinic.yaml", "documents.chunk.min_chars=20", "--json")
    assert changed.json["run"] == "clinic-2"


def test_sentences_are_chinese_where_that_is_asked_for(danlu, recipe):
    outcome = danlu("ingest", "clinic.yaml", "--lang", "zh")
    assert "读取文档" in outcome.err and "clinic-1：成功" in outcome.out


def test_a_recipe_never_tried_is_told_of_the_trial_before_it_starts(danlu, recipe):
    first = danlu("run", "clinic.yaml", "--to", "ingest")
    assert "--trial" in first.err.splitlines()[0]
    assert "--trial" not in danlu("run", "clinic.yaml", "--to", "ingest").err


def test_a_trial_has_a_run_and_a_dataset_of_its_own(danlu, recipe):
    outcome = danlu("run", "clinic.yaml", "--trial", "dataset.seed=7", "--to", "freeze", "--json")
    assert outcome.json["run"] == "clinic-trial-1"
    assert outcome.json["artifacts"]["dataset"] == "clinic-trial@1"
    assert outcome.json["estimate"]["peak_memory_bytes"] > 0


def test_a_mistake_in_the_recipe_is_2_and_leaves_no_workspace(danlu, recipe, tmp_path):
    recipe.write_text("name: clinic\ndocuments: {paths: [docs/]}\ntrain: {epoch: 3}\n")
    outcome = danlu("run", "clinic.yaml")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("error: clinic.yaml:3: unknown key train.epoch\nHint: did you mean epochs?")
    assert not (tmp_path / "danlu-workspace").exists()


def test_a_mistake_as_json_is_still_one_object(danlu, recipe):
    outcome = danlu("run", "missing.yaml", "--json")
    assert outcome.code == 2
    assert outcome.json["state"] is None and outcome.json["error"]["where"].endswith("missing.yaml")


def test_a_name_that_is_nothing_names_the_recipe_beside_it(danlu, recipe):
    outcome = danlu("run", "clinic")
    assert outcome.code == 2 and "did you mean clinic.yaml?" in outcome.err


def test_a_stage_that_is_none_is_2(danlu, recipe):
    outcome = danlu("run", "clinic.yaml", "--to", "frieze")
    assert outcome.code == 2 and "did you mean freeze?" in outcome.err


def test_an_empty_folder_is_2_and_the_run_says_failed(danlu, recipe, tmp_path):
    (tmp_path / "empty").mkdir()
    outcome = danlu("ingest", "clinic.yaml", "documents.paths=[empty]", "--json")
    assert outcome.code == 2 and "Traceback" not in outcome.err
    assert outcome.json["state"] == "failed"


def test_an_unreachable_teacher_is_1(danlu, recipe):
    teacher = "synthesize.teacher={base_url: 'http://127.0.0.1:9/v1', model: m, retries: 0}"
    assert danlu("ingest", "clinic.yaml", teacher).code == 0
    outcome = danlu("synthesize", "clinic.yaml", teacher)
    assert outcome.code == 1 and "127.0.0.1:9" in outcome.err and "Traceback" not in outcome.err


def test_the_log_of_a_stage_is_written_in_the_foreground_too(danlu, recipe, tmp_path):
    danlu("ingest", "clinic.yaml")
    logs = [path.name for path in (tmp_path / "danlu-workspace/runs/clinic-1/logs").iterdir()]
    assert sorted(name.split("_")[0] for name in logs) == ["chunk", "ingest"]


def test_logs_show_what_a_run_said(danlu, recipe):
    danlu("ingest", "clinic.yaml")
    assert "Read 3 documents" in danlu("runs", "logs", "clinic").out
    events = danlu("runs", "logs", "clinic", "--json").json["events"]
    assert events[-1]["event"] == "done" and events[-1]["stage"] == "chunk"
    lines = danlu("runs", "logs", "clinic", "-f", "--json").out.splitlines()
    assert [json.loads(line) for line in lines] == events
