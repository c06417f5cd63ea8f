"""Which samples a step trains and at which learning rate: pure functions of the step, so nothing need be saved."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class StepOrder:
    """Deals `num_samples` in a fresh shuffle every epoch, `samples_per_step` at a time; an epoch's last step may be
    smaller, no step crosses an epoch's end, and no sample is left out.
    """

    num_samples: int
    samples_per_step: int
    seed: int

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps in one pass."""
        return math.ceil(self.num_samples / self.samples_per_step)

    def indices(self, step: int) -> list[int]:
        """The samples of a step, counted from 0."""
        epoch, place = divmod(step, self.steps_per_epoch)
        order = list(range(self.num_samples))
        random.Random(f"{self.seed}/{epoch}").shuffle(order)
        return order[place * self.samples_per_step : (place + 1) * self.samples_per_step]


def learning_rate_at(step: int, *, total_steps: int, peak: float, warmup_fraction: float, schedule: str) -> float:
    """The rate of a step counted from 0: a line up over the warm-up, then constant, a line or a cosine down to zero."""
    warmup = math.ceil(total_steps * warmup_fraction)
    if step < warmup:
        return peak * (step + 1) / warmup
    done = (step - warmup) / max(1, total_steps - warmup)
    if schedule == "cosine":
        return peak * 0.5 * (1 + math.cos(math.pi * done))
    if schedule == "linear":
        return peak * (1 - done)
    return peak
