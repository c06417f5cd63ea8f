"""Data parallel by hand: every rank holds the model, gradients of the trained weights are summed once a step.

The loss is already divided by the count of the whole step, so the sum over ranks is the gradient that one process would
have had. Only trained weights travel: for LoRA that is a hundredth of the model.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """How many processes train together, and which one this is; rank 0 speaks and writes."""

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes events and files."""
        return self.rank == 0

    def sum_gradients(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Replaces every gradient by its sum over the ranks; a rank without samples adds zero."""
        if self.size == 1:
            return
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = torch.cat([grad.reshape(-1).float() for grad in grads])
        dist.all_reduce(flat)
        start = 0
        for parameter, grad in zip(parameters, grads, strict=True):
            piece = flat[start : start + grad.numel()].view_as(grad).to(grad.dtype)
            parameter.grad = piece
            start += grad.numel()

    def sum(self, value: float) -> float:
        """The sum of a number over the ranks."""
        if self.size == 1:
            return value
        total = torch.tensor([value], dtype=torch.float64)
        dist.all_reduce(total)
        return float(total.item())

    def any(self, value: bool) -> bool:
        """Whether any rank says yes, so that all act alike."""
        return self.sum(float(value)) > 0


def join_world() -> World:
    """The world that the environment describes (RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT), or one process alone."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return World()
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(backend, timeout=timedelta(minutes=10))
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    return World(rank=dist.get_rank(), size=size)
