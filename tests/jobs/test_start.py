"""Running stages here: the state a run is left in, and what is written down about it."""

from __future__ import annotations

import json
import signal

import fake_stages
import pytest

from danlu.errors import DiskError, InputError, UsageError
from danlu.events import Done, Progress
from danlu.jobs.signals import Stop
from danlu.jobs.start import run_stages


def go(run, workspace, *stages, stop=None):
    """Runs fake stages under the names freeze, base, train."""
    named = dict(zip(("freeze", "base", "train"), stages, strict=False))
    return list(run_stages(run, workspace, list(named), stop or Stop(), load=named.__getitem__))


def test_a_run_succeeded_when_all_its_stages_are_done(run, workspace):
    events = go(run, workspace, fake_stages.quick, fake_stages.quick)
    assert run.state() == "succeeded"
    assert [stage for stage, event in events if isinstance(event, Done)] == ["freeze", "base"]
    assert not (run.folder / "pid").exists()


def test_every_event_is_a_line_with_time_and_stage(run, workspace):
    go(run, workspace, fake_stages.quick)
    lines = [json.loads(line) for line in run.events.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["progress", "warned", "done"]
    assert {line["stage"] for line in lines} == {"freeze"}
    assert all(line["time"] > 1e9 for line in lines)


def test_a_readable_log_is_kept_for_each_stage(run, workspace):
    go(run, workspace, fake_stages.quick, fake_stages.quick)
    logs = sorted(path.name for path in run.logs.iterdir())
    assert [name.rpartition("_")[0].rpartition("_")[0] for name in logs] == ["base", "freeze"]
    assert "3 chunks are larger than 1500 characters" in (run.logs / logs[1]).read_text()


def test_the_card_keeps_results_and_warnings(run, workspace):
    go(run, workspace, fake_stages.quick)
    card = run.card()
    assert card["stages"]["freeze"]["summary"]["num_train"] == 8
    assert not card["stages"]["freeze"]["reused"]
    warning = {"stage": "freeze", "reason": "oversized_chunks", "count": 3, "params": {"max_chars": "1500"}}
    assert card["warnings"] == [warning]


def test_a_reused_stage_keeps_what_it_took_to_make_and_its_warnings(run, workspace):
    go(run, workspace, fake_stages.quick)
    before = run.card()
    go(run, workspace, fake_stages.again)
    after = run.card()
    assert after["stages"]["freeze"]["reused"]
    assert after["stages"]["freeze"]["seconds"] == before["stages"]["freeze"]["seconds"]
    assert after["stages"]["freeze"]["summary"]["num_train"] == 8
    assert after["warnings"] == before["warnings"]


def test_the_same_warning_twice_is_kept_once(run, workspace):
    go(run, workspace, fake_stages.quick)
    go(run, workspace, fake_stages.quick)
    assert len(run.card()["warnings"]) == 1


@pytest.mark.parametrize(("number", "state"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "cancelled")])
def test_a_stage_that_was_stopped_ends_the_run_there(run, workspace, number, state):
    stop = Stop()
    stages = {"freeze": fake_stages.steady, "base": fake_stages.quick}
    for _stage, event in run_stages(run, workspace, list(stages), stop, load=stages.__getitem__):
        stop.signal = number if event.step == 3 else 0
    assert run.state() == state
    assert run.artifacts() == {"saved": "yes"}
    assert run.card()["stage"] == "freeze"


def test_a_known_failure_is_kept_on_the_card(run, workspace):
    with pytest.raises(InputError):
        go(run, workspace, fake_stages.mistaken)
    assert run.state() == "failed"
    assert run.card()["error"]["kind"] == "InputError"
    assert run.card()["error"]["where"] == "here"


def test_a_full_disk_is_told_as_one(run, workspace):
    with pytest.raises(DiskError):
        go(run, workspace, fake_stages.full_disk)
    assert run.state() == "failed"


def test_a_bug_stays_a_bug_and_its_traceback_is_in_the_log(run, workspace):
    with pytest.raises(ZeroDivisionError):
        go(run, workspace, fake_stages.buggy)
    assert run.state() == "failed"
    assert "Traceback" in next(run.logs.iterdir()).read_text()


def test_a_stage_that_ends_without_done_is_a_bug(run, workspace):
    with pytest.raises(RuntimeError, match="without Done"):
        go(run, workspace, fake_stages.endless)
    assert run.state() == "failed"


def test_a_reader_that_leaves_early_leaves_an_interrupted_run(run, workspace):
    events = run_stages(run, workspace, ["freeze"], Stop(), load=lambda _: fake_stages.quick)
    assert isinstance(next(events)[1], Progress)
    events.close()
    assert run.state() == "interrupted"
    go(run, workspace, fake_stages.quick)
    assert run.state() == "succeeded"


def test_an_event_cut_off_by_a_kill_does_not_spoil_the_next(run, workspace):
    run.events.write_text('{"event": "progress", "done": 1, "total": 2, "unit": "files"}\n{"event": "prog')
    go(run, workspace, fake_stages.quick)
    events = [json.loads(line)["event"] for line in run.events.read_text().splitlines()]
    assert events == ["progress", "progress", "warned", "done"]


def test_a_missing_extra_is_told_with_the_line_that_installs_it(run, workspace):
    def without_torch(run, workspace, stop):
        yield Progress(done=0, total=1, unit="models")
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    with pytest.raises(UsageError) as caught:
        go(run, workspace, without_torch)
    assert 'pip install "danlu[train]"' in caught.value.hint
