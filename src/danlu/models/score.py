"""Loss on packed samples, one piece for training, held-out figures and evaluation; never the full logits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

from danlu.kernels.linear_cross_entropy import linear_cross_entropy
from danlu.models import attention
from danlu.text.collate import PackedBatch, collate
from danlu.text.pack import pack
from danlu.text.render import TokenizedSample


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """Sums over the trained tokens of some samples: loss in nats, tokens, and tokens guessed right."""

    loss_sum: float
    num_tokens: int
    num_correct: int

    @property
    def loss(self) -> float:
        """Mean loss in nats a token; NaN without tokens."""
        return self.loss_sum / self.num_tokens if self.num_tokens else math.nan

    @property
    def perplexity(self) -> float:
        """exp(loss); infinite where that overflows."""
        return math.exp(self.loss) if self.loss < 700 else math.inf

    @property
    def token_accuracy(self) -> float:
        """Share of tokens guessed right."""
        return self.num_correct / self.num_tokens if self.num_tokens else math.nan


def packed_loss(model: PreTrainedModel, batch: PackedBatch) -> tuple[torch.Tensor, torch.Tensor]:
    """The summed loss of a packed batch and the number of targets guessed right, as tensors on the model's device."""
    hidden_BTD = model.get_decoder()(
        input_ids=batch.ids_T[None],
        position_ids=batch.positions_T[None],
        segment_starts=batch.segment_starts,
        use_cache=False,
    )[0]
    return linear_cross_entropy(hidden_BTD[0], model.get_output_embeddings().weight, batch.targets_T)


@torch.no_grad()
def score(
    model: PreTrainedModel, samples: Sequence[TokenizedSample], *, budget: int, dtype: torch.dtype | None = None
) -> Score:
    """The score of samples, packed into rows of at most `budget` tokens; under autocast of `dtype` if one is given."""
    attention.use(model, packed=True)
    was_training = model.training
    model.eval()
    device = model.device
    loss_sum, num_correct = 0.0, 0
    for indices in pack([len(sample.ids_T) for sample in samples], budget):
        batch = collate([samples[index] for index in indices]).to(device)
        with torch.autocast(device.type, dtype=dtype, enabled=dtype is not None):
            loss, correct = packed_loss(model, batch)
        loss_sum += loss.item()
        num_correct += int(correct.item())
    model.train(was_training)
    return Score(loss_sum=loss_sum, num_tokens=sum(sample.num_targets for sample in samples), num_correct=num_correct)
