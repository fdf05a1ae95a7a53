"""A convolution and its ReLU in one pass: the same bits."""

import numpy as np
import pytest
import torch
from torch import nn

from fastRCNN.engines.torch_fusion import ConvRelu, can_fuse, fused
from fastRCNN.engines.torch_layers import build_layers
from fastRCNN.network.alexnet import he_initialised
from fastRCNN.network.layers import Conv, MaxPool, Relu
from fastRCNN.network.spec import NetworkSpec

pytestmark = pytest.mark.skipif(not can_fuse(), reason="this PyTorch has no oneDNN")
TRUNK = (
    Conv("first", 8, 3, 2, 5), Relu(), MaxPool(3, 2), Conv("grouped", 12, 3, 1, 1, 2), Relu(),
    Conv("bare", 4, 1), Conv("last", 6, 5, 1, 2), Relu(), Relu(),
)  # fmt: skip


def test_the_same_bits_in_fewer_layers() -> None:
    network = he_initialised(0, spec=NetworkSpec(TRUNK, ()))
    layers = build_layers(network, TRUNK).to(torch.bfloat16).to(memory_format=torch.channels_last).eval()
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 3, 40, 30)).astype(np.float32))
    x = x.to(torch.bfloat16).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        expected = layers(x.clone())
        chain = fused(layers)
        assert [type(each) for each in chain] == [
            ConvRelu, nn.MaxPool2d, ConvRelu, nn.Conv2d, ConvRelu, nn.ReLU
        ]  # fmt: skip
        assert torch.equal(chain(x), expected)
    assert expected.shape == (1, 6, 11, 9) and (expected > 0).any() and (expected == 0).any()
