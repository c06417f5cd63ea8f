"""The answers before and after, as a table of figures and some examples of each split."""

from __future__ import annotations

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from danlu.jobs.narrate import split_label
from danlu.messages import t

_EXAMPLES = 2
_FIGURES = {"loss": "{:.3f}", "perplexity": "{:,.1f}", "token_accuracy": "{:.0%}"}


def show_answers(results: dict) -> None:
    """Prints the figures of base and tuned model per split, then example answers, to stdout."""
    console = Console(highlight=False)
    console.print(_table(results["splits"]))
    for split in results["splits"]:
        items = [item for item in results["items"] if item["split"] == split][:_EXAMPLES]
        if items:
            console.print(split_label(split), style="bold", markup=False)
        for item in items:
            _show_item(console, item)


def _table(splits: dict[str, dict]) -> Table:
    """A row per figure, a column per split: so it fits a terminal of 80 columns."""
    table = Table(title=t("answers.title"), title_justify="left", title_style="bold", box=SIMPLE, pad_edge=False)
    table.add_column("")
    for name in splits:
        table.add_column(split_label(name), justify="right")
    sides = [(one.get("base") or {}, one.get("tuned") or {}, one.get("num_questions", 0)) for one in splits.values()]
    table.add_row(t("answers.questions"), *(str(count) for _, _, count in sides))
    for key, form in _FIGURES.items():
        cells = (f"{_figure(base, key, form)} → {_figure(tuned, key, form)}" for base, tuned, _ in sides)
        table.add_row(t(f"answers.{key}"), *cells)
    table.add_row(t("answers.exact"), *(f"{_exact(base, n)} → {_exact(tuned, n)}" for base, tuned, n in sides))
    return table


def _figure(side: dict, key: str, form: str) -> str:
    value = side.get(key)
    return "?" if value is None else form.format(value)


def _exact(side: dict, count: int) -> str:
    """A count of exact answers among so many questions; a share of them reads as a percentage."""
    value = side.get("exact")
    if value is None:
        return "?"
    return f"{value}/{count}" if isinstance(value, int) else f"{value:.0%}"


def _show_item(console: Console, item: dict) -> None:
    lines = (
        ("answers.question", item["question"], None),
        ("answers.reference", item["reference"], None),
        ("answers.base", item["base_answer"], item["base_exact"]),
        ("answers.tuned", item["tuned_answer"], item["tuned_exact"]),
    )
    for key, text, exact in lines:
        mark = {None: "", True: " ✓", False: " ✗"}[exact]
        said = " ".join(str(text).split()) or t("answers.empty")
        console.print(f"  {t(key)} {said}{mark}", markup=False, soft_wrap=True)
    console.print()
