"""What a stage says while it works: typed events, and their one-line JSON form; no torch, no I/O.

A stage is `verb(run, workspace, stop) -> Iterator[Event]`. The command line prints events, `jobs` writes them to
`events.jsonl`, the studio streams them; nobody registers a callback.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a stage is: `done` of `total` units (a key of the message catalog: `files`, `chunks`, `steps`...)."""

    done: int
    total: int
    unit: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One optimizer step. `loss` is the mean over the step's `num_tokens` trained tokens, over all ranks, in nats."""

    step: int
    total_steps: int
    loss: float
    learning_rate: float
    grad_norm: float
    num_tokens: int
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluated:
    """Held-out figures at a step: mean loss in nats a token, and the fraction of tokens guessed right."""

    step: int
    split: str
    loss: float
    token_accuracy: float
    num_tokens: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Saved:
    """Something is on disk, whole: `kind` is checkpoint, dataset, model, adapter, export, report or picture."""

    kind: str
    path: str
    sha256: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Warned:
    """Something was dropped, cut, changed or looks wrong: how many, and why (a key of the catalog under `warning.`)."""

    reason: str
    count: int
    params: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """Something to look at while the run goes on, such as one sample with its trained tokens marked."""

    title: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """The stage ended well. `summary` fills the catalog's line `done.STAGE`; `reused` says nothing had to be done."""

    stage: str
    reused: bool = False
    summary: dict[str, object] = field(default_factory=dict)


Event = Progress | Step | Evaluated | Saved | Warned | Shown | Done

_KINDS: dict[str, type] = {
    "progress": Progress,
    "step": Step,
    "evaluated": Evaluated,
    "saved": Saved,
    "warned": Warned,
    "shown": Shown,
    "done": Done,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def to_json(event: Event) -> str:
    """One line of JSON, its `event` field naming the kind. `from_json(to_json(e)) == e`."""
    return json.dumps({"event": _NAMES[type(event)], **asdict(event)}, ensure_ascii=False)


def from_json(line: str) -> Event:
    """The event that `to_json` wrote; fields added around it by the recorder (time, stage) are ignored."""
    data = json.loads(line)
    kind = _KINDS[data["event"]]
    return kind(**{name: data[name] for name in kind.__dataclass_fields__ if name in data})
