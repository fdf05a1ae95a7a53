"""Against PyTorch's layer, and by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from fastRCNN.engines.torch_layers import LocalResponseNorm
from fastRCNN.network.local_response import local_response_norm


@pytest.mark.parametrize(("size", "beta"), [(5, 0.75), (3, 0.75), (4, 0.75), (5, 0.5), (1, 0.75)])
def test_equals_pytorch(size, beta):
    x = torch.randn(2, 7, 5, 6) * 40
    plain, ours = (kind(size, 1e-2, beta, 2.0) for kind in (nn.LocalResponseNorm, LocalResponseNorm))
    expected = plain(x)
    with torch.inference_mode():
        np.testing.assert_allclose(ours(x).numpy(), expected.numpy(), rtol=1e-5)
        np.testing.assert_allclose(
            ours(x.contiguous(memory_format=torch.channels_last)).numpy(), expected.numpy(), rtol=1e-5
        )
    wanted = x.clone().requires_grad_()
    ours(wanted).sum().backward()
    assert torch.isfinite(wanted.grad).all()


def test_by_hand():
    # one pixel, channels 1 2 3; size 3: sums of squares 5, 14, 13; alpha / size = 1
    y = local_response_norm(np.array([[1, 2, 3]], np.float32), size=3, alpha=3.0, beta=0.75, k=1.0)
    np.testing.assert_allclose(y, [[1 / 6**0.75, 2 / 15**0.75, 3 / 14**0.75]], rtol=1e-6)


def test_bits_of_bfloat16_are_computed_in_float32_and_rounded_to_the_nearest():
    numbers = (torch.randn(300, 17, generator=torch.Generator().manual_seed(0)) * 40).bfloat16()
    with torch.inference_mode():
        expected = torch.from_numpy(local_response_norm(numbers.float().numpy(), alpha=1e-2)).bfloat16()
        found = local_response_norm(numbers.view(torch.int16).numpy(), alpha=1e-2)
        assert found.dtype == np.int16
        assert torch.equal(torch.from_numpy(found).view(torch.bfloat16), expected)
        layer = LocalResponseNorm(5, 1e-2, 0.75, 1.0)(numbers.view(3, 100, 17).permute(0, 2, 1)[..., None])
    assert torch.equal(layer[..., 0].permute(0, 2, 1).reshape(300, 17), expected)


def test_wrong_type_is_refused():
    with pytest.raises(ValueError, match="float32"):
        local_response_norm(np.zeros((2, 3)))
