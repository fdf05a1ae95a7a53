"""The estimate of memory: near to what a real training took, and larger with what makes it larger."""

import dataclasses

import pytest

from fastRCNN.faster.memory import needed_bytes
from fastRCNN.faster.recipe import FasterTraining, published
from fastRCNN.network.alexnet import cntk_shape
from fastRCNN.network.rpn_spec import RpnSpec

RPN = RpnSpec(((0.0, 0.0, 15.0, 15.0),) * 9)
SPEC = cntk_shape()
RECIPE = FasterTraining()


def needed(recipe=RECIPE, spec=SPEC, pad_size=1000):
    return needed_bytes(spec, RPN, recipe, nr_classes=9, pad_size=pad_size)


def test_by_hand():
    """Layers of 1 number each: what is left is PyTorch, the anchors and the fixed part of the RPN."""
    # of 62 million weights fc6 has 37.7 and fc7 16.8: seven arrays of each (Adam has two, gradient, mean, start ...)
    large = needed() - needed(spec=cntk_shape(hidden=1))
    fully_connected = 9216 * 4096 + 4096**2
    assert large == pytest.approx(4 * 7 * fully_connected, rel=0.05)


@pytest.mark.parametrize(
    "change",
    [
        {"faster_trainConvFrom": 1}, {"faster_roisPerImage": 4096}, {"faster_optimiser": "adam"}, {"faster_ema": 0.99},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_what_makes_it_larger(change):
    base = dataclasses.replace(RECIPE, faster_optimiser="sgd", faster_ema=0.0)
    assert needed(dataclasses.replace(base, **change)) > needed(base)


def test_a_larger_picture_takes_more():
    assert needed(pad_size=2000) > needed(pad_size=1000) > needed(pad_size=500)
    assert needed(published()) > 0
