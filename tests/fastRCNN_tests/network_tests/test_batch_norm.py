"""Frozen batch normalisation against PyTorch's own layer, and by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from fastRCNN.network.batch_norm import BatchNorm


def test_by_hand():
    norm = BatchNorm([2, 1], [0.5, -1], [3, 0], [3, 0.25], eps=1.0)  # factors 2 / 2 and 1 / sqrt(1.25)
    weight, bias = norm.as_scale()
    np.testing.assert_allclose(weight, [1, 0.894427], rtol=1e-6)
    np.testing.assert_allclose(bias, [-2.5, -1])
    folded, shift = norm.folded_into(np.full((2, 3), 2, np.float32), np.array([1, 2], np.float32))
    np.testing.assert_allclose(folded, [[2] * 3, [1.788854] * 3], rtol=1e-6)
    np.testing.assert_allclose(shift, [-1.5, 0.788854], rtol=1e-6)
    assert folded.dtype == shift.dtype == weight.dtype == np.float32


@pytest.mark.parametrize("with_bias", [True, False])
def test_as_pytorch_computes_it(with_bias):
    torch.manual_seed(0)
    conv, norm = nn.Conv2d(3, 5, 3, bias=with_bias), nn.BatchNorm2d(5, eps=2e-5).eval()
    for values in (norm.weight.data, norm.bias.data, norm.running_mean):
        values.normal_()
    norm.running_var.uniform_(0.1, 3)
    arrays = (norm.weight, norm.bias, norm.running_mean, norm.running_var)
    ours = BatchNorm(*(each.detach().numpy() for each in arrays), norm.eps)
    x = torch.randn(2, 3, 7, 7)
    with torch.no_grad():
        between, expected = conv(x), norm(conv(x)).numpy()
        weight, bias = ours.folded_into(conv.weight.numpy(), conv.bias.numpy() if with_bias else None)
        found = nn.functional.conv2d(x, torch.from_numpy(weight), torch.from_numpy(bias)).numpy()
        scale, shift = ours.as_scale()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(between.numpy() * scale[:, None, None] + shift[:, None, None], expected, atol=1e-5)
