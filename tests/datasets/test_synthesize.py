"""Questions and answers of every chunk: deterministic, saved chunk by chunk, never paid for twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from loopback import LoopbackTeacher, facts_of, failed, said
from sqlalchemy import create_engine, select

from danlu.datasets.selection import select as select_chunks
from danlu.errors import InputError, TeacherError
from danlu.events import Done, Progress
from danlu.workspace import Workspace, tables
from danlu.workspace.plans import synthesis_plan
from danlu.workspace.runs import Run

SIZES = {"min_chars": 200, "max_chars": 400}


def knobs(reports: Path, server: LoopbackTeacher | None = None, **more: object) -> dict[str, object]:
    teacher = {"base_url": server.base_url, "model": "m", "retries": 0, "concurrency": 2} if server else {}
    synthesize = {"teacher": teacher, "chars_per_question": 60, "wordings": 3}
    return {"documents": {"paths": [str(reports)], "chunk": SIZES}, "synthesize": synthesize, **more}


def rows_of(workspace: Workspace) -> dict[str, list]:
    """All that synthesis writes, without the times."""
    engine = create_engine(workspace.database_url)
    with engine.connect() as connection:
        return {
            table.name: sorted(
                tuple(value for name, value in row.items() if name != "created_at")
                for row in connection.execute(select(table)).mappings()
            )
            for table in (tables.questions, tables.answers, tables.taught_chunks, tables.teacher_calls)
        }


def test_every_fact_has_a_quote_in_its_document_and_one_wording_held_out(bench, reports, summary_of):
    run = bench.run(**knobs(reports))
    summary = summary_of(bench.go(run, "ingest", "chunk", "synthesize"))
    assert (summary["teacher"], summary["calls"]) == ("extractive@1", 0)
    rows, selection = bench.workspace.rows, select_chunks(run.recipe, bench.workspace)
    plan = synthesis_plan(run.recipe, "extractive@1")
    questions = rows.questions([chunk.id for chunk in selection.chosen], plan)
    answers = rows.answers([question.fact_id for question in questions], plan)
    assert len(questions) == summary["questions"] > 100
    documents = {one.id: one for one in rows.documents(sorted({chunk.document_id for chunk in selection.chosen}))}
    chunks = {chunk.id: chunk for chunk in selection.chosen}
    wordings: dict[str, list] = {}
    for question in questions:
        wordings.setdefault(question.fact_id, []).append(question)
        answer, chunk = answers[question.fact_id], chunks[question.chunk_id]
        assert chunk.start_char <= answer.quote_start < answer.quote_end <= chunk.end_char
        assert answer.text in documents[chunk.document_id].text[answer.quote_start : answer.quote_end]
    for own in wordings.values():
        assert sum(one.held_out for one in own) == (len(own) > 1) and not own[0].held_out


def test_a_second_time_nothing_is_left_to_do(bench, reports):
    run = bench.run(**knobs(reports))
    first = bench.go(run, "ingest", "chunk", "synthesize")[-1]
    again = bench.go(run, "synthesize")
    assert not any(isinstance(event, Progress) for event in again)
    assert again[-1] == Done(stage="synthesize", reused=True, summary=first.summary)


def test_facts_that_are_missing_are_counted(bench, reports, warnings_of):
    few = knobs(reports)
    few["synthesize"] = {"chars_per_question": 10}
    events = bench.go(bench.run(**few), "ingest", "chunk", "synthesize")
    chunks = select_chunks(bench.run(**few).recipe, bench.workspace).chosen
    asked = sum(len(chunk.text) // 10 for chunk in chunks)
    assert warnings_of(events)["fewer_facts"] == asked - events[-1].summary["facts"]


def test_max_samples_takes_every_document_in_turn_and_counts_the_rest(bench, reports, warnings_of):
    run = bench.run(**knobs(reports), dataset={"max_samples": 30})
    events = bench.go(run, "ingest", "chunk", "synthesize")
    chosen = select_chunks(run.recipe, bench.workspace).chosen
    assert len({chunk.document_id for chunk in chosen}) == len(chosen) >= 3
    assert warnings_of(events)["samples_left_alone"] > 30
    whole = bench.go(bench.run(**knobs(reports)), "synthesize")
    assert whole[0] == Progress(done=len(chosen), total=whole[-1].summary["chunks"], unit="chunks")


def test_synthesize_before_its_chunks_names_the_command(bench, reports):
    run = bench.run(**knobs(reports))
    with pytest.raises(InputError, match="danlu ingest"):
        bench.go(run, "synthesize")
    bench.go(run, "ingest")
    with pytest.raises(InputError, match="--to chunk"):
        bench.go(run, "synthesize")


def test_the_order_of_replies_changes_nothing(bench, reports, tmp_path, teacher_server):
    run = bench.run(**knobs(reports, teacher_server))
    bench.go(run, "ingest", "chunk", "synthesize")
    other = type(bench)(Workspace(tmp_path / "other"))
    one_by_one = knobs(reports, teacher_server)
    one_by_one["synthesize"]["teacher"]["concurrency"] = 1
    other.go(other.run(**one_by_one), "ingest", "chunk", "synthesize")
    assert rows_of(bench.workspace) == rows_of(other.workspace)


def test_a_failing_teacher_keeps_what_was_done_and_the_same_command_carries_on(bench, reports, teacher_server):
    run = bench.run(**knobs(reports, teacher_server))
    bench.go(run, "ingest", "chunk")
    teacher_server.script = lambda request, number: failed(401, "no money") if number > 7 else facts_of(request)
    with pytest.raises(TeacherError, match=r"no money(?s:.*)of \d+ chunks are done(?s:.*)same command") as caught:
        bench.go(run, "synthesize")
    assert caught.value.where == teacher_server.base_url
    assert len(rows_of(bench.workspace)["taught_chunks"]) == 7
    answered = list(teacher_server.answered)
    teacher_server.requests.clear()
    teacher_server.script = lambda request, number: facts_of(request)
    done = bench.go(run, "synthesize")[-1]
    assert done.summary["calls"] == len(teacher_server.requests) == done.summary["chunks"] - 7
    assert not any(request in answered for request in teacher_server.requests)


def test_a_stop_keeps_what_was_under_way_and_says_no_done(bench, reports, teacher_server):
    run = bench.run(**knobs(reports, teacher_server))
    bench.go(run, "ingest", "chunk")
    events = bench.go(run, "synthesize", stop=lambda: len(teacher_server.requests) >= 3)
    assert not any(isinstance(event, Done) for event in events)
    finished = len(rows_of(bench.workspace)["taught_chunks"])
    assert finished == len(teacher_server.requests) < len(select_chunks(run.recipe, bench.workspace).chosen)
    assert bench.go(run, "synthesize")[-1].summary["calls"] > 0


def test_a_reply_that_was_cut_off_ends_the_stage_and_more_tokens_ask_only_for_it(bench, reports, teacher_server):
    few = knobs(reports, teacher_server)
    few["synthesize"]["teacher"]["concurrency"] = 1
    run = bench.run(**few)
    bench.go(run, "ingest", "chunk")
    cut_off = said("{", finish_reason="length")
    teacher_server.script = lambda request, number: cut_off if number == 5 else facts_of(request)
    with pytest.raises(TeacherError, match="max_tokens"):
        bench.go(run, "synthesize")
    before = len(teacher_server.requests)
    few["synthesize"]["teacher"]["max_tokens"] = 10_000
    summary = bench.go(bench.run(**few), "synthesize")[-1].summary
    assert len(teacher_server.requests) - before == summary["chunks"] - 4


CHILD = """
import sys
from pathlib import Path
from danlu.datasets.synthesize import synthesize
from danlu.workspace import Workspace
from danlu.workspace.runs import open_run
workspace = Workspace(Path(sys.argv[1]))
for event in synthesize(open_run(workspace.runs, sys.argv[2]), workspace, lambda: False):
    pass
