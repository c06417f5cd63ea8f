"""`danlu chat`: talks to the model that a run tuned, or to its base."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from danlu.cli.console.options import DEFAULT_WORKSPACE, Json, Lang, RunName, WorkspaceFolder
from danlu.errors import UsageError
from danlu.messages import t
from danlu.workspace import Workspace

Message = Annotated[str | None, typer.Option("--message", "-m", help=t("option.message"), show_default=False)]
Base = Annotated[bool, typer.Option("--base", help=t("option.base"))]
MaxNewTokens = Annotated[int, typer.Option("--max-new-tokens", min=1, help=t("option.max_new_tokens"))]
Temperature = Annotated[float, typer.Option("--temperature", min=0.0, help=t("option.temperature"))]


def chat(
    run: RunName,
    message: Message = None,
    base: Base = False,
    max_new_tokens: MaxNewTokens = 256,
    temperature: Temperature = 0.0,
    workspace: WorkspaceFolder = DEFAULT_WORKSPACE,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """One answer with `--message`, else a conversation until the end of input."""
    if as_json and message is None:
        raise UsageError("chat_json")
    from danlu.jobs.converse import converse  # brings torch

    pieces: list[str] = []
    converse(
        run,
        Workspace(workspace),
        base=base,
        message=message,
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        write=pieces.append if as_json else _write,
        read=_read,
    )
    if as_json:
        answer = {"run": run, "base": base, "message": message, "answer": "".join(pieces).strip()}
        print(json.dumps(answer, ensure_ascii=False))


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _read() -> str | None:
    """The next line the user types; None at the end of input."""
    if sys.stdin.isatty():
        sys.stderr.write(t("chat.prompt"))
        sys.stderr.flush()
    line = sys.stdin.readline()
    return line.rstrip("\n") if line else None
