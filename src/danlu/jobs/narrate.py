"""Events as plain sentences in the user's language, and how often progress deserves one; no I/O."""

from __future__ import annotations

import string
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from danlu.events import Done, Evaluated, Event, Progress, Saved, Shown, Step, Warned
from danlu.messages import catalog, current_language, has, t


class _Tolerant(string.Formatter):
    """Writes `?` for what a summary lacks, and a value as it is where its format does not fit."""

    def get_value(self, key: int | str, args: Sequence[object], kwargs: Mapping[str, object]) -> object:
        return kwargs.get(str(key))

    def format_field(self, value: object, format_spec: str) -> str:
        if value is None:
            return "?"
        try:
            return format(value, format_spec)
        except (ValueError, TypeError):
            return str(value)


def fill(key: str, params: Mapping[str, object]) -> str:
    """The catalog's sentence filled with `params`; fields beyond the sentence's are ignored, missing ones read `?`."""
    return _Tolerant().vformat(catalog()[key][current_language()], (), params)


def _fields(key: str) -> set[str]:
    """The names of the fields that the catalog's sentence wants filled."""
    return {name for _, name, _, _ in _Tolerant().parse(catalog()[key][current_language()]) if name}


def stage_title(stage: str) -> str:
    """What a stage is called; its own name where the catalog has no title."""
    key = f"stage.{stage}"
    return t(key) if has(key) else stage


def sentence(stage: str, event: Event) -> str:
    """What the event says, in one line (`Shown` has as many as its text)."""
    match event:
        case Progress():
            unit = f"unit.{event.unit}"
            return t("event.progress", done=event.done, total=event.total, unit=t(unit) if has(unit) else event.unit)
        case Step():
            return fill("event.step", asdict(event))
        case Evaluated():
            return fill("event.evaluated", {**asdict(event), "split": split_label(event.split)})
        case Saved():
            kind = f"artifact.{event.kind}"
            return t("event.saved", kind=t(kind) if has(kind) else event.kind, path=event.path)
        case Warned():
            return warning(event.reason, event.count, event.params)
        case Shown():
            return f"{shown_title(event)}\n{event.text}"
        case Done():
            return done_line(stage, event.summary, reused=event.reused)


def shown_title(event: Shown) -> str:
    """The title of something to look at: a key of the catalog under `shown.`, or the words themselves."""
    key = f"shown.{event.title}"
    return t(key) if has(key) else event.title


def warning(reason: str, count: int, params: Mapping[str, object]) -> str:
    """What was dropped, cut or looks wrong; a reason that the catalog does not know is named as it is."""
    key = f"warning.{reason}"
    if has(key):
        return fill(key, {**params, "count": count})
    details = ", ".join(f"{name}={value}" for name, value in params.items())
    return t("warning.unknown", reason=reason, count=count, details=details)


def done_line(stage: str, summary: Mapping[str, object], *, reused: bool) -> str:
    """The one line with which a stage ends; the shorter `.short` where the summary lacks what the whole one tells."""
    key = f"done.{stage}.reused" if reused else f"done.{stage}"
    params = {**summary, "figures": _figures(summary.get("splits"))}
    if has(f"{key}.short") and any(params.get(field) is None for field in _fields(key)):
        key = f"{key}.short"
    return fill(key, params) if has(key) else t("done.unknown", stage=stage)


def split_label(split: str) -> str:
    """`trained`, `learned`, `unseen` as a reader understands them."""
    key = f"split.{split}"
    return t(key) if has(key) else split


def _figures(splits: object) -> str:
    """Loss of base and tuned model per split: `never seen: loss 1.990 → 0.640; ...`."""
    if not isinstance(splits, Mapping):
        return ""
    parts = []
    for name, sides in splits.items():
        losses = [dict(sides.get(side) or {}).get("loss") for side in ("base", "tuned")]
        parts.append(fill("done.evaluate.split", {"split": split_label(name), "base": losses[0], "tuned": losses[1]}))
    return t("done.evaluate.separator").join(parts)


@dataclass(kw_only=True, slots=True)
class Pace:
    """Says when progress deserves a line: at a further tenth, and after `seconds` without one; never twice a second."""

    seconds: float = 10.0
    _tenth: int = 0
    _last: float | None = None

    def due(self, done: float, total: float, now: float | None = None) -> bool:
        """Whether `done` of `total` should be told at `now`, in seconds of any clock; by default this machine's."""
        now = time.monotonic() if now is None else now
        tenth = int(10 * done / total) if total else 0
        self._last = now if self._last is None else self._last
        waited = now - self._last
        if waited < 1 or (tenth <= self._tenth and waited < self.seconds):
            return False
        self._tenth, self._last = tenth, now
        return True
