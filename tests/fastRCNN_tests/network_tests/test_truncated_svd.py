"""fc6 and fc7 cut to a few singular values, against NumPy's decomposition and the network as it was."""

import numpy as np
import pytest

from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.network.alexnet import cntk_shape, he_initialised
from fastRCNN.network.layers import Linear
from fastRCNN.network.spec import NetworkSpec
from fastRCNN.network.truncated_svd import truncated_network, truncated_svd
from helpers.errors import UserError


@pytest.fixture(scope="module")
def network():
    return he_initialised(1, spec=cntk_shape(widths=(4, 4, 4, 4, 4), hidden=32))


def embedded(network):
    rng = np.random.default_rng(0)
    rois = np.sort(rng.integers(0, 160, (20, 2, 2)), axis=1).reshape(20, 4).astype(np.float32)
    return TorchEngine(network, device="cpu").embed([rng.integers(0, 256, (160, 160, 3)).astype(np.uint8)], [rois])[0]


@pytest.mark.parametrize("shape", [(12, 30), (30, 12)])
@pytest.mark.parametrize("rank", [1, 5, 12])
def test_what_is_lost_are_the_smallest_singular_values(shape, rank):
    weight = np.random.default_rng(rank).normal(size=shape).astype(np.float32)
    first, second = truncated_svd(weight, rank)
    assert (first.shape, second.shape) == ((rank, shape[1]), (shape[0], rank))
    values = np.linalg.svd(weight.astype(np.float64), compute_uv=False)
    lost = np.linalg.norm(weight - second.astype(np.float64) @ first)
    np.testing.assert_allclose(lost, np.sqrt((values[rank:] ** 2).sum()), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), values[:rank], rtol=1e-5)  # S V^T
    np.testing.assert_allclose(second.T @ second, np.eye(rank), atol=1e-5)  # U


def test_by_hand():
    first, second = truncated_svd(np.diag([3, 0, -5]).astype(np.float32), 1)
    np.testing.assert_allclose(second @ first, np.diag([0, 0, -5]), atol=1e-6)


def test_full_rank_is_the_original(network):
    full = truncated_network(network, [32, 32])
    names = [layer.name for layer in full.spec.head if isinstance(layer, Linear)]
    assert names == ["fc6_a", "fc6_b", "fc7_a", "fc7_b"]
    assert full.bias("fc6_a") is None
    np.testing.assert_array_equal(full.bias("fc7_b"), network.bias("fc7"))
    assert NetworkSpec.from_header(full.spec.to_header()) == full.spec
    rows = embedded(network)
    np.testing.assert_allclose(embedded(full), rows, atol=1e-5 * rows.max())


def test_one_layer_only_and_none(network):
    one = truncated_network(network, [8, 0])
    assert list(one.spec.weight_shapes().items())[-3:] == [("fc6_a", (8, 144)), ("fc6_b", (32, 8)), ("fc7", (32, 32))]
    assert truncated_network(network, []) is network


def test_thin_layers_stay_as_they_are_and_the_log_says_so(network, caplog):
    thin = truncated_network(network, [8, 4])
    again = truncated_network(thin, [2, 2])
    assert "no effect on fc6, fc7" in caplog.text
    assert again.spec == thin.spec


def test_too_large_a_rank(network):
    with pytest.raises(UserError, match="rank 33 for fc6, expected 32 at most"):
        truncated_network(network, [33, 8])
