"""The process behind `--background`: `python -m danlu.jobs.worker --workspace W --run NAME --stages A,B`.

It has a session of its own, so it outlives the terminal. What happens is recorded as in the foreground; what it prints
goes to a log file that whoever started it opened.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from danlu.errors import DanluError
from danlu.jobs.signals import stop_on_signals
from danlu.jobs.stages import Stage, check_stages, load_stage
from danlu.jobs.start import run_stages
from danlu.jobs.trial import record_estimate
from danlu.workspace import Workspace
from danlu.workspace.runs import open_run


def main(argv: list[str] | None = None, *, load: Callable[[str], Stage] = load_stage) -> int:
    """Runs the stages and returns the exit code: 0, 1, 2, 130 or 143."""
    parser = argparse.ArgumentParser(prog="danlu.jobs.worker")
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--run", required=True)
    parser.add_argument("--stages", required=True, help="names, joined by commas")
    options = parser.parse_args(argv)
    with stop_on_signals() as stop:
        try:
            workspace = Workspace(options.workspace)
            run = open_run(workspace.runs, options.run)
            names = check_stages(run.recipe, options.stages.split(","))
            for _ in run_stages(run, workspace, names, stop, load=load):
                pass
            if run.card()["state"] == "succeeded":
                record_estimate(run)
                return 0
            return stop.exit_code or 1
        except DanluError as error:
            print(error, file=sys.stderr)
            return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
