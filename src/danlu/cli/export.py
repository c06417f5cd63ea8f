"""`danlu export`: the stages from export to report."""

from __future__ import annotations

import typer

from danlu.cli.console.options import DEFAULT_WORKSPACE, Background, Json, Lang, Overrides, Target, WorkspaceFolder
from danlu.cli.console.perform import Request, perform


def export(
    target: Target,
    overrides: Overrides = None,
    background: Background = False,
    workspace: WorkspaceFolder = DEFAULT_WORKSPACE,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Runs `export` to `report` of a recipe or run. The language was set before this file was loaded."""
    request = Request(
        target=target,
        overrides=overrides or [],
        stages=("export", "report"),
        workspace=workspace,
        as_json=as_json,
        background=background,
    )
    raise typer.Exit(perform(request))
