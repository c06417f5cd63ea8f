"""What a command leaves on stdout: a summary for a person or one JSON object; and how an error is told on stderr."""

from __future__ import annotations

import json
import shlex

from danlu.cli.console.answers import show_answers
from danlu.cli.console.display import say
from danlu.errors import DanluError
from danlu.jobs.narrate import stage_title
from danlu.jobs.trial import Estimate
from danlu.messages import t
from danlu.workspace import Workspace
from danlu.workspace.runs import Run

# After these stages the answers before and after are what the user came for.
_EXAMINED = ("evaluate", "report")


def show_results(run: Run, workspace: Workspace, names: list[str], estimate: Estimate | None, *, as_json: bool) -> None:
    """Prints what the run made."""
    if as_json:
        print(json.dumps(result_object(run, workspace), ensure_ascii=False))
        return
    card = run.card()
    print(t("result.run", name=run.name, state=t(f"state.{card['state']}")))
    for kind, value in run.artifacts().items():
        print(f"  {kind}: {value}")
    results = read_results(run, workspace)
    finished = card["state"] == "succeeded"
    if finished and results and "evaluate" in names:
        show_answers(results)
    if estimate:
        show_estimate(estimate)
    if finished and names[-1] in _EXAMINED:
        _show_next(run, workspace)


def result_object(run: Run | None, workspace: Workspace | None, error: DanluError | None = None) -> dict[str, object]:
    """The one JSON object of a command: also where it failed, then with `error`."""
    card = run.card() if run else {}
    result: dict[str, object] = {
        "run": run.name if run else None,
        "state": run.state() if run else None,
        "workspace": str(workspace.folder) if workspace else None,
        "artifacts": card.get("artifacts", {}),
        "stages": card.get("stages", {}),
        "warnings": card.get("warnings", []),
        "results": read_results(run, workspace) if run and workspace else None,
    }
    if "estimate" in card:
        result["estimate"] = card["estimate"]
    if error:
        result["error"] = {"where": error.where, "what": error.what, "hint": error.hint}
    return result


def failure(error: DanluError, *, as_json: bool, run: Run | None = None, workspace: Workspace | None = None) -> int:
    """Tells an error on stderr, and with --json as an object on stdout; returns its exit code."""
    if as_json:
        print(json.dumps(result_object(run, workspace, error), ensure_ascii=False))
    say(f"{t('cli.error')} {error}")
    return error.exit_code


def show_background(run: Run, workspace: Workspace, pid: int, *, as_json: bool) -> None:
    """Says that a run goes on in the background, and how to look after it."""
    if as_json:
        print(json.dumps(result_object(run, workspace), ensure_ascii=False))
        return
    print(run.name)
    say(t("cli.background", name=run.name, pid=pid, workspace=workspace.folder))


def read_results(run: Run, workspace: Workspace) -> dict | None:
    """What evaluation found, from reports/RUN/results.json; None before it."""
    path = workspace.reports / run.name / "results.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def show_estimate(estimate: Estimate) -> None:
    """What the trial measured, and what it predicts, called a prediction."""
    print(t("trial.measured"))
    for stage, seconds in estimate.measured_seconds.items():
        print(f"  {stage_title(stage)}: {seconds:.1f} s")
    if estimate.seconds_per_step is not None:
        print(f"  {t('trial.per_step', seconds=f'{estimate.seconds_per_step:.3f}')}")
    print(f"  {t('trial.memory', gigabytes=f'{estimate.peak_memory_bytes / 1e9:.2f}')}")
    if estimate.predicted_steps is None or estimate.predicted_seconds is None:
        print(t("trial.no_prediction"))
        return
    minutes = f"{estimate.predicted_seconds / 60:.1f}"
    samples = "?" if estimate.predicted_samples is None else estimate.predicted_samples
    print(t("trial.prediction", samples=samples, steps=estimate.predicted_steps, minutes=minutes))


def _show_next(run: Run, workspace: Workspace) -> None:
    report = workspace.reports / run.name / "report.html"
    if report.is_file():
        print(t("result.report", path=report))
    if "adapter" in run.artifacts():
        folder = shlex.quote(str(workspace.folder))
        print(t("result.chat", command=f"danlu chat {run.name} --workspace {folder}"))
