"""fastRCNN/faster/hidden_layers.py: new layers where a network ends with its map, and only there."""

import dataclasses

import numpy as np
import pytest

from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.faster.hidden_layers import with_hidden_layers
from fastRCNN.faster.network import is_new
from fastRCNN.faster.start import prepared
from fastRCNN.faster.training import FasterTrainer
from fastRCNN.network.alexnet import he_initialised
from fastRCNN.network.layers import Conv, Linear, Relu
from fastRCNN.network.network import Network
from fastRCNN.network.spec import NetworkSpec
from tests.fastRCNN_tests.faster_tests.drawn_pictures import CLASSES, CONTEXT, SIDE, SMALL


@pytest.fixture
def map_alone() -> Network:
    """A network whose pooled map describes a ROI: 6 channels of 3 x 3 cells."""
    return he_initialised(0, spec=NetworkSpec((Conv("stem", 6, 3, stride=16), Relu()), (), pooling_size=3))


def test_layers_of_the_widths_asked_for(map_alone: Network) -> None:
    found = with_hidden_layers(map_alone, (400, 20), seed=3)
    assert found.spec.head == (Linear("hidden1", 400), Relu(), Linear("hidden2", 20), Relu())
    assert found.spec.feature_dimension == 20
    first, second = found.weight("hidden1"), found.weight("hidden2")
    assert first.shape == (400, 54) and second.shape == (20, 400)
    np.testing.assert_allclose(first.std(), np.sqrt(2 / 54), rtol=0.02)  # He et al. 2015
    np.testing.assert_allclose(second.std(), np.sqrt(2 / 400), rtol=0.05)
    assert not found.bias("hidden1").any()
    assert np.array_equal(found.weight("stem"), map_alone.weight("stem"))
    assert np.array_equal(first, with_hidden_layers(map_alone, (400, 20), seed=3).weight("hidden1"))
    assert not np.array_equal(first, with_hidden_layers(map_alone, (400, 20), seed=4).weight("hidden1"))


def test_a_head_with_layers_stays(map_alone: Network, slim: Network) -> None:
    assert with_hidden_layers(slim, (20,)) is slim
    assert with_hidden_layers(map_alone, ()) is map_alone


def test_scores_of_other_classes_go(map_alone: Network) -> None:
    spec = dataclasses.replace(map_alone.spec, head=(Linear("score", 3),), classes=("__background__", "a", "b"))
    found = with_hidden_layers(he_initialised(0, spec=spec), (20,))
    assert found.spec.classes is None and found.spec.head == (Linear("hidden1", 20), Relu())


def test_they_are_trained_as_new_ones_and_are_in_the_result(map_alone: Network, pictures) -> None:
    recipe = dataclasses.replace(SMALL, faster_hiddenLayers=(24,), faster_trainConvFrom=0, faster_max_epochs=1)
    network, rpn = prepared(map_alone, pictures, recipe, SIDE, seed=5)
    start = network.weight("hidden1").copy()
    trainer = FasterTrainer(network, pictures, CLASSES, recipe, rpn, context=CONTEXT)
    list(trainer.run())
    result = trainer.result()
    assert result.spec.head[:2] == (Linear("hidden1", 24), Relu())
    assert not np.array_equal(result.weight("hidden1"), start)
    with TorchEngine(result, device="cpu") as engine:
        maps = engine.feature_map([np.zeros((SIDE, SIDE, 3), np.uint8)])
        (rows,) = engine.head(maps, [np.array([[0, 0, 40, 40]], np.float32)])
    assert rows.shape == (1, 5 * len(CLASSES))


def test_what_is_new() -> None:
    new = ["rpn_conv", "rpn_cls", "rpn_box", "score", "bbox", "hidden1"]
    assert all(map(is_new, new))
    assert not any(map(is_new, ["conv1", "fc6", "block0.project"]))
