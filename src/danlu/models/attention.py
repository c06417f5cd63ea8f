"""Attention that never crosses a sample's boundary in a packed row, as an attention implementation of transformers.

Shapes: B batch (1 for packed rows), H heads, G key-value heads, T tokens, D head size.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, PreTrainedModel

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
    **_unused: object,
) -> tuple[torch.Tensor, None]:
    """Causal attention within each segment of a packed row; returns (B, T, H, D) as transformers expects.

    `segment_starts` holds S + 1 offsets. Work grows with the sum of squared sample lengths, not with the row's square.
    """
    if not segment_starts:
        raise ValueError(f"{SEGMENTS} attention needs segment_starts; use models.attention.use(model, packed=False)")
    repeats = query_BHTD.shape[1] // key_BGTD.shape[1]
    if repeats > 1:
        key_BGTD = key_BGTD.repeat_interleave(repeats, dim=1)
        value_BGTD = value_BGTD.repeat_interleave(repeats, dim=1)
    pieces = [
        scaled_dot_product_attention(
            query_BHTD[:, :, start:end],
            key_BGTD[:, :, start:end],
            value_BGTD[:, :, start:end],
            dropout_p=dropout,
            is_causal=True,
            scale=scaling,
        )
        for start, end in zip(segment_starts[:-1], segment_starts[1:], strict=True)
    ]
    return torch.cat(pieces, dim=2).transpose(1, 2).contiguous(), None


AttentionInterface.register(SEGMENTS, segment_attention)


def use(model: PreTrainedModel, *, packed: bool) -> None:
    """Sets the model to packed rows (training, scoring), or to padded batches with a cache (generation)."""
    wanted = SEGMENTS if packed else "sdpa"
    if model.config._attn_implementation != wanted:
        model.set_attn_implementation(wanted)
