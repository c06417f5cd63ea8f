"""What the report says, as plain values for its template: sentences, figures, answers, cards; no torch.

results.json + run + cards -> dict -> report.html.jinja, which escapes every one of them
"""

from __future__ import annotations

import base64
import json
import shlex
from pathlib import Path

from danlu.artifacts import Card, read_card
from danlu.errors import InputError
from danlu.messages import current_language, has, t
from danlu.recipe.load import dump_recipe
from danlu.types import Document
from danlu.workspace.lineage import adapter_of, base_of, dataset_of
from danlu.workspace.runs import Run
from danlu.workspace.store import Workspace

_SPLITS = ("trained", "learned", "unseen")
# How each figure is written, and whether more of it is better.
_FIGURES = {"loss": ("{:.3f}", False), "perplexity": ("{:.2f}", False), "token_accuracy": ("{:.1%}", True)}
_SHOWN_AT_ONCE = 8


def page(run: Run, workspace: Workspace, results: dict | None) -> dict[str, object]:
    """Everything on the page. What is not there yet is None, and the page says so."""
    cards = _cards(run, workspace)
    exported = run.artifacts().get("export")
    return {
        "language": "zh-CN" if current_language() == "zh" else "en",
        "t": t,
        "name": run.name,
        "headline": _headline(results),
        "verdicts": _verdicts(results),
        "curve": _curve(run, workspace),
        "rows": [_row(split, results["splits"].get(split)) for split in _SPLITS] if results else None,
        "groups": _groups(results, workspace) if results else None,
        "shown_at_once": _SHOWN_AT_ONCE,
        "warnings": [_sentence(warning) for warning in run.card().get("warnings", [])],
        "cards": cards,
        "recipe": dump_recipe(run.recipe),
        "chat": f"danlu chat {run.name} --workspace {shlex.quote(str(workspace.folder))}"
        if "adapter" in cards
        else None,
        "load": f"AutoModelForCausalLM.from_pretrained({str(workspace.folder / exported)!r})" if exported else None,
    }


def _headline(results: dict | None) -> str:
    """One sentence: exact answers before and after, split by split; the loss where nothing could be asked."""
    if not results or not results["splits"]:
        return t("report.headline.none")
    parts = []
    for split in (name for name in _SPLITS if name in results["splits"]):
        figures = results["splits"][split]
        base, tuned, count = figures["base"], figures["tuned"], figures["num_questions"]
        before, after = (f"{base['exact']}/{count}", f"{tuned['exact']}/{count}") if count else (None, None)
        parts.append(
            t(
                "report.headline.exact" if count else "report.headline.loss",
                split=t(f"split.{split}"),
                before=before or _number(base, "loss"),
                after=after or _number(tuned, "loss"),
            )
        )
    return t("report.headline", parts=t("report.headline.separator").join(parts))


def _verdicts(results: dict | None) -> list[dict[str, object]]:
    """Per split, whether the tuned model is better by its loss; said in so many words where it is worse."""
    found = []
    for split in _SPLITS:
        figures = results["splits"].get(split) if results else None
        if figures is None or figures["base"]["loss"] is None or figures["tuned"]["loss"] is None:
            continue
        better = figures["tuned"]["loss"] < figures["base"]["loss"]
        key = "report.verdict.better" if better else "report.verdict.worse"
        base, tuned = _number(figures["base"], "loss"), _number(figures["tuned"], "loss")
        found.append({"better": better, "text": t(key, split=t(f"split.{split}"), base=base, tuned=tuned)})
    return found


def _row(split: str, figures: dict | None) -> dict[str, object]:
    """A line of the table before/after; without cells where the dataset holds no such samples."""
    row: dict[str, object] = {"split": split, "label": t(f"split.{split}"), "cells": []}
    if figures is None:
        return row
    base, tuned, count = figures["base"], figures["tuned"], figures["num_questions"]
    cells = [
        {
            "base": _number(base, name),
            "tuned": _number(tuned, name),
            "better": _better(base[name], tuned[name], more_is_better),
        }
        for name, (_, more_is_better) in _FIGURES.items()
    ]
    if count:
        for name, more_is_better in (("exact", True), ("num_endless", False)):
            better = _better(base[name], tuned[name], more_is_better)
            cells.append({"base": f"{base[name]}/{count}", "tuned": f"{tuned[name]}/{count}", "better": better})
    return {**row, "samples": figures["num_samples"], "questions": count, "cells": cells}


