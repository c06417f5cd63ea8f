"""Continued pretraining: cross-entropy on every token of plain text, in windows that lose none."""

from __future__ import annotations

from danlu.models.score import packed_loss
from danlu.text.render import Renderer, TokenizedSample
from danlu.training.methods.method import Method
from danlu.types import TextSample


def _tokenize(renderer: Renderer, sample: TextSample, max_length: int) -> list[TokenizedSample]:
    return renderer.text(sample, max_length)


PRETRAIN = Method(
    name="pretrain", eats="text", tokenize=_tokenize, count=lambda sample: sample.num_targets, loss=packed_loss
)
