"""Checks that an export says what base and adapter say: the same token ids, and logits within a bound.

prompts -> base + adapter, fp32 -> logits      the export, by plain transformers, fp32 -> logits      |difference|
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from danlu.errors import ModelError
from danlu.hardware.device import pick_device
from danlu.models import attention
from danlu.models.load import load_tokenizer
from danlu.models.tuned import load_tuned
from danlu.text.render import Renderer
from danlu.types import ChatSample, Message, Sample, TextSample

_NUM_PROMPTS, _TOKENS_PER_PROMPT = 4, 128
# Weights in fp32 are merged exactly up to rounding in the last place. Half-precision weights are rounded once more by
# the merge itself: there the difference is held against the largest logit.
_ABSOLUTE_BOUND = 1e-4
_RELATIVE_BOUNDS = {"BF16": 3e-2, "F16": 1e-2}


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """The largest difference of two logits, the largest logit, and the bound (relative to that, where `relative`)."""

    max_difference: float
    max_logit: float
    bound: float
    relative: bool

    @property
    def holds(self) -> bool:
        """Whether the bound is kept; a NaN keeps none."""
        return self.max_difference <= self.bound * (self.max_logit if self.relative else 1.0)


def prompts_of(samples: Sequence[Sample]) -> list[tuple[Message, ...]]:
    """A few real prompts: a dialogue up to its first answer, or a text."""
    found: list[tuple[Message, ...]] = []
    for sample in samples[:_NUM_PROMPTS]:
        if isinstance(sample, ChatSample):
            found.append(tuple(takewhile(lambda message: message.role != "assistant", sample.messages)))
        elif isinstance(sample, TextSample):
            found.append((Message(role="user", content=sample.text),))
    return found or [(Message(role="user", content="?"),)]


def _ids(renderer: Renderer, messages: Sequence[Message]) -> list[int]:
    """A prompt as tokens; for a model without a chat template its bare text, as pretraining met it."""
    if renderer.tokenizer.chat_template:
        return renderer.prompt(messages)
    return renderer.encode(renderer.as_data("\n".join(message.content for message in messages)))


def compare(
    base: Path, adapter: Path, export: Path, prompts: Sequence[tuple[Message, ...]], *, weights: str
) -> Agreement:
    """Compares, one model in memory at a time; `weights` is the dtype on disk, as safetensors names it.

    Raises ModelError where ids or logits differ by more than they may.
    """
    before, after = Renderer(load_tokenizer(base)), Renderer(load_tokenizer(export))
    ids = [_ids(before, messages) for messages in prompts]
    if ids != [_ids(after, messages) for messages in prompts]:
        raise ModelError("export_tokens_differ", where=str(export))
    ids = [prompt[:_TOKENS_PER_PROMPT] for prompt in ids]
    device = pick_device()
    tuned = load_tuned(base, adapter, dtype=torch.float32, device=device)
    attention.use(tuned, packed=False)
    expected = _logits(tuned, ids)
    del tuned
    found = _logits(_load_plain(export, device), ids)
    agreement = Agreement(
        max_difference=_largest([a - b for a, b in zip(expected, found, strict=True)]),
        max_logit=_largest(expected),
        bound=_RELATIVE_BOUNDS.get(weights, _ABSOLUTE_BOUND),
        relative=weights in _RELATIVE_BOUNDS,
    )
    if not agreement.holds:
        allowed = agreement.bound * (agreement.max_logit if agreement.relative else 1.0)
        raise ModelError(
            "export_differs",
            where=str(export),
            difference=f"{agreement.max_difference:.2e}",
            allowed=f"{allowed:.2e}",
        )
    return agreement


def _largest(parts: Sequence[torch.Tensor]) -> float:
    """The largest absolute value; NaN where any is NaN (Python's own max would pass over it)."""
    return float(torch.stack([part.abs().max() for part in parts]).max())


def _load_plain(folder: Path, device: torch.device) -> PreTrainedModel:
    """The export as any other tool would load it."""
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="sdpa", local_files_only=True, use_safetensors=True
    )
    return model.to(device).eval()


@torch.inference_mode()
def _logits(model: PreTrainedModel, prompts: Sequence[Sequence[int]]) -> list[torch.Tensor]:
    """Logits (T, V) of each prompt, on the CPU."""
    rows = (torch.tensor([list(prompt)], device=model.device) for prompt in prompts)
    return [model(input_ids=ids).logits[0].float().cpu() for ids in rows]
