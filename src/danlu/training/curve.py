"""Draws the loss curve of a run from its events, as a PNG beside the adapter."""

from __future__ import annotations

import json
from pathlib import Path


def read_curve(events: Path, stage: str = "train") -> tuple[dict[int, float], dict[int, float]]:
    """Training loss and validation loss by step; of a step that was repeated after a kill the last counts."""
    training: dict[int, float] = {}
    validation: dict[int, float] = {}
    if not events.exists():
        return training, validation
    for line in events.read_text(encoding="utf-8").split("\n"):  # splitlines would also split at U+2028
        data = json.loads(line) if line.endswith("}") else {}
        if data.get("stage") != stage:
            continue
        if data["event"] == "step":
            training[data["step"]] = data["loss"]
        elif data["event"] == "evaluated":
            validation[data["step"]] = data["loss"]
    return training, validation


def draw_curve(events: Path, target: Path, *, title: str) -> None:
    """Writes the picture; an empty diagram where no event was recorded."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    training, validation = read_curve(events)
    figure, axes = pyplot.subplots(figsize=(7, 4), dpi=110)
    axes.plot(list(training), list(training.values()), color="#9bb7d4", linewidth=1, label="training loss")
    axes.plot(list(training), _smooth(list(training.values())), color="#1f5fa8", label="training loss, smoothed")
    if validation:
        axes.plot(list(validation), list(validation.values()), "o-", color="#c2571a", label="validation loss")
    axes.set(xlabel="step", ylabel="loss (nats per token)", title=title)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(target)
    pyplot.close(figure)


def _smooth(values: list[float], weight: float = 0.9) -> list[float]:
    """An exponential mean, started at the first value."""
    smoothed: list[float] = []
    for value in values:
        smoothed.append(value if not smoothed else weight * smoothed[-1] + (1 - weight) * value)
    return smoothed
