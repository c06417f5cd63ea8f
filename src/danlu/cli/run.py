"""`danlu run`: the whole way from documents to report, a part of it, or a trial of it."""

from __future__ import annotations

from typing import Annotated

import typer

from danlu.cli.console.options import DEFAULT_WORKSPACE, Background, Json, Lang, Overrides, Target, WorkspaceFolder
from danlu.cli.console.perform import Request, perform
from danlu.messages import t

First = Annotated[str, typer.Option("--from", metavar="STAGE", help=t("option.from"), show_default=False)]
Last = Annotated[str, typer.Option("--to", metavar="STAGE", help=t("option.to"), show_default=False)]
TrialRows = Annotated[
    int | None, typer.Option("--trial", metavar="[ROWS]", min=1, help=t("option.trial"), show_default=False)
]


def run(
    target: Target,
    overrides: Overrides = None,
    first: First = "",
    last: Last = "",
    trial: TrialRows = None,
    background: Background = False,
    workspace: WorkspaceFolder = DEFAULT_WORKSPACE,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Runs a recipe's stages in order. The language was set before this file was loaded."""
    request = Request(
        target=target,
        overrides=overrides or [],
        first=first,
        last=last,
        trial_rows=trial,
        suggest_trial=True,
        workspace=workspace,
        as_json=as_json,
        background=background,
    )
    raise typer.Exit(perform(request))
