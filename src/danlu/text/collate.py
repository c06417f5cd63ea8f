"""Packed samples as tensors: ids, targets shifted here and nowhere else, positions that restart, segment starts.

Shapes: T tokens of all samples of a batch in a row, S samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from danlu.text.render import TokenizedSample

IGNORED = -100


@dataclass(frozen=True, kw_only=True, slots=True)
class PackedBatch:
    """A row of samples without padding.

    `ids_T`; `targets_T`, the next token of the same sample where it is trained, else IGNORED; `positions_T`, from 0 in
    every sample; `segment_starts`, S + 1 offsets, so that sample s is `ids_T[segment_starts[s]:segment_starts[s + 1]]`.
    """

    ids_T: torch.Tensor
    targets_T: torch.Tensor
    positions_T: torch.Tensor
    segment_starts: tuple[int, ...]

    def to(self, device: torch.device) -> PackedBatch:
        """The batch on a device."""
        return PackedBatch(
            ids_T=self.ids_T.to(device, non_blocking=True),
            targets_T=self.targets_T.to(device, non_blocking=True),
            positions_T=self.positions_T.to(device, non_blocking=True),
            segment_starts=self.segment_starts,
        )


def collate(samples: Sequence[TokenizedSample]) -> PackedBatch:
    """One batch of these samples, in their order.

    For samples [a b c] and [d e] with every token trained the targets are [b c - e -].
    """
    ids = np.concatenate([sample.ids_T for sample in samples]).astype(np.int64)
    targets = np.full(len(ids), IGNORED, dtype=np.int64)
    positions = np.empty(len(ids), dtype=np.int64)
    starts = [0]
    for sample in samples:
        start, end = starts[-1], starts[-1] + len(sample.ids_T)
        trained = sample.loss_mask_T[1:]
        targets[start : end - 1][trained] = sample.ids_T[1:][trained]
        positions[start:end] = np.arange(end - start)
        starts.append(end)
    return PackedBatch(
        ids_T=torch.from_numpy(ids),
        targets_T=torch.from_numpy(targets),
        positions_T=torch.from_numpy(positions),
        segment_starts=tuple(starts),
    )
