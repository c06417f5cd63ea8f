"""AdamW over the trained weights: matrices decay, vectors do not (Loshchilov and Hutter 2019, arXiv:1711.05101)."""

from __future__ import annotations

import torch

from danlu.recipe.train import TrainKnobs


def build_optimizer(model: torch.nn.Module, knobs: TrainKnobs) -> torch.optim.AdamW:
    """An optimizer for the weights that require a gradient; no state for any other."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.dim() >= 2], "weight_decay": knobs.weight_decay},
        {"params": [p for p in trained if p.dim() < 2], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    return torch.optim.AdamW(groups, lr=knobs.learning_rate, betas=(0.9, 0.999), eps=1e-8, fused=True)


def clip_gradients(parameters: list[torch.nn.Parameter], max_norm: float) -> float:
    """Scales the gradients down to `max_norm` (0 leaves them) and returns the norm they had."""
    norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
    if max_norm > 0:
        torch.nn.utils.clip_grads_with_norm_(parameters, max_norm, norm)
    return float(norm)
