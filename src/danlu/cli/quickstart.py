"""`danlu quickstart`: the whole way on the documents that ship with Danlu; no network, no key, no GPU."""

from __future__ import annotations

from importlib.resources import as_file, files

import typer

from danlu.cli.console.display import say
from danlu.cli.console.options import DEFAULT_WORKSPACE, Json, Lang, WorkspaceFolder
from danlu.cli.console.perform import Request, perform
from danlu.messages import t


def quickstart(workspace: WorkspaceFolder = DEFAULT_WORKSPACE, lang: Lang = None, as_json: Json = False) -> None:
    """Runs the built-in recipe. The language was set before this file was loaded."""
    say(t("quickstart.greeting"))
    say(t("quickstart.plan", workspace=workspace))
    with as_file(files("danlu")) as package:
        recipe = package / "quickstart" / "recipe.yaml"
        request = Request(target=str(recipe), overrides=[], workspace=workspace, as_json=as_json)
        code = perform(request)
    if code == 0 and not as_json:
        print(t("quickstart.next", recipe=recipe))
    raise typer.Exit(code)
