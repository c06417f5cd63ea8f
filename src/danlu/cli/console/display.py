"""What a person watches on stderr: a bar per stage on a terminal, plain lines elsewhere; sentences in both."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from danlu.events import Done, Event, Saved, Shown, Step, Warned
from danlu.events import Progress as ProgressEvent
from danlu.jobs.narrate import Pace, sentence, shown_title, stage_title
from danlu.messages import t


class Screen(Protocol):
    """Shows events as they come."""

    def show(self, stage: str, event: Event) -> None:
        """Shows one event of a stage."""
        ...


def say(text: str) -> None:
    """One sentence on stderr."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def screen(names: list[str]) -> Iterator[Screen]:
    """The display that fits stderr, for these stages in order."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal or console.is_dumb_terminal:
        yield _Lines(names)
        return
    bars = _Bars(names, console)
    with bars.progress:
        yield bars


def _next(names: list[str], stage: str) -> str:
    """The stage that begins when `stage` is done; empty after the last."""
    position = names.index(stage) + 1
    return names[position] if position < len(names) else ""


class _Lines:
    """Sentences, and progress now and then, for a log, a pipe or a plain terminal."""

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self._begin(names[0])

    def _begin(self, stage: str) -> None:
        self._pace = Pace()
        if stage:
            say(t("cli.stage", title=stage_title(stage)))

    def show(self, stage: str, event: Event) -> None:
        match event:
            case ProgressEvent(done=done, total=total) | Step(step=done, total_steps=total):
                if self._pace.due(done, total):
                    say(f"  {sentence(stage, event)}")
            case Saved():
                pass  # in the log; what matters of it is in the stage's last line
            case Warned():
                say(f"{t('cli.warning')} {sentence(stage, event)}")
            case _:
                say(sentence(stage, event))
        if isinstance(event, Done):
            self._begin(_next(self._names, stage))


class _Bars:
    """One bar, for the stage at work; sentences scroll by above it."""

    def __init__(self, names: list[str], console: Console) -> None:
        self._names = names
        note = TextColumn("{task.fields[note]}")
        columns = (TextColumn("{task.description}"), BarColumn(), note, TimeRemainingColumn())
        self.progress = Progress(*columns, console=console, transient=True)
        self._bar: TaskID = self._begin(names[0])

    def _begin(self, stage: str) -> TaskID:
        return self.progress.add_task(stage_title(stage), total=None, note="")

    def show(self, stage: str, event: Event) -> None:
        match event:
            case ProgressEvent(done=done, total=total) | Step(step=done, total_steps=total):
                self.progress.update(self._bar, completed=done, total=total, note=sentence(stage, event))
            case Saved():
                pass  # in the log; what matters of it is in the stage's last line
            case Warned():
                self._print(f"{t('cli.warning')} {sentence(stage, event)}", style="yellow")
            case Shown():
                self._print(shown_title(event), style="bold")
                self._print(event.text)
            case _:
                self._print(sentence(stage, event))
        if isinstance(event, Done):
            self.progress.remove_task(self._bar)
            if following := _next(self._names, stage):
                self._bar = self._begin(following)

    def _print(self, text: str, style: str | None = None) -> None:
        self.progress.console.print(text, style=style, markup=False)
