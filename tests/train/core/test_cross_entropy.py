"""The loss must be PyTorch's, value and gradient."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from xlmcli.train.core.cross_entropy import cross_entropy

ROWS = [1, 3, 256, 257, 700]  # rows are taken 256 at a time


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("num_rows", ROWS)
def test_value_and_gradient(num_rows: int, smoothing: float) -> None:
    generator = torch.Generator().manual_seed(num_rows)
    logits = (5 * torch.randn(num_rows, 37, generator=generator)).requires_grad_()
    targets = torch.randint(37, (num_rows,), generator=generator)
    (expected_gradient,) = torch.autograd.grad(F.cross_entropy(logits, targets, label_smoothing=smoothing), logits)
    loss = cross_entropy(logits, targets, smoothing=smoothing)
    torch.testing.assert_close(loss, F.cross_entropy(logits, targets, label_smoothing=smoothing))
    (gradient,) = torch.autograd.grad(3 * loss, logits)
    torch.testing.assert_close(gradient, 3 * expected_gradient)


def test_the_logits_stay_as_they_are() -> None:
    logits = torch.randn(300, 11)
    before = logits.clone()
    cross_entropy(logits, torch.zeros(300, dtype=torch.int64), smoothing=0.1)
    assert torch.equal(logits, before)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_bfloat16(smoothing: float) -> None:
    generator = torch.Generator().manual_seed(0)
    exact = torch.randn(300, 50, generator=generator)
    targets = torch.randint(50, (300,), generator=generator)
    half = exact.bfloat16().requires_grad_()
    exact = half.detach().float().requires_grad_()
    expected = F.cross_entropy(exact, targets, label_smoothing=smoothing)
    loss = cross_entropy(half, targets, smoothing=smoothing)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, expected, atol=1e-5, rtol=1e-5)
    expected.backward()
    loss.backward()
    assert half.grad is not None
    assert exact.grad is not None
    assert half.grad.dtype == torch.bfloat16
    torch.testing.assert_close(half.grad.float(), exact.grad, atol=1e-5, rtol=0.01)


def test_huge_logits_are_finite() -> None:
    logits = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True)
    loss = cross_entropy(logits, torch.tensor([1]))
    loss.backward()
    assert float(loss.detach()) == 2e4
    assert logits.grad is not None
    assert logits.grad.tolist() == [[1, -1, 0]]