def _better(base: float | None, tuned: float | None, more_is_better: bool) -> bool | None:
    if base is None or tuned is None or base == tuned:
        return None
    return (tuned > base) == more_is_better


def _number(side: dict, name: str) -> str:
    return "–" if side[name] is None else _FIGURES[name][0].format(side[name])


def _groups(results: dict, workspace: Workspace) -> list[dict[str, object]]:
    """The answers of each split, each with its provenance in words."""
    documents = _documents(results["items"], workspace)
    groups = []
    for split in _SPLITS:
        items = [
            {**item, "source": _source(item["provenance"], documents)}
            for item in results["items"]
            if item["split"] == split
        ]
        if items:
            groups.append({"split": split, "label": t(f"split.{split}"), "items": items})
    return groups


def _documents(items: list[dict], workspace: Workspace) -> dict[str, Document]:
    """The documents that answers come from. The database is not opened where none is named."""
    ids = sorted({item["provenance"]["document_id"] for item in items if "document_id" in item["provenance"]})
    return {document.id: document for document in workspace.rows.documents(ids)} if ids else {}


def _source(provenance: dict, documents: dict[str, Document]) -> str:
    """Title, file, page and characters, as far as they are known."""
    document = documents.get(provenance.get("document_id", ""))
    parts = [document.title, document.source] if document else [str(provenance.get("source", ""))]
    if "row" in provenance:
        parts.append(t("report.source.row", row=provenance["row"]))
    if "page" in provenance:
        parts.append(t("report.source.page", page=provenance["page"]))
    if "start_char" in provenance and "end_char" in provenance:
        start, end = provenance["start_char"], provenance["end_char"]
        parts.append(t("report.source.characters", start=start, end=end))
    return " · ".join(dict.fromkeys(part for part in parts if part))


def _curve(run: Run, workspace: Workspace) -> str | None:
    """The loss curve as a data URI, so that the page needs no other file."""
    try:
        path = adapter_of(run, workspace) / "loss_curve.png"
    except InputError:
        return None
    if not path.is_file():
        return None
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def _cards(run: Run, workspace: Workspace) -> dict[str, dict[str, object]]:
    """The cards of what this run is made of and what it made, by kind, as far as they are there."""
    folders: dict[str, Path] = {}
    exported = run.artifacts().get("export")
    try:
        folders["dataset"] = dataset_of(run, workspace).folder
        folders["base"] = _base_folder(run, workspace)
        folders["adapter"] = adapter_of(run, workspace)
    except InputError:
        pass  # the page says of what is missing that it is not there yet
    if exported:
        folders["export"] = workspace.folder / exported
    return {kind: _card(read_card(folder)) for kind, folder in folders.items()}


def _base_folder(run: Run, workspace: Workspace) -> Path:
    """The folder of the base's card; its weights may lie elsewhere."""
    recorded = run.artifacts().get("base")
    return workspace.folder / recorded if recorded else workspace.models / base_of(run, workspace).label


def _card(card: Card) -> dict[str, object]:
    details = {name: json.dumps(value, ensure_ascii=False) for name, value in card.details.items()}
    return {"name": card.name, "sha256": card.sha256, "parents": card.parents, "versions": card.versions} | {
        "details": {name: value.strip('"') for name, value in details.items()}
    }


def _sentence(warning: dict) -> str:
    """A warning of the run in the reader's language; one without a sentence is shown as it is."""
    key, params = f"warning.{warning['reason']}", dict(warning.get("params", {}))
    if has(key):
        return t(key, **{**params, "count": warning["count"]})
    details = ", ".join(f"{name}={value}" for name, value in params.items())
    return t("warning.unknown", reason=warning["reason"], count=warning["count"], details=details)
