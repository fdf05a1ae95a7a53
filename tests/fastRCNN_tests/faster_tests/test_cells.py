"""Where cells look: told from the layers, and seen from gradients."""

import dataclasses

import numpy as np
import pytest
import torch

from fastRCNN.engines.torch_layers import build_layers
from fastRCNN.faster.cells import with_aligned_cells
from fastRCNN.network.alexnet import cntk_shape, he_initialised, torchvision_shape
from fastRCNN.network.layers import Conv, Linear, Relu
from fastRCNN.network.network import Network
from fastRCNN.network.spec import NetworkSpec

SLIM = (4, 4, 4, 4, 4)


def seen_by(network, cell, side=320):
    """The middle of what a cell in the picture's middle sees: of the pixels with a gradient."""
    ones = {name: np.ones_like(array) for name, array in network.arrays.items()}
    layers = build_layers(dataclasses.replace(network, arrays=ones), network.spec.trunk)
    pixels = torch.ones(1, 3, side, side, requires_grad=True)
    layers(pixels)[0, 0, cell, cell].backward()
    rows = np.flatnonzero(pixels.grad[0].abs().sum(dim=(0, 2)).numpy())
    return rows


def without_pooling(spec):
    """`spec` with convolutions in place of maximum pooling, whose gradient goes to one pixel only."""
    trunk = [Conv(f"pool{i}", 4, layer.kernel, layer.stride) if layer.type == "maxpool" else layer
             for i, layer in enumerate(spec.trunk) if layer.type != "lrn"]  # fmt: skip
    return dataclasses.replace(spec, trunk=tuple(trunk))


@pytest.mark.parametrize("shape", [cntk_shape, torchvision_shape])
def test_the_centre_is_what_gradients_say(shape):
    network = he_initialised(0, spec=without_pooling(shape(widths=SLIM, hidden=4)))
    rows = seen_by(network, 9)
    assert (rows[0] + rows[-1]) / 2 == network.spec.first_centre + 9 * network.spec.stride
    aligned = with_aligned_cells(network)
    rows = seen_by(aligned, 9)
    assert abs((rows[0] + rows[-1]) / 2 - 9 * 16) <= 0.5


def test_the_published_alexnet_looks_a_cell_further():
    assert cntk_shape().first_centre == 17
    assert with_aligned_cells(he_initialised(0, spec=cntk_shape(widths=SLIM, hidden=4))).spec.first_centre == 0


def test_what_is_aligned_stays():
    spec = NetworkSpec((Conv("one", 4, 3, stride=8, pad=1), Relu()), (Linear("fc", 3),))
    network: Network = he_initialised(0, spec=spec)
    assert spec.first_centre == 0 and with_aligned_cells(network) is network
