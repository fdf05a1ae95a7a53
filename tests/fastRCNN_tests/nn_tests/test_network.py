"""The network while it learns, of shapes other than AlexNet's: what learns, what stays, and what comes out of it."""

import dataclasses

import numpy as np
import pytest
import torch

from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.network.alexnet import he_initialised
from fastRCNN.network.layers import (
    Conv,
    Dropout,
    GlobalAverage,
    Linear,
    MaxPool,
    Relu,
    Relu6,
    Residual,
)
from fastRCNN.network.network import Network, save_network
from fastRCNN.network.spec import NetworkSpec
from fastRCNN.nn.memory import map_sizes
from fastRCNN.nn.network import TrainableNetwork
from fastRCNN.nn.trainable_layers import hidden_head
from fastRCNN.pipeline.outputs import scoring_network
from fastRCNN.run_context import RunContext
from helpers.errors import UserError
from tests.fastRCNN_tests.rpn_tests.drawn_network import faster_network

CLASSES = ("__background__", "a", "b")
CPU = RunContext(device="cpu")
BLOCK = Residual((Conv("b1", 8, 1), Relu(), Conv("b2", 16, 3, stride=2, pad=1)), (Conv("b3", 16, 1, stride=2),))
RESNET = NetworkSpec(
    trunk=(Conv("stem", 8, 3, stride=4, pad=1), Relu(), MaxPool(3, 2, pad=1), BLOCK, Relu()),
    head=(Residual((Conv("h1", 16, 3, pad=1),)), Relu(), GlobalAverage(), Dropout()),
    pooling_size=7,
)  # fmt: skip
PICTURE = np.random.default_rng(0).integers(0, 256, (128, 128, 3)).astype(np.uint8)
ROIS = np.array([[0, 0, 127, 127], [16, 16, 90, 70]], np.float32)


def test_blocks_learn_in_trunk_and_head_and_the_result_computes_what_was_trained():
    network = he_initialised(0, spec=RESNET)
    net = TrainableNetwork(network, CLASSES, train_conv_from=2, with_boxes=True, dropout=0.0, context=CPU)
    assert [name for name in net.parameters if name.endswith("weight")] == [
        "b1.weight", "b2.weight", "b3.weight", "h1.weight", "score.weight", "bbox.weight",
    ]  # fmt: skip
    net.scale_head(net.pooled(net.frozen_map(PICTURE), ROIS).detach(), norm=20.0)  # leaves such a head as it is
    optimiser = torch.optim.SGD(net.parameters.values(), lr=0.01)
    for _ in range(3):
        scores, offsets = net.outputs(net.pooled(net.frozen_map(PICTURE), ROIS))
        (scores.square().sum() + offsets.square().sum()).backward()
        assert all(parameter.grad is not None for parameter in net.parameters.values())
        optimiser.step()
        optimiser.zero_grad()
    with torch.no_grad():
        scores, offsets = net.outputs(net.pooled(net.frozen_map(PICTURE), ROIS))
    result, regressor = net.result(notes={}, box_mean=np.zeros(4), box_deviation=np.ones(4))
    np.testing.assert_array_equal(result.weight("stem"), network.weight("stem"))
    for name in ("b1", "b2", "b3", "h1"):
        assert not np.array_equal(result.weight(name), network.weight(name))
    (found,) = TorchEngine(result, device="cpu").embed([PICTURE], [ROIS])
    np.testing.assert_allclose(found, scores.numpy(), atol=1e-5)
    hidden = Network(dataclasses.replace(RESNET), {n: a for n, a in result.arrays.items() if "score" not in n})
    (rows,) = TorchEngine(hidden, device="cpu").embed([PICTURE], [ROIS])
    np.testing.assert_allclose(regressor.offsets(rows).reshape(2, -1), offsets.numpy(), atol=1e-5)
    assert hidden_head(result.spec) == RESNET.head


