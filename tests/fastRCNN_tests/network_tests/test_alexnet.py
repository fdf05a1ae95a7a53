"""AlexNet: the three published shapes, and first weights."""

import numpy as np
import pytest

from fastRCNN.network.alexnet import caffe_shape, cntk_shape, he_initialised, torchvision_shape

SLIM = cntk_shape(widths=(4, 6, 8, 8, 5), hidden=7)


def test_cntk_shape() -> None:
    assert cntk_shape().weight_shapes() == {
        "conv1": (96, 3, 11, 11), "conv2": (192, 96, 5, 5), "conv3": (384, 192, 3, 3), "conv4": (384, 384, 3, 3),
        "conv5": (256, 384, 3, 3), "fc6": (4096, 9216), "fc7": (4096, 4096),
    }  # fmt: skip
    assert (cntk_shape().input.channels, cntk_shape().input.mean) == ("BGR", (114.0, 114.0, 114.0))
    assert (cntk_shape().pooling_size, cntk_shape().spatial_scale) == (6, 1 / 16)


def test_caffe_shape() -> None:
    shapes = caffe_shape().weight_shapes()
    assert shapes["conv2"] == (256, 48, 5, 5)  # Krizhevsky 2012: two groups
    assert (shapes["conv4"], shapes["conv5"]) == ((384, 192, 3, 3), (256, 192, 3, 3))
    # published: 60965224 numbers; its last layer (1000 x 4096 + 1000) is not kept here
    assert numbers(caffe_shape().weight_shapes()) == 60_965_224 - 4_097_000


def test_torchvision_shape() -> None:
    # published: 61100840 parameters, with the last layer
    assert numbers(torchvision_shape().weight_shapes()) == 61_100_840 - 4_097_000
    given = torchvision_shape().input
    pixel = np.array([124, 10, 255])
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    np.testing.assert_allclose((pixel - given.mean) * given.scale, (pixel / 255 - mean) / deviation, atol=1e-12)
    assert given.channels == "RGB"
    assert not any(layer.type == "lrn" for layer in torchvision_shape().trunk)


def numbers(shapes: dict[str, tuple[int, ...]]) -> int:
    return sum(int(np.prod(shape)) + shape[0] for shape in shapes.values())


def test_first_weights() -> None:
    network = he_initialised(7)
    for name, shape in cntk_shape().weight_shapes().items():
        weight, fan_in = network.weight(name), int(np.prod(shape[1:]))
        assert weight.dtype == np.float32
        assert abs(weight.mean()) < 5 * np.sqrt(2 / fan_in / weight.size)
        assert weight.std() == pytest.approx(np.sqrt(2 / fan_in), rel=0.02)
        assert not network.bias(name).any()
    assert "seed 7" in network.spec.source and "not trained" in network.spec.source


def test_seed_decides_the_first_weights() -> None:
    one, again, other = (he_initialised(seed, spec=SLIM) for seed in (1, 1, 2))
    for name in SLIM.weight_shapes():
        np.testing.assert_array_equal(one.weight(name), again.weight(name))
        assert not np.array_equal(one.weight(name), other.weight(name))
