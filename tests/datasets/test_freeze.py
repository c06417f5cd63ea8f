"""Frozen datasets: split without leaks, every wording in its place, the same content once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from danlu.artifacts import read_card
from danlu.datasets.freeze import question_of
from danlu.errors import InputError
from danlu.events import Shown
from danlu.types import ChatSample, TextSample
from danlu.workspace.dataset import Dataset, open_dataset

SIZES = {"min_chars": 200, "max_chars": 400}
ALL = ("train", "validation", "test", "learned")


def knobs(reports: Path, **dataset: object) -> dict[str, object]:
    documents = {"paths": [str(reports)], "chunk": SIZES}
    return {"documents": documents, "synthesize": {"chars_per_question": 60, "wordings": 3}, "dataset": dataset}


def frozen(bench, run) -> Dataset:
    bench.go(run)
    return open_dataset(bench.workspace.datasets, run.artifacts()["dataset"])


def rows_file(path: Path, *pairs: tuple[str, str]) -> Path:
    rows = [json.dumps({"input_text": question, "target_text": answer}) + "\n" for question, answer in pairs]
    path.write_text("".join(rows), encoding="utf-8")
    return path


def samples(dataset: Dataset) -> dict[str, list]:
    return {split: dataset.samples(split) for split in ALL}


def documents_in(found: list) -> set[str]:
    return {sample.provenance.document_id for sample in found}


def test_whole_documents_are_dealt_and_train_holds_all_wordings_but_the_last(bench, reports):
    dataset = frozen(bench, bench.run(**knobs(reports)))
    found = samples(dataset)
    # 12 documents at 0.8/0.1/0.1: exactly 9.6, 1.2, 1.2, so 10, 1, 1
    assert [len(documents_in(found[split])) for split in ("train", "validation", "test")] == [10, 1, 1]
    assert documents_in(found["learned"]) <= documents_in(found["train"])
    assert {sample.provenance.fact_id for sample in found["learned"]} <= {
        sample.provenance.fact_id for sample in found["train"]
    }
    assert len(found["train"]) == 2 * len(found["learned"]) > 100
    for split in ("validation", "test"):
        facts = [sample.provenance.fact_id for sample in found[split]]
        assert len(facts) == len(set(facts)) > 3
    asked = [question_of(sample) for split in ALL for sample in found[split]]
    assert len(asked) == len(set(asked))


def test_every_sample_leads_back_to_its_document_span(bench, reports):
    dataset = frozen(bench, bench.run(**knobs(reports)))
    texts = {one.id: one.text for one in bench.workspace.rows.documents(list(bench.workspace.rows.document_ids()))}
    for found in samples(dataset).values():
        for sample in found:
            origin = sample.provenance
            assert sample.messages[-1].content in texts[origin.document_id][origin.start_char : origin.end_char]
            assert origin.source.endswith(".md") and origin.chunk_id and origin.question_id == sample.id


def test_the_corpus_is_the_train_documents_text_and_no_other(bench, reports):
    dataset = frozen(bench, bench.run(**knobs(reports)))
    corpus = dataset.samples("corpus")
    texts = {one.id: one.text for one in bench.workspace.rows.documents(list(bench.workspace.rows.document_ids()))}
    assert documents_in(corpus) == set(dataset.details["documents"]["train"])
    assert all(sample.text == texts[sample.provenance.document_id] for sample in corpus)
    unseen = documents_in(dataset.samples("test")) | documents_in(dataset.samples("validation"))
    assert not any(texts[id][:40] in sample.text for id in unseen for sample in corpus)


def test_by_chunk_the_corpus_is_the_train_chunks(bench, reports):
    dataset = frozen(bench, bench.run(**knobs(reports, split={"by": "chunk"})))
    chunks = {split: {sample.provenance.chunk_id for sample in dataset.samples(split)} for split in ALL}
    corpus = {sample.provenance.chunk_id for sample in dataset.samples("corpus")}
    assert corpus.isdisjoint(chunks["validation"] | chunks["test"])
    assert chunks["train"] <= corpus


def test_by_row_the_corpus_is_the_train_rows_own_text(bench, reports):
    dataset = frozen(bench, bench.run(**knobs(reports, split={"by": "row"})))
    trained = {sample.messages[0].content for sample in dataset.samples("train")}
    assert {sample.text.split("\n")[0] for sample in dataset.samples("corpus")} == trained


def test_the_same_content_is_frozen_once_and_other_content_is_the_next_version(bench, reports):
    run = bench.run(**knobs(reports))
    first = bench.go(run)[-1]
    again = bench.go(run, "freeze")[-1]
    assert (first.reused, again.reused, again.summary) == (False, True, first.summary)
    other = bench.go(bench.run(**knobs(reports, seed=7)), "freeze")[-1]
    assert (first.summary["dataset"], other.summary["dataset"]) == ("bench@1", "bench@2")
    card = read_card(bench.workspace.datasets / "bench@1")
    assert set(card.parents) == bench.workspace.rows.document_ids()
    assert card.details["splits"]["train"] == first.summary["num_train"]


def test_too_few_documents_ask_for_a_split_by_chunk(bench, reports):
    for path in sorted(reports.iterdir())[2:]:
        path.unlink()
    run = bench.run(**knobs(reports))
    bench.go(run, "ingest", "chunk", "synthesize")
    with pytest.raises(InputError, match=r"2 documents(?s:.*)dataset\.split\.by=chunk"):
        bench.go(run, "freeze")
    assert list(bench.workspace.datasets.iterdir()) == []
    assert bench.go(bench.run(**knobs(reports, split={"by": "chunk"})), "freeze")[-1].summary["test"] > 0


def test_too_few_chunks_or_rows_are_errors(bench, reports, tmp_path):
    for path in sorted(reports.iterdir())[1:]:
        path.unlink()
    large = knobs(reports, split={"by": "chunk"})
    large["documents"] = {"paths": [str(reports)]}
    with pytest.raises(InputError, match="1 chunks"):
        bench.go(bench.run(**large))
    rows = rows_file(tmp_path / "rows.jsonl", ("a", "b"), ("c", "d"))
    with pytest.raises(InputError, match="2 rows"):
        bench.go(bench.run(dataset={"paths": [str(rows)]}))


def test_freeze_before_synthesize_names_the_command(bench, reports):
    run = bench.run(**knobs(reports))
    bench.go(run, "ingest", "chunk")
    with pytest.raises(InputError, match="danlu synthesize"):
        bench.go(run, "freeze")


def test_a_trial_of_few_facts_still_fills_every_split(bench, reports, warnings_of, summary_of):
    events = bench.go(bench.run(**knobs(reports, max_samples=9)))
    summary = summary_of(events)
    assert all(summary[split] > 0 for split in ALL)
    assert summary["num_samples"] == 9 < summary["num_samples_available"]
    assert warnings_of(events[-4:])["samples_left_alone"] == summary["num_samples_available"] - 9


def test_rows_of_files_are_dealt_by_row_and_their_text_is_the_corpus(bench, tmp_path, summary_of):
    rows = rows_file(tmp_path / "rows.jsonl", *((f"question {n}?", f"answer {n}") for n in range(20)))
    run = bench.run(dataset={"paths": [str(rows)], "split": {"train": 0.7, "validation": 0.15, "test": 0.15}})
    events = bench.go(run)
    assert [summary_of(events)[split] for split in ALL] == [14, 3, 3, 0]
    assert "rows.jsonl: input-target" in next(event.text for event in events if isinstance(event, Shown))
    dataset = open_dataset(bench.workspace.datasets, "bench")
    trained = {"\n".join(message.content for message in sample.messages) for sample in dataset.samples("train")}
    assert {sample.text for sample in dataset.samples("corpus")} == trained


def test_a_question_asked_twice_stays_in_one_place_only(bench, tmp_path, warnings_of):
    rows = rows_file(
        tmp_path / "rows.jsonl",
        *((f"Question {n}?", f"answer {n}") for n in range(20)),
        *((f"question  {n}？", "another") for n in range(15)),  # the same but for case, blanks and width
    )
    run = bench.run(dataset={"paths": [str(rows)]})
    assert warnings_of(bench.go(run))["duplicate_question"] == 15
    dataset = open_dataset(bench.workspace.datasets, "bench")
    asked = [question_of(one) for split in ALL for one in dataset.samples(split)]
    assert len(asked) == len(set(asked)) == 20


def test_rows_beside_documents_are_said_to_be_dealt_by_row(bench, reports, tmp_path, warnings_of):
    rows = rows_file(tmp_path / "rows.jsonl", *((f"question {n}?", f"answer {n}") for n in range(10)))
    events = bench.go(bench.run(**knobs(reports, paths=[str(rows)])))
    assert warnings_of(events)["split_by_row"] == 10
    sources = {one.provenance.source for one in open_dataset(bench.workspace.datasets, "bench").samples("train")}
    assert "rows.jsonl" in sources and len(sources) > 2


def test_max_samples_draws_rows_from_the_whole_file(bench, tmp_path, summary_of):
    rows = rows_file(tmp_path / "rows.jsonl", *((f"question {n}?", f"answer {n}") for n in range(200)))
    summary = summary_of(bench.go(bench.run(dataset={"paths": [str(rows)], "max_samples": 20})))
    assert (summary["num_samples"], summary["num_samples_available"], summary["num_train"]) == (20, 200, 16)
    numbers = [one.provenance.row for one in open_dataset(bench.workspace.datasets, "bench").samples("train")]
    assert max(numbers) > 100


def test_pretraining_is_watched_on_text(bench, reports, tmp_path):
    method = {"train": {"method": {"kind": "pretrain"}}}
    dataset = frozen(bench, bench.run(**knobs(reports), **method))
    assert dataset.samples("validation")[0].text.startswith("# ")
    rows = rows_file(tmp_path / "rows.jsonl", *((f"question {n}?", f"answer {n}") for n in range(10)))
    dataset = frozen(bench, bench.run(dataset={"paths": [str(rows)], "name": "rows"}, **method))
    assert all(isinstance(sample, TextSample) for sample in dataset.samples("validation") + dataset.samples("corpus"))
    assert all(isinstance(sample, ChatSample) for sample in dataset.samples("test"))


def test_text_and_dialogues_do_not_mix(bench, reports, tmp_path):
    (tmp_path / "a.txt").write_text("one\n\ntwo\n\nthree\n", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be mixed"):
        bench.go(bench.run(**knobs(reports, paths=[str(tmp_path / "a.txt")])))
    dataset = frozen(bench, bench.run(dataset={"paths": [str(tmp_path / "a.txt")]}))
    assert dataset.splits == {"train": 1, "validation": 1, "test": 1, "learned": 0, "corpus": 1}


def test_a_bad_row_leaves_no_dataset_behind(bench, tmp_path):
    rows = rows_file(tmp_path / "rows.jsonl", *((f"question {n}?", "") for n in range(10)))
    with pytest.raises(InputError, match="target_text is empty") as caught:
        bench.go(bench.run(dataset={"paths": [str(rows)]}))
    assert caught.value.where == f"{rows}:1"
    assert list(bench.workspace.datasets.iterdir()) == []
