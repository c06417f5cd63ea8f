"""Keeps a run's story: every event as a line of `events.jsonl`, a readable log per stage, results on the run's card.

event -> events.jsonl    {"event", ..., "time", "stage"}, appended and flushed
      -> logs/<stage>_YYYYMMDD_HHMMSS.log
      -> card.json       state, started_at, finished_at, stages.NAME, warnings, error
"""

from __future__ import annotations

import contextlib
import json
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TextIO

from danlu.errors import DanluError
from danlu.events import Done, Event, Progress, Warned, to_json
from danlu.jobs.narrate import Pace, sentence, stage_title
from danlu.workspace.runs import Run, State


class Recorder:
    """Writes down what one attempt at a run does. The caller holds the run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._stage = ""
        self._started = 0.0
        self._pace = Pace()
        self._log: TextIO | None = None
        self._warnings: list[dict[str, object]] = []

    def start(self, names: list[str]) -> None:
        """The attempt begins: its stages are `names`. An event that a kill cut off in the middle is taken away."""
        _end_with_a_whole_line(self._run.events)
        self._run.update_card(
            state="running", started_at=time.time(), finished_at=None, requested=names, stage=names[0], error=None
        )

    def end(self, state: State, error: BaseException | None = None) -> None:
        """The attempt is over. On a full disk the card may stay as it is: the run then counts as interrupted."""
        with contextlib.suppress(OSError):
            self._run.update_card(state=state, finished_at=time.time(), error=_error_on_card(error))

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Opens the log of a stage; an exception that leaves the block is written to it."""
        self._stage, self._started, self._pace, self._warnings = name, time.time(), Pace(), []
        self._run.update_card(stage=name)
        path = log_path(self._run, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as self._log:
            self._write(stage_title(name))
            try:
                yield
            except Exception as error:
                text = str(error) if isinstance(error, DanluError) else traceback.format_exc()
                with contextlib.suppress(OSError):  # the disk may be what failed; the error itself goes on
                    self._write(text)
                raise

    def record(self, event: Event) -> None:
        """Writes one event of the current stage, at once."""
        line = {**json.loads(to_json(event)), "time": time.time(), "stage": self._stage}
        with self._run.events.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
        if self._is_worth_a_line(event):
            self._write(sentence(self._stage, event))
        if isinstance(event, Warned):
            self._keep_warning(event)
        if isinstance(event, Done):
            self._keep_result(event)

    def _is_worth_a_line(self, event: Event) -> bool:
        return not isinstance(event, Progress) or self._pace.due(event.done, event.total)

    def _write(self, text: str) -> None:
        stamp = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
        self._log.write("".join(f"{stamp} {line}\n" for line in text.splitlines() or [""]))
        self._log.flush()

    def _keep_warning(self, event: Warned) -> None:
        """A resumed stage adds to what it said before; the same warning again takes the place of the older one."""
        new = {"stage": self._stage, "reason": event.reason, "count": event.count, "params": event.params}
        self._warnings.append(new)
        warnings = list(self._run.card().get("warnings", []))
        known = [_identity(old) for old in warnings]
        if _identity(new) in known:
            warnings[known.index(_identity(new))] = new
        else:
            warnings.append(new)
        self._run.update_card(warnings=warnings)

    def _keep_result(self, event: Done) -> None:
        card = self._run.card()
        results = dict(card.get("stages", {}))
        before = results.get(self._stage)
        seconds, summary = time.time() - self._started, event.summary
        changes: dict[str, object] = {}
        if event.reused and before:
            # What it took to make and what was found then, not what it took to find again.
            seconds, summary = before["seconds"], {**before["summary"], **summary}
        elif before:
            # Made anew after an earlier end: only what was said this time holds.
            others = [old for old in card.get("warnings", []) if old["stage"] != self._stage]
            changes["warnings"] = others + self._warnings
        results[self._stage] = {
            "reused": event.reused,
            "seconds": round(seconds, 3),
            "summary": summary,
            "finished_at": time.time(),
        }
        self._run.update_card(stages=results, **changes)


def log_path(run: Run, name: str) -> Path:
    """Where the log of something that starts now goes: logs/<name>_YYYYMMDD_HHMMSS.log."""
    return run.logs / f"{name}_{datetime.now():%Y%m%d_%H%M%S}.log"


def _end_with_a_whole_line(path: Path) -> None:
    if path.exists():
        with path.open("rb+") as file:
            file.truncate(file.read().rfind(b"\n") + 1)


def _identity(warning: dict[str, object]) -> tuple[object, ...]:
    return warning["stage"], warning["reason"], json.dumps(warning["params"], sort_keys=True)


def _error_on_card(error: BaseException | None) -> dict[str, str] | None:
    if error is None:
        return None
    if isinstance(error, DanluError):
        return {"kind": type(error).__name__, "where": error.where, "what": error.what, "hint": error.hint}
    return {"kind": type(error).__name__, "where": "", "what": f"{type(error).__name__}: {error}", "hint": ""}
