"""The chunked head against full logits."""

from __future__ import annotations

import torch

from danlu.kernels import linear_cross_entropy as kernel
from danlu.text.collate import IGNORED


def _inputs(dtype=torch.float64):
    torch.manual_seed(0)
    hidden = torch.randn(50, 16, dtype=dtype, requires_grad=True)
    weight = torch.randn(300, 16, dtype=dtype, requires_grad=True)
    targets = torch.randint(0, 300, (50,))
    targets[::3] = IGNORED
    return hidden, weight, targets


def test_loss_and_gradients_equal_full_logits_whatever_the_chunk(monkeypatch):
    hidden, weight, targets = _inputs(torch.float32)
    expected, correct = kernel.reference(hidden, weight, targets)
    expected_grads = torch.autograd.grad(expected / 7, [hidden, weight])
    for chunk in (300, 300 * 7, 300 * 1000):
        monkeypatch.setattr(kernel, "_CHUNK_LOGITS", chunk)
        loss, found = kernel.linear_cross_entropy(hidden, weight, targets)
        grads = torch.autograd.grad(loss / 7, [hidden, weight])
        torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-4)
        for grad, other in zip(grads, expected_grads, strict=True):
            torch.testing.assert_close(grad, other, rtol=1e-4, atol=1e-5)
        assert found == correct


def test_a_frozen_head_gets_no_gradient():
    hidden, weight, targets = _inputs(torch.float32)
    frozen = weight.detach()
    loss, _ = kernel.linear_cross_entropy(hidden, frozen, targets)
    loss.backward()
    assert hidden.grad is not None and frozen.grad is None


def test_no_gradient_is_computed_when_none_is_wanted():
    hidden, weight, targets = _inputs(torch.float32)
    with torch.no_grad():
        loss, _ = kernel.linear_cross_entropy(hidden, weight, targets)
    assert not loss.requires_grad


def test_a_batch_without_targets_has_zero_loss():
    hidden, weight, _ = _inputs(torch.float32)
    loss, correct = kernel.linear_cross_entropy(hidden, weight, torch.full((50,), IGNORED))
    assert loss.item() == 0 and correct.item() == 0
