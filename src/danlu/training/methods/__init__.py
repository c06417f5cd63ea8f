"""Training methods, one file each: which samples it eats, how they become tokens, and its loss as a sum."""

from __future__ import annotations

from danlu.training.methods.method import Method
from danlu.training.methods.pretrain import PRETRAIN
from danlu.training.methods.sft import SFT

METHODS: dict[str, Method] = {"sft": SFT, "pretrain": PRETRAIN}

__all__ = ["METHODS", "Method"]
