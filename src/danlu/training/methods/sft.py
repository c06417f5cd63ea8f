"""Supervised fine-tuning: cross-entropy on what the assistant says, its end of turn included."""

from __future__ import annotations

from danlu.models.score import packed_loss
from danlu.text.render import Renderer, TokenizedSample
from danlu.training.methods.method import Method
from danlu.types import ChatSample


def _tokenize(renderer: Renderer, sample: ChatSample, _max_length: int) -> list[TokenizedSample]:
    return [renderer.chat(sample)]


SFT = Method(name="sft", eats="chat", tokenize=_tokenize, count=lambda sample: sample.num_targets, loss=packed_loss)
