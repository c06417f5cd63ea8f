"""What every method is: a name, the samples it eats, and functions from samples to tokens to a summed loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

from danlu.text.collate import PackedBatch
from danlu.text.render import Renderer, TokenizedSample
from danlu.types import Sample


@dataclass(frozen=True, kw_only=True, slots=True)
class Method:
    """A way to learn from samples.

    `eats` is the kind of sample; `tokenize(renderer, sample, max_length)` gives its tokens; `count(sample)` says over
    how many tokens the loss is a mean; `loss(model, batch)` is the SUM over a batch and the number guessed right. The
    loop divides once, by the count of the whole step, so no batch split can change the result.
    """

    name: str
    eats: str
    tokenize: Callable[[Renderer, Sample, int], list[TokenizedSample]]
    count: Callable[[TokenizedSample], int]
    loss: Callable[[PreTrainedModel, PackedBatch], tuple[torch.Tensor, torch.Tensor]]
