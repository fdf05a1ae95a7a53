"""How fast each layer learns: new ones at the whole rate, old ones slower the further they are from the output."""

import dataclasses

import pytest

from fastRCNN.faster.rates import layers_behind, rate_factors
from fastRCNN.faster.recipe import FasterTraining
from fastRCNN.network.layers import Conv, GlobalAverage, Linear, Relu, Residual, Scale
from tests.fastRCNN_tests.faster_tests.drawn_pictures import slim_network

TRUNK = (
    Conv("stem", 4, 3), Scale("stem.norm"), Relu(),
    Residual((Conv("block.0.a", 4, 3, pad=1), Relu(), Conv("block.0.b", 4, 3, pad=1)), (Conv("block.0.short", 4, 1),)),
    Relu(), Conv("last", 8, 1),
)  # fmt: skip


@pytest.fixture
def spec():
    head = (GlobalAverage(), Linear("fc6", 8), Relu(), Linear("hidden1", 4), Relu())
    return dataclasses.replace(slim_network().spec, trunk=TRUNK, head=head, classes=None)


def test_a_block_is_one_layer_and_new_ones_are_none(spec):
    assert layers_behind(spec) == {
        "stem": 3, "stem.norm": 3, "block.0.a": 2, "block.0.b": 2, "block.0.short": 2, "last": 1, "fc6": 0,
    }  # fmt: skip


def test_each_layer_learns_slower_than_the_one_behind_it(spec):
    recipe = FasterTraining(faster_oldRateFactor=0.4, faster_layerRateDecay=0.5, faster_biasRateFactor=2.0)
    names = ["stem.weight", "block.0.b.weight", "block.0.b.bias", "last.bias", "fc6.weight", "hidden1.weight",
             "rpn_conv.bias", "score.weight"]  # fmt: skip
    assert rate_factors(names, spec, recipe) == pytest.approx({
        "stem.weight": 0.05, "block.0.b.weight": 0.1, "block.0.b.bias": 0.2, "last.bias": 0.4, "fc6.weight": 0.4,
        "hidden1.weight": 1.0, "rpn_conv.bias": 2.0, "score.weight": 1.0,
    })  # fmt: skip


def test_without_decay_old_layers_learn_alike(spec):
    recipe = FasterTraining(faster_oldRateFactor=0.3)
    assert set(rate_factors(["stem.weight", "last.weight", "fc6.bias"], spec, recipe).values()) == {0.3}