@pytest.mark.parametrize("behind", [(), (MaxPool(2, 1),), (Relu6(),), (BLOCK, Relu())], ids=repr)
def test_the_factor_of_the_heads_input_is_in_the_result(behind):
    trunk = (Conv("stem", 8, 3, stride=8, pad=1), Relu(), *behind)
    network = he_initialised(0, spec=NetworkSpec(trunk, (Linear("fc6", 12), Relu(), Linear("fc7", 12), Relu())))
    net = TrainableNetwork(network, CLASSES, context=CPU)
    pooled = net.pooled(net.frozen_map(PICTURE), ROIS)
    net.scale_head(pooled, norm=20.0)
    assert net.input_scale != 1
    with torch.no_grad():
        expected = net.outputs(pooled)[0].numpy()
    result, _ = net.result(notes={}, box_mean=np.zeros(4), box_deviation=np.ones(4))
    (found,) = TorchEngine(result, device="cpu").embed([PICTURE], [ROIS])
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("behind", [(), (BLOCK,)], ids=["conv", "block"])
def test_a_pooled_map_without_head_and_roi_align(behind, tmp_path):
    """EfficientNet-Lite0's form: the score's layer and the boxes' see the pooled numbers themselves."""
    trunk = (Conv("stem", 8, 3, stride=8, extra=1), *behind)
    network = he_initialised(0, spec=NetworkSpec(trunk, (), pooling_size=3, pooling_kind="align"))
    net = TrainableNetwork(network, CLASSES, train_conv_from=len(behind), with_boxes=True, context=CPU)
    pooled = net.pooled(net.frozen_map(PICTURE), ROIS)
    net.scale_head(pooled.detach(), norm=20.0)
    assert net.input_scale != 1
    scores, offsets = net.outputs(pooled)
    (scores.sum() + offsets.sum()).backward()
    assert all(parameter.grad is not None for parameter in net.parameters.values())
    result, regressor = net.result(notes={}, box_mean=np.zeros(4), box_deviation=np.ones(4))
    (found,) = TorchEngine(result, device="cpu").embed([PICTURE], [ROIS])
    np.testing.assert_allclose(found, scores.detach().numpy(), rtol=1e-3, atol=1e-4)
    save_network(tmp_path / "nn.npz", result.spec.to_header(), result.arrays)
    (both,) = TorchEngine(scoring_network(tmp_path / "nn.npz", regressor), device="cpu").embed([PICTURE], [ROIS])
    np.testing.assert_allclose(both[:, 3:], offsets.detach().numpy(), rtol=1e-3, atol=1e-4)


def test_a_convolution_that_is_not_there():
    with pytest.raises(UserError, match=r"expected 0 to 2, the convolutions and residual blocks .*, got 3"):
        TrainableNetwork(he_initialised(0, spec=RESNET), CLASSES, train_conv_from=3, context=CPU)


def test_sizes_count_what_is_inside_of_a_block():
    # 100 pixels: stem 25 x 25 x 8, pool 13 x 13 x 8; inside 13 x 13 x 8 twice, 7 x 7 x 16; shortcut and sum 7 x 7 x 16
    assert map_sizes(RESNET, 100) == [5000, 5000, 1352, 2 * 1352 + 3 * 784, 784]


def test_a_network_that_proposed_goes_on_without():
    """A trained Faster R-CNN is a start like any other: its trunk and hidden layers stay, what proposes is left out."""
    start = faster_network(("__background__", "other"))
    net = TrainableNetwork(start, CLASSES, train_conv_from=0, with_boxes=True, dropout=0.0, context=CPU)
    result, _ = net.result(notes={}, box_mean=np.zeros(4), box_deviation=np.ones(4))
    assert result.spec.rpn is None and result.spec.classes == CLASSES
    assert {"rpn_conv.weight", "score_and_bbox.weight"} & result.arrays.keys() == set()
    assert NetworkSpec.from_header(result.spec.to_header()) == result.spec
