"""Losses of the region proposal network: by hand, and their gradients by finite differences."""

import math

import pytest
import torch

from fastRCNN.nn.losses import smooth_l1
from fastRCNN.rpn.losses import objectness_loss, offset_loss


def test_objectness_by_hand() -> None:
    scores = torch.tensor([[0.0, 0.0], [math.log(3.0), 0.0], [9.0, 1.0]])
    labels = torch.tensor([1, 0, -1], dtype=torch.int8)
    assert objectness_loss(scores, labels).item() == pytest.approx((math.log(2) - math.log(3 / 4)) / 2)
    assert objectness_loss(scores, torch.tensor([-1, -1, -1])).item() == 0


def test_offsets_by_hand() -> None:
    """sigma 3: quadratic below 1/9. 0.1 gives 0.5 * 0.09, 1 gives 1 - 1/18; background and nothing give 0."""
    offsets = torch.tensor([[0.1, 0.0, 0.0, -1.0], [5.0, 5.0, 5.0, 5.0], [7.0, 7.0, 7.0, 7.0]])
    labels = torch.tensor([1, 0, -1], dtype=torch.int8)
    made = offset_loss(offsets, labels, torch.zeros(3, 4), batch_size=4)
    assert made.item() == pytest.approx((0.5 * 0.09 + 1 - 1 / 18) / 4)
    assert offset_loss(offsets, torch.zeros(3), torch.zeros(3, 4)).item() == 0


def test_smooth_l1_is_continuous() -> None:
    for sigma in (1.0, 3.0):
        turn = 1 / sigma**2
        below, above = smooth_l1(torch.tensor([turn - 1e-7, turn + 1e-7], dtype=torch.float64), sigma=sigma)
        assert above - below == pytest.approx(2e-7, rel=0.01)


def test_gradients_by_finite_differences() -> None:
    torch.manual_seed(0)
    labels = torch.tensor([1, 0, -1, 1, 0])
    scores = torch.randn(5, 2, dtype=torch.float64, requires_grad=True)
    offsets = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    targets = torch.randn(5, 4, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda s: objectness_loss(s, labels), (scores,))
    assert torch.autograd.gradcheck(lambda o: offset_loss(o, labels, targets), (offsets,))
    objectness_loss(scores, torch.full((5,), -1)).backward()
    assert not scores.grad.any()
