"""What the verbs that run a part of the path share: their arguments, and how the part is run."""

from __future__ import annotations

from collections.abc import Callable

import typer

from danlu.cli.console.options import DEFAULT_WORKSPACE, Background, Json, Lang, Overrides, Target, WorkspaceFolder
from danlu.cli.console.perform import Request, perform


def stage_verb(*stages: str) -> Callable[..., None]:
    """A verb that runs these stages of a recipe or run; it ends with the exit code."""

    def verb(
        target: Target,
        overrides: Overrides = None,
        background: Background = False,
        workspace: WorkspaceFolder = DEFAULT_WORKSPACE,
        lang: Lang = None,  # read from the arguments before this file was loaded
        as_json: Json = False,
    ) -> None:
        request = Request(
            target=target,
            overrides=overrides or [],
            stages=stages,
            workspace=workspace,
            as_json=as_json,
            background=background,
        )
        raise typer.Exit(perform(request))

    return verb
