"""The arguments and options that verbs share, with their help in the language of this process."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from danlu.messages import t


class LanguageChoice(StrEnum):
    """The languages of the catalog."""

    en = "en"
    zh = "zh"


Target = Annotated[str, typer.Argument(metavar="RECIPE_OR_RUN", help=t("option.target"), show_default=False)]
Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="key.sub=value", help=t("option.overrides"), show_default=False)
]
WorkspaceFolder = Annotated[
    Path, typer.Option("--workspace", metavar="DIR", envvar="DANLU_WORKSPACE", help=t("option.workspace"))
]
Lang = Annotated[LanguageChoice | None, typer.Option("--lang", help=t("option.lang"), show_default=False)]
Json = Annotated[bool, typer.Option("--json", help=t("option.json"))]
Background = Annotated[bool, typer.Option("--background", help=t("option.background"))]
RunName = Annotated[str, typer.Argument(metavar="RUN", help=t("option.run"), show_default=False)]

DEFAULT_WORKSPACE = Path("danlu-workspace")
