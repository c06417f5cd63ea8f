"""Ingest and chunk: all files or none, everything left out counted, nothing done twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from danlu.documents.chunk import chunk
from danlu.documents.ingest import ingest
from danlu.documents.readers import READERS, read_document
from danlu.errors import InputError
from danlu.events import Done, Event, Progress, Warned
from danlu.recipe import Recipe
from danlu.workspace import Workspace
from danlu.workspace.plans import chunk_plan
from danlu.workspace.runs import Run, continue_or_create
from danlu.workspace.sources import SUFFIXES, find_sources

TEXT = "The clinic opens at eight. " * 60


def never() -> bool:
    return False


def a_run(workspace: Workspace, folder: Path, **chunk_knobs: int) -> Run:
    documents = {"paths": [str(folder)], "chunk": chunk_knobs}
    return continue_or_create(workspace.runs, Recipe.model_validate({"name": "docs", "documents": documents}))


def warnings(events: list[Event]) -> dict[str, int]:
    return {event.reason: event.count for event in events if isinstance(event, Warned)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "inner").mkdir(parents=True)
    (folder / "a.md").write_text(f"# A\n\n{TEXT}\n", encoding="utf-8")
    (folder / "inner" / "b.txt").write_text(f"B\n\n{TEXT}\n", encoding="utf-8")
    return folder


def test_the_list_of_suffixes_is_that_of_the_readers():
    assert set(SUFFIXES) == set(READERS)


def test_a_source_names_the_document_as_its_reader_does(folder: Path):
    for file in find_sources([str(folder)]).files:
        assert read_document(file.path, source=file.source).document.id == file.document_id


def test_a_folder_gives_its_documents_in_order_and_counts_the_rest(folder: Path, workspace: Workspace):
    (folder / ".hidden.md").write_text("no", encoding="utf-8")
    (folder / ".git").mkdir()
    (folder / ".git" / "config.txt").write_text("no", encoding="utf-8")
    (folder / "photo.png").write_bytes(b"no")
    found = find_sources([str(folder)])
    assert [file.source for file in found.files] == ["a.md", "inner/b.txt"]
    assert found.skipped == (".git", ".hidden.md", "photo.png")
    assert warnings(list(ingest(a_run(workspace, folder), workspace, never)))["files_skipped"] == 3


def test_one_content_is_one_document_whatever_its_name(folder: Path, workspace: Workspace):
    (folder / "inner" / "a.md").write_bytes((folder / "a.md").read_bytes())
    (folder / "other.md").write_bytes((folder / "a.md").read_bytes())
    events = list(ingest(a_run(workspace, folder), workspace, never))
    assert events[-1].summary["files"] == 2
    assert warnings(events)["files_repeated"] == 2


def test_ingest_reads_each_file_once(folder: Path, workspace: Workspace):
    run = a_run(workspace, folder)
    first = list(ingest(run, workspace, never))[-1]
    assert isinstance(first, Done)
    assert (first.reused, first.summary["files"], first.summary["dropped"]) == (False, 2, 0)
    again = list(ingest(run, workspace, never))
    assert again == [Done(stage="ingest", reused=True, summary=first.summary)]
    (folder / "c.txt").write_text(TEXT, encoding="utf-8")
    assert [event.total for event in ingest(run, workspace, never) if isinstance(event, Progress)] == [1, 1]


def test_characters_left_out_are_counted_by_reason(folder: Path, workspace: Workspace):
    (folder / "a.md").write_text(f"# A\n\n{TEXT}\x00\x01\n", encoding="utf-8")
    events = list(ingest(a_run(workspace, folder), workspace, never))
    assert warnings(events) == {"control_characters": 2}
    assert events[-1].summary["dropped"] == 2


def test_a_bad_file_leaves_nothing_behind_and_every_bad_file_is_named(folder: Path, workspace: Workspace):
    (folder / "gbk.txt").write_bytes("门诊八点开门。".encode("gb18030"))
    with pytest.raises(InputError, match="GB18030") as caught:
        list(ingest(a_run(workspace, folder), workspace, never))
    assert caught.value.where.endswith("gbk.txt")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 nothing")
    with pytest.raises(InputError, match=r"(?s)broken\.pdf.*gbk\.txt"):
        list(ingest(a_run(workspace, folder), workspace, never))
    assert workspace.rows.document_ids() == set()


def test_an_empty_folder_names_what_is_read(tmp_path: Path, workspace: Workspace):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"\.pdf") as caught:
        list(ingest(a_run(workspace, tmp_path / "empty"), workspace, never))
    assert caught.value.exit_code == 2
    assert caught.value.where == str(tmp_path / "empty")


def test_a_stop_between_files_saves_nothing_and_says_no_done(folder: Path, workspace: Workspace):
    answers = iter([False, True])
    events = list(ingest(a_run(workspace, folder), workspace, lambda: next(answers)))
    assert not any(isinstance(event, Done) for event in events)
    assert workspace.rows.document_ids() == set()


def test_chunks_are_made_once_for_each_size(folder: Path, workspace: Workspace):
    run = a_run(workspace, folder)
    list(ingest(run, workspace, never))
    done = list(chunk(run, workspace, never))[-1]
    assert isinstance(done, Done)
    assert done.summary["documents"] == 2
    assert 800 <= done.summary["min_chars"] <= done.summary["max_chars"] <= 1500
    assert list(chunk(run, workspace, never)) == [Done(stage="chunk", reused=True, summary=done.summary)]
    smaller = a_run(workspace, folder, min_chars=100, max_chars=200)
    assert list(chunk(smaller, workspace, never))[-1].summary["chunks"] > done.summary["chunks"]
    assert chunk_plan(smaller.recipe) != chunk_plan(run.recipe)


def test_a_chunk_that_is_larger_than_allowed_is_reported(folder: Path, workspace: Workspace):
    row = "| " + "x" * 300 + " | y |"
    (folder / "a.md").write_text(f"# A\n\n| k | v |\n|---|---|\n{row}\n", encoding="utf-8")
    run = a_run(workspace, folder, min_chars=50, max_chars=100)
    list(ingest(run, workspace, never))
    assert warnings(list(chunk(run, workspace, never)))["oversized_chunks"] >= 1


def test_chunk_before_ingest_names_the_command(folder: Path, workspace: Workspace):
    with pytest.raises(InputError, match="danlu ingest"):
        list(chunk(a_run(workspace, folder), workspace, never))
