"""Attention that never crosses a sample's boundary in a packed row, as an attention implementation of transformers.

Shapes: B batch (1 for packed rows), H heads, G key-value heads, T tokens, D head size.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, PreTrainedModel

from danlu.errors import ModelError

SEGMENTS = "danlu_segments"


def segment_attention(
    module: torch.nn.Module,
    query_BHTD: torch.Tensor,
    key_BGTD: torch.Tensor,
    value_BGTD: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    segment_starts: Sequence[int] = (),
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    **_unused: object,
) -> tuple[torch.Tensor, None]:
    """Causal attention within each segment of a packed row; returns (B, T, H, D) as transformers expects.

    `segment_starts` holds S + 1 offsets. Work grows with the sum of squared sample lengths, not with the row's square.
    With `sliding_window` a token sees itself and the window - 1 tokens before it. Raises ModelError where the model
    caps its scores (`softcap`) or has sinks (`s_aux`): those are not computed here.
    """
    for name, asked in (("softcap", softcap), ("s_aux", s_aux)):
        if asked is not None:
            raise ModelError("attention_unsupported", name=name)
    if not segment_starts:
        raise ValueError(f"{SEGMENTS} attention needs segment_starts; use models.attention.use(model, packed=False)")
    repeats = query_BHTD.shape[1] // key_BGTD.shape[1]
    if repeats > 1:
        key_BGTD = key_BGTD.repeat_interleave(repeats, dim=1)
        value_BGTD = value_BGTD.repeat_interleave(repeats, dim=1)
    pieces = []
    for start, end in pairwise(segment_starts):
        band = _band(end - start, sliding_window, query_BHTD.device)
        piece = scaled_dot_product_attention(
            query_BHTD[:, :, start:end],
            key_BGTD[:, :, start:end],
            value_BGTD[:, :, start:end],
            attn_mask=band,
            dropout_p=dropout,
            is_causal=band is None,
            scale=scaling,
        )
        pieces.append(piece)
    return torch.cat(pieces, dim=2).transpose(1, 2).contiguous(), None


def _band(length: int, window: int | None, device: torch.device) -> torch.Tensor | None:
    """True where a token may look, (T, T); None where the window reaches over the whole segment."""
    if window is None or length <= window:
        return None
    return torch.ones(length, length, dtype=torch.bool, device=device).tril().triu(1 - window)


AttentionInterface.register(SEGMENTS, segment_attention)


def use(model: PreTrainedModel, *, packed: bool) -> None:
    """Sets the model to packed rows (training, scoring), or to padded batches with a cache (generation)."""
    wanted = SEGMENTS if packed else "sdpa"
    if model.config._attn_implementation != wanted:
        model.set_attn_implementation(wanted)
