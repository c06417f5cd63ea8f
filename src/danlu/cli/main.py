"""The command `danlu`: finds the verb, loads that one alone, and turns errors into one message and an exit code.

`danlu --help` shows every verb without importing any of them. 0 fine, 1 ran and failed, 2 usage or recipe mistake,
130 and 143 stopped by a signal. A bug shows its traceback.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module

import typer

from danlu import __version__
from danlu.errors import DanluError
from danlu.messages import set_language, t

Verb = Callable[..., None]

VERBS: dict[str, str | dict[str, str]] = {
    "quickstart": "danlu.cli.quickstart:quickstart",
    "run": "danlu.cli.run:run",
    "ingest": "danlu.cli.ingest:ingest",
    "synthesize": "danlu.cli.synthesize:synthesize",
    "train": "danlu.cli.train:train",
    "evaluate": "danlu.cli.evaluate:evaluate",
    "export": "danlu.cli.export:export",
    "chat": "danlu.cli.chat:chat",
    "runs": {
        "list": "danlu.cli.runs:list_all",
        "logs": "danlu.cli.runs:logs",
        "stop": "danlu.cli.runs:stop",
    },
    "knobs": "danlu.cli.knobs:knobs",
}
# Which knobs a verb's --help ends with.
KNOBS: dict[str, tuple[str, ...]] = {
    "ingest": ("documents",),
    "synthesize": ("synthesize", "dataset"),
    "train": ("model", "train"),
    "evaluate": ("evaluate",),
    "export": ("export",),
}
_TRIAL_ROWS = "100"


def main(argv: list[str] | None = None) -> None:
    """Runs one command and leaves the process with its exit code."""
    argv = _with_trial_rows(sys.argv[1:] if argv is None else argv)
    _leave_on_signals()
    _write_any_character()
    _set_language_from(argv)
    try:
        _command_line(argv)(argv, prog_name="danlu")
    except (DanluError, OSError) as error:
        from danlu.artifacts import as_disk_error
        from danlu.cli.console.results import failure

        known = error if isinstance(error, DanluError) else as_disk_error(error)
        if known is None:
            raise
        sys.exit(failure(known, as_json="--json" in argv))


def _command_line(argv: list[str]) -> typer.Typer:
    """Every verb by name and sentence; only the one that `argv` asks for is loaded."""
    wanted = _verb_in(argv)
    app = _group("cli.about")
    app.callback()(_common)
    for name, target in VERBS.items():
        if isinstance(target, dict) and name == wanted:
            inner = _group(f"verb.{name}")
            for action, function in target.items():
                inner.command(action, **_about(f"verb.{name}.{action}"))(_load(function))
            app.add_typer(inner, name=name)
        elif isinstance(target, str) and name == wanted:
            app.command(name, **_about(f"verb.{name}"), epilog=_knobs_for(name, argv))(_load(target))
        else:
            app.command(name, **_about(f"verb.{name}"))(_not_loaded)
    return app


def _about(key: str) -> dict[str, str]:
    """A verb's sentence, whole also in the list of verbs."""
    return {"help": t(key), "short_help": t(key)}


def _group(help_key: str) -> typer.Typer:
    # rich's help pages take twice as long to appear, and tracebacks of bugs are to be shown as they are.
    return typer.Typer(
        help=t(help_key),
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"danlu {__version__}")
        raise typer.Exit


def _common(
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, hidden=True),
    lang: str = typer.Option("", "--lang", metavar="en|zh", hidden=True),
) -> None:
    """Options that may stand before the verb; the language was read from the arguments already."""


def _load(target: str) -> Verb:
    module, _, function = target.partition(":")
    return getattr(import_module(module), function)


def _not_loaded() -> None:
    """Stands for a verb that this command line did not ask for."""


def _verb_in(argv: list[str]) -> str:
    """The first argument that names a verb; empty where there is none."""
    before = ""
    for argument in argv:
        if argument in VERBS and before != "--lang":
            return argument
        before = argument
    return ""


def _knobs_for(verb: str, argv: list[str]) -> str | None:
    """The knobs that a verb obeys, for its --help alone: the schema takes a while to import."""
    if verb not in KNOBS or not {"--help", "-h"} & set(argv):
        return None
    from danlu.cli.knobs import paragraphs

    return "\n\n".join([t("knobs.heading"), *paragraphs(KNOBS[verb])])


def _with_trial_rows(argv: list[str]) -> list[str]:
    """`--trial` may stand without a number: its default is put behind it, so that what follows stays its own."""
    result = []
    for position, argument in enumerate(argv):
        result.append(argument)
        following = argv[position + 1] if position + 1 < len(argv) else ""
        if argument == "--trial" and not following.isdigit():
            result.append(_TRIAL_ROWS)
    return result


def _set_language_from(argv: list[str]) -> None:
    """Before any help text is made. A language that is neither is explained by the option itself."""
    for position, argument in enumerate(argv):
        value = argument.partition("=")[2] if argument.startswith("--lang=") else ""
        if argument == "--lang" and position + 1 < len(argv):
            value = argv[position + 1]
        if value in ("en", "zh"):
            set_language(value)
            os.environ["DANLU_LANG"] = value


def _leave_on_signals() -> None:
    """Outside a run there is nothing to save: a signal ends the process with the shell's code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _frame: sys.exit(128 + received))


def _write_any_character() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    main()
