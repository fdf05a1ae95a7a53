"""Networks: weight files that fit their header."""

from pathlib import Path

import numpy as np
import pytest

from fastRCNN.network.alexnet import cntk_shape, he_initialised
from fastRCNN.network.network import Network, load_network, save_network
from helpers.errors import UserError

SLIM = cntk_shape(widths=(4, 6, 8, 8, 5), hidden=7)


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
    from fastRCNN.network.weight_files import write_weight_file

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
