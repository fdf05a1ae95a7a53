"""Layers that learn: weights of their own, dropout that can be repeated, new layers."""

import numpy as np
import pytest
import torch
from torch import nn

from fastRCNN.engines.torch_layers import build_layers
from fastRCNN.network.alexnet import cntk_shape, he_initialised
from fastRCNN.network.layers import Conv, Linear, MaxPool, Relu, Residual
from fastRCNN.network.spec import NetworkSpec
from fastRCNN.nn.trainable_layers import first_trained_layer, hidden_head, new_layer, own_layers
from helpers.errors import UserError

BLOCK = Residual((Conv("b1", 4, 3, pad=1), Relu(), Conv("b2", 4, 3, pad=1)))
SPEC = NetworkSpec((Conv("stem", 4, 3, stride=16, pad=1), MaxPool(3, 1), BLOCK, Relu()), (Linear("fc", 5), Relu()))


def test_weights_are_their_own():
    network = he_initialised(0, spec=SPEC)
    modules = list(build_layers(network, SPEC.trunk))
    parameters: dict[str, nn.Parameter] = {}
    owned = own_layers(modules, parameters, dropout=0.5, generator=torch.Generator())
    assert list(parameters) == [f"{name}.{part}" for name in ("stem", "b1", "b2") for part in ("weight", "bias")]
    with torch.no_grad():
        for parameter in parameters.values():
            parameter.fill_(7)
    assert np.array_equal(network.weight("stem"), he_initialised(0, spec=SPEC).weight("stem"))
    assert (owned[0].weight == 7).all() and owned.training


def test_dropout_can_be_repeated_and_keeps_the_mean():
    generator = torch.Generator()
    (dropout,) = own_layers([nn.Dropout()], {}, dropout=0.25, generator=generator)
    rows = []
    for _ in range(2):
        generator.manual_seed(4)
        rows.append(dropout(torch.ones(200, 100)))
    assert torch.equal(*rows) and rows[0].unique().tolist() == pytest.approx([0.0, 4 / 3])
    assert rows[0].mean().item() == pytest.approx(1, abs=0.02)
    assert torch.equal(dropout.eval()(torch.ones(3)), torch.ones(3))


@pytest.mark.parametrize("shape", [(5, 3), (5, 3, 1, 1), (5, 3, 3, 3)])
def test_new_layers(shape):
    parameters: dict[str, nn.Parameter] = {}
    weights = np.random.default_rng(0).standard_normal(shape)
    layer = new_layer("new", weights, parameters, device=torch.device("cpu"))
    assert set(parameters) == {"new.weight", "new.bias"} and not layer.bias.any()
    np.testing.assert_array_equal(layer.weight.detach(), weights.astype(np.float32))
    given = torch.zeros(2, 3) if len(shape) == 2 else torch.zeros(2, 3, 7, 7)
    assert layer(given).shape[2:] == given.shape[2:]  # a convolution keeps the size of its map


def test_counting_convolutions():
    assert [first_trained_layer(SPEC, number) for number in (0, 1, 2)] == [4, 0, 2]
    assert first_trained_layer(cntk_shape(), 3) == 8
    with pytest.raises(UserError, match=r"expected 0 to 2, .* got 3"):
        first_trained_layer(SPEC, 3)


def test_the_layer_of_another_data_sets_classes_is_left_out():
    assert hidden_head(SPEC) == SPEC.head
    classes = NetworkSpec(SPEC.trunk, (*SPEC.head, Linear("score", 2)), classes=("a", "b"))
    assert hidden_head(classes) == SPEC.head
