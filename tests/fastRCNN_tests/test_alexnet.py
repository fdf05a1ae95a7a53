"""Networks: the three published shapes, first weights, and weight files that fit their header."""

from pathlib import Path

import numpy as np
import pytest

from fastRCNN.alexnet import (
    Network,
    caffe_shape,
    cntk_shape,
    he_initialised,
    load_network,
    save_network,
    torchvision_shape,
)
from helpers.errors import UserError

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


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_file_gives_back_the_network(tmp_path: Path, dtype: type) -> None:
    network = he_initialised(3, spec=SLIM)
    stored = {key: array.astype(dtype) for key, array in network.arrays.items()}
    save_network(tmp_path / "net.npz", network.spec.to_header(), stored)
    loaded = load_network(tmp_path / "net.npz")
    assert loaded.spec == network.spec
    assert sorted(loaded.arrays) == sorted(stored)
    for key, array in stored.items():
        assert loaded.arrays[key].dtype == np.float32
        np.testing.assert_array_equal(loaded.arrays[key], array.astype(np.float32))


def test_bias_may_be_absent(tmp_path: Path) -> None:
    network = he_initialised(3, spec=SLIM)
    arrays = {key: array for key, array in network.arrays.items() if key != "fc6.bias"}
    save_network(tmp_path / "net.npz", network.spec.to_header(), arrays)
    assert load_network(tmp_path / "net.npz").bias("fc6") is None


def test_order_of_the_arrays_does_not_matter(tmp_path: Path) -> None:
    network = he_initialised(3, spec=SLIM)
    save_network(tmp_path / "a.npz", network.spec.to_header(), network.arrays)
    save_network(tmp_path / "b.npz", network.spec.to_header(), dict(reversed(network.arrays.items())))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_arrays_that_do_not_fit_the_header(tmp_path: Path) -> None:
    network = he_initialised(3, spec=SLIM)
    header, arrays = network.spec.to_header(), dict(network.arrays)
    path = tmp_path / "net.npz"

    def expect(message: str, **changes: np.ndarray) -> None:
        changed = {key: array for key, array in {**arrays, **changes}.items() if array is not None}
        with pytest.raises(UserError, match=f"net.npz.*{message}"):
            save_network(path, header, changed)
        assert not path.exists()

    expect(r"expected an array 'fc7.weight' of shape \(7, 7\), found \['conv1.bias'", **{"fc7.weight": None})
    expect(
        r"fc7.weight: expected shape \(7, 7\), as its header says, found \(7, 8\)",
        **{"fc7.weight": np.zeros((7, 8), np.float32)},
    )
    expect(r"conv1.bias: expected shape \(4,\).*found \(1, 4\)", **{"conv1.bias": np.zeros((1, 4), np.float32)})
    expect(r"arrays of the layers in its header only, found \['fc8.weight'\]", **{"fc8.weight": np.zeros(2)})
    expect("fc7.bias: expected float32 or float16, found dtype.'float64'", **{"fc7.bias": np.zeros(7)})


def test_file_whose_arrays_do_not_fit_its_header(tmp_path: Path) -> None:
    from fastRCNN.weight_files import write_weight_file

    network = he_initialised(3, spec=SLIM)
    header = network.spec.to_header()
    header["trunk"][0]["kernel"] = 7
    write_weight_file(tmp_path / "net.npz", header, network.arrays)
    with pytest.raises(UserError, match=r"net.npz: conv1.weight: expected shape \(4, 3, 7, 7\), .* \(4, 3, 11, 11\)"):
        load_network(tmp_path / "net.npz")


def test_network_without_arrays() -> None:
    with pytest.raises(
        UserError, match=r"network: expected an array 'conv1.weight' of shape \(4, 3, 11, 11\), found \[\]"
    ):
        Network(SLIM, {})
