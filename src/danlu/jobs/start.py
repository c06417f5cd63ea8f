"""Runs stages one after the other in this process: takes the run, records each event, leaves a truthful state.

queued -> running -> succeeded | failed | cancelled (SIGTERM) | interrupted (SIGINT, killed)
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator, Iterator

from danlu.artifacts import as_disk_error
from danlu.errors import DanluError, DiskError, UsageError
from danlu.events import Done, Event
from danlu.jobs.record import Recorder
from danlu.jobs.signals import Stop
from danlu.jobs.stages import Stage, load_stage
from danlu.workspace import Workspace
from danlu.workspace.runs import Run

# What `danlu[train]` brings; the base install goes without.
_EXTRA = ("torch", "transformers", "tokenizers", "safetensors", "matplotlib")


def run_stages(
    run: Run, workspace: Workspace, names: list[str], stop: Stop, *, load: Callable[[str], Stage] = load_stage
) -> Iterator[tuple[str, Event]]:
    """Yields each stage's name with each of its events, once recorded. The run succeeded when every stage is Done.

    Raises BusyError where another process has the run, DanluError where a stage fails, and whatever a bug raises.
    """
    with run.at_work():
        recorder = Recorder(run)
        recorder.start(names)
        try:
            finished = yield from _all_stages(run, workspace, names, stop, load, recorder)
        except Exception as error:
            known = error if isinstance(error, DanluError) else as_disk_error(error) or _as_missing_extra(error)
            if isinstance(known, DiskError) and not known.where:  # many libraries do not say which file it was
                known.where = str(workspace.folder)
            recorder.end("failed", known or error)
            if known and known is not error:
                raise known from error
            raise
        except BaseException:  # the reader of this generator left, or the process is told to exit
            recorder.end("interrupted")
            raise
        if finished:
            recorder.end("succeeded")
        else:
            recorder.end("cancelled" if stop.signal == signal.SIGTERM else "interrupted")


def _as_missing_extra(error: Exception) -> UsageError | None:
    """The UsageError behind a module that only an extra brings; None where it is something else."""
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] in _EXTRA:
        return UsageError("extra_missing", module=error.name)
    return None


def _all_stages(
    run: Run, workspace: Workspace, names: list[str], stop: Stop, load: Callable[[str], Stage], recorder: Recorder
) -> Generator[tuple[str, Event], None, bool]:
    """Returns whether every stage came to its Done."""
    for name in names:
        if stop():
            return False
        done = False
        with recorder.stage(name):
            for event in load(name)(run, workspace, stop):
                recorder.record(event)
                done = done or isinstance(event, Done)
                yield name, event
            if not done and not stop():
                raise RuntimeError(f"stage {name} ended without Done although nobody asked it to stop")
        if not done:
            return False
    return True