"""


def _kill_when_both_are_under_way(run: Run, workspace: Workspace, server: LoopbackTeacher) -> list[dict]:
    """Starts the stage in a process of its own, lets six replies out, and kills it with two requests held."""
    held, gate, two_held = [], threading.Event(), threading.Event()

    def script(request: dict, number: int):
        if number > 6:
            held.append(request)
            if len(held) == 2:
                two_held.set()
            gate.wait(30)
        return facts_of(request)

    server.script = script
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(workspace.folder), run.name])
    try:
        assert two_held.wait(60)
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait(30) == -signal.SIGKILL
    finally:
        child.kill()
        gate.set()
    return held


def test_after_kill_9_the_same_call_gives_the_same_rows_and_asks_nothing_answered_again(
    bench, reports, tmp_path, teacher_server
):
    run = bench.run(**knobs(reports, teacher_server))
    bench.go(run, "ingest", "chunk")
    held = _kill_when_both_are_under_way(run, bench.workspace, teacher_server)
    teacher_server.script = lambda request, number: facts_of(request)
    assert bench.go(run, "synthesize")[-1].summary["chunks"] > 8
    asked = Counter(json.dumps(request, sort_keys=True) for request in teacher_server.requests)
    twice = {request for request, count in asked.items() if count > 1}
    assert twice == {json.dumps(request, sort_keys=True) for request in held}
    whole = type(bench)(Workspace(tmp_path / "whole"))
    whole.go(whole.run(**knobs(reports, teacher_server)), "ingest", "chunk", "synthesize")
    assert rows_of(bench.workspace) == rows_of(whole.workspace)
