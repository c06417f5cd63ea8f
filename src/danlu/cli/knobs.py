"""`danlu knobs`: every knob of a recipe with its type, default and sentence, from the schema."""

from __future__ import annotations

import difflib
import json
import shutil
import textwrap
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated

import typer

from danlu.cli.console.options import DEFAULT_WORKSPACE, Json, Lang, WorkspaceFolder
from danlu.errors import UsageError
from danlu.messages import t
from danlu.recipe.reference import Knob
from danlu.recipe.reference import knobs as knobs_of

Prefix = Annotated[str, typer.Argument(metavar="PREFIX", help=t("option.prefix"), show_default=False)]


def knobs(
    prefix: Prefix = "", workspace: WorkspaceFolder = DEFAULT_WORKSPACE, lang: Lang = None, as_json: Json = False
) -> None:
    """Prints the knobs whose key starts with `prefix`. No workspace is read; the option is every verb's."""
    found = knobs_of(prefix)
    if not found:
        keys = [knob.key for knob in knobs_of()]
        groups = {key.rpartition(".")[0] for key in keys} - {""}
        near = difflib.get_close_matches(prefix, [*keys, *groups], n=1, cutoff=0.4)
        raise UsageError("knob_unknown_near" if near else "knob_unknown", name=prefix, near=near[0] if near else "")
    if as_json:
        print(json.dumps({"knobs": [asdict(knob) for knob in found]}, ensure_ascii=False))
        return
    print("\n".join("\n".join(lines(knob)) for knob in found))


def lines(knob: Knob) -> list[str]:
    """A knob as its key, type and default, and beneath it what it does."""
    default = f" = {knob.default}" if knob.default else ""
    width = max(40, shutil.get_terminal_size().columns - 8)
    return [f"{knob.key}: {knob.type}{default}", *(f"    {line}" for line in textwrap.wrap(knob.description, width))]


def paragraphs(sections: Iterable[str]) -> list[str]:
    r"""The knobs of some sections as paragraphs of a help page; `\b` keeps their line breaks."""
    return ["\b\n" + "\n".join(lines(knob)) for section in sections for knob in knobs_of(section)]
