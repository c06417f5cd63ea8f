"""Cross-entropy of a linear head without the full logits: chunks of rows, gradients found on the way forward.

Loss of row n with target t: logsumexp(h_n W^T) - h_n w_t. Its gradient is (softmax(h_n W^T) - onehot(t)) W for h_n and
the outer product with h_n for W, so one chunk of logits is enough for both, and a frozen head costs two products.
Shapes: N rows, D hidden size, V vocabulary.
"""

from __future__ import annotations

import torch
from torch.nn.functional import cross_entropy

from danlu.text.collate import IGNORED

# Logits alive at once: 0.27 GB in fp32, such as 671 rows of a vocabulary of 100,000.
_CHUNK_LOGITS = 64 * 1024 * 1024


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, hidden_ND, weight_VD, targets_N, with_grad):  # noqa: ANN001, ANN205 - torch's own signature
        rows = max(1, _CHUNK_LOGITS // weight_VD.shape[0])
        weight = weight_VD.to(hidden_ND.dtype)
        loss = torch.zeros((), dtype=torch.float32, device=hidden_ND.device)
        correct = torch.zeros((), dtype=torch.int64, device=hidden_ND.device)
        grad_hidden = torch.empty_like(hidden_ND) if with_grad else None
        grad_weight = None
        if with_grad and weight_VD.requires_grad:
            grad_weight = torch.zeros_like(weight_VD, dtype=torch.float32)
        for start in range(0, hidden_ND.shape[0], rows):
            chunk, targets = hidden_ND[start : start + rows], targets_N[start : start + rows]
            logits = (chunk @ weight.T).float()
            log_sum = torch.logsumexp(logits, dim=-1)
            loss += (log_sum - logits.gather(1, targets[:, None])[:, 0]).sum()
            correct += (logits.argmax(-1) == targets).sum()
            if with_grad:
                error = torch.exp(logits.sub_(log_sum[:, None]))
                error[torch.arange(len(targets), device=error.device), targets] -= 1
                error = error.to(hidden_ND.dtype)
                grad_hidden[start : start + rows] = error @ weight
                if grad_weight is not None:
                    grad_weight += (error.T @ chunk).float()
        ctx.save_for_backward(grad_hidden, grad_weight)
        ctx.weight_dtype = weight_VD.dtype
        ctx.mark_non_differentiable(correct)
        return loss, correct

    @staticmethod
    def backward(ctx, grad_loss, _grad_correct):  # noqa: ANN001, ANN205 - torch's own signature
        grad_hidden, grad_weight = ctx.saved_tensors
        if grad_weight is not None:
            grad_weight = (grad_weight * grad_loss).to(ctx.weight_dtype)
        return (grad_hidden * grad_loss).to(grad_hidden.dtype), grad_weight, None, None


def linear_cross_entropy(
    hidden_TD: torch.Tensor, weight_VD: torch.Tensor, targets_T: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The summed loss in nats over targets that are not IGNORED, and how many of them the head guesses right.

    Rows without a target are removed before the head. Logits, their softmax and the sum are fp32 whatever the inputs.
    """
    kept = targets_T != IGNORED
    hidden = hidden_TD[kept]
    if torch.is_autocast_enabled(hidden.device.type):
        hidden = hidden.to(torch.get_autocast_dtype(hidden.device.type))
    with torch.autocast(hidden.device.type, enabled=False):
        return _LinearCrossEntropy.apply(hidden, weight_VD, targets_T[kept], torch.is_grad_enabled())


def reference(
    hidden_TD: torch.Tensor, weight_VD: torch.Tensor, targets_T: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same by full logits; what the kernel is tested against."""
    logits = (hidden_TD @ weight_VD.T).float()
    correct = (logits.argmax(-1) == targets_T) & (targets_T != IGNORED)
    return cross_entropy(logits, targets_T, ignore_index=IGNORED, reduction="sum"), correct.sum()
