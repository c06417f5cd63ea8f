"""`danlu runs`: lists runs, shows or follows what one said, and stops one."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer
from rich.cells import cell_len

from danlu.cli.console.display import say
from danlu.cli.console.options import DEFAULT_WORKSPACE, Json, Lang, RunName, WorkspaceFolder
from danlu.cli.console.results import result_object
from danlu.events import Event, Progress, from_json
from danlu.jobs.narrate import Pace, sentence, stage_title
from danlu.jobs.supervise import RunLine, follow, overview, read_events, stop_run
from danlu.messages import t
from danlu.workspace import Workspace
from danlu.workspace.runs import Run, open_run

Follow = Annotated[bool, typer.Option("--follow", "-f", help=t("option.follow"))]
Force = Annotated[bool, typer.Option("--force", help=t("option.force"))]
_COLUMNS = ("name", "state_title", "started", "stage", "step", "loss", "seconds")


def list_all(workspace: WorkspaceFolder = DEFAULT_WORKSPACE, lang: Lang = None, as_json: Json = False) -> None:
    """Prints a line per run, oldest first."""
    found = overview(workspace / "runs")
    if as_json:
        print(json.dumps({"workspace": str(workspace.absolute()), "runs": [asdict(line) for line in found]}))
        return
    if not found:
        say(t("runs.none", workspace=workspace.absolute()))
        return
    rows = [tuple(t(f"runs.{column}") for column in _COLUMNS), *(_cells(line) for line in found)]
    widths = [max(cell_len(row[position]) for row in rows) for position in range(len(_COLUMNS))]
    for row in rows:
        padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        print("  ".join(padded).rstrip())


def logs(
    run: RunName,
    following: Follow = False,
    workspace: WorkspaceFolder = DEFAULT_WORKSPACE,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Prints what a run said; with `-f` until it ends. As JSON: one object, or with `-f` an event per line."""
    found = open_run(workspace / "runs", run)
    if as_json and not following:
        events = [json.loads(line) for line in read_events(found)]
        print(json.dumps({"run": found.name, "state": found.state(), "events": events}, ensure_ascii=False))
        return
    pace, stage = Pace(), ""
    for line in follow(found) if following else read_events(found):
        if as_json:
            print(line, flush=True)
            continue
        data = json.loads(line)
        if data["stage"] != stage:
            pace, stage = Pace(), data["stage"]
        _print_event(data, from_json(line), pace)
    _say_state(found)


def stop(
    run: RunName,
    force: Force = False,
    workspace: WorkspaceFolder = DEFAULT_WORKSPACE,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Stops a run: it saves its state first, unless forced."""
    found = open_run(workspace / "runs", run)
    say(t("runs.stopping", name=found.name))
    state = stop_run(found, force=force)
    if as_json:
        print(json.dumps(result_object(found, Workspace(workspace)), ensure_ascii=False))
        return
    print(t("result.run", name=found.name, state=t(f"state.{state}")))


def _cells(line: RunLine) -> tuple[str, ...]:
    started = f"{datetime.fromtimestamp(line.started_at):%Y-%m-%d %H:%M:%S}" if line.started_at else "-"
    step = f"{line.step}/{line.total_steps}" if line.step is not None else "-"
    loss = f"{line.loss:.4f}" if line.loss is not None else "-"
    seconds = f"{line.seconds:.0f}" if line.seconds is not None else "-"
    return line.name, line.state, started, line.stage or "-", step, loss, seconds


def _print_event(data: dict, event: Event, pace: Pace) -> None:
    if isinstance(event, Progress) and not pace.due(event.done, event.total, data["time"]):
        return
    time = f"{datetime.fromtimestamp(data['time']):%H:%M:%S}"
    print(f"{time} {stage_title(data['stage'])}: {sentence(data['stage'], event)}", flush=True)


def _say_state(run: Run) -> None:
    error = run.card().get("error")
    if error:
        place = f"{error['where']}: " if error["where"] else ""
        say(f"{t('cli.error')} {place}{error['what']}")
    say(t("runs.state", name=run.name, state=t(f"state.{run.state()}"), logs=run.logs))
