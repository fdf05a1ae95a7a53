"""The pooling used in training equals the one used everywhere else, and its gradients equal finite differences."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from fastRCNN.network.roi_pooling import roi_pool
from fastRCNN.network.roi_pooling_torch import roi_pool_torch

WAYS = pytest.mark.parametrize("kind", [torch.float32, torch.float64], ids=["compiled", "tables"])


def random_rois(rng, count, *, side):
    """ROIs of all sizes, some of them partly or wholly outside the picture of `side` pixels."""
    corners = rng.uniform(-0.3 * side, 1.3 * side, (count, 2, 2))
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1).astype(np.float32)


def pooled_and_gradient(maps, rois, owner, upstream=None, **options):
    """Return roi_pool_torch's result and the gradient of `maps`, both as NumPy arrays."""
    features = maps.detach().clone().requires_grad_()
    pooled = roi_pool_torch(features, rois, owner, **options)
    pooled.backward(torch.ones_like(pooled) if upstream is None else upstream.to(pooled.dtype))
    return pooled.detach().numpy(), features.grad.numpy()


@WAYS
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", [1, 2, 6])
def test_forward_is_the_pooling_of_the_engine_bit_for_bit(seed, size, kind):
    rng = np.random.default_rng(seed)
    maps = rng.standard_normal((3, 5, 13, 17)).astype(np.float32)
    rois, owner = random_rois(rng, 60, side=16 * 15), rng.integers(0, 3, 60)
    pooled = roi_pool_torch(torch.from_numpy(maps).to(kind), rois, owner, size=size).numpy()
    assert pooled.dtype == (np.float32 if kind == torch.float32 else np.float64)
    for number in range(3):
        expected = roi_pool(maps[number], rois[owner == number], size=size).transpose(0, 2, 3, 1)
        np.testing.assert_array_equal(pooled[owner == number], expected)


@pytest.mark.parametrize("seed", range(10))
def test_gradient_equals_finite_differences(seed):
    rng = np.random.default_rng(seed)
    shape = (2, 2, 7, 9)  # all values different, so that a small step never changes which cell is the maximum
    values = rng.permutation(np.linspace(-1, 3, np.prod(shape))).reshape(shape)
    maps = torch.from_numpy(values).requires_grad_()
    rois, owner = random_rois(rng, 6, side=16 * 8), [0, 1, 0, 1, 1, 0]
    assert gradcheck(lambda x: roi_pool_torch(x, rois, owner, size=3), (maps,), eps=1e-6, atol=1e-8)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("seed", range(5))
def test_both_ways_have_the_same_gradient(seed, threads):
    rng = np.random.default_rng(seed)
    maps = torch.from_numpy(rng.integers(-2, 3, (3, 7, 9, 11)).astype(np.float32))  # many equal cells
    rois, owner = random_rois(rng, 40, side=16 * 10), rng.integers(0, 3, 40)
    upstream = torch.from_numpy(rng.integers(-5, 6, (40, 6, 6, 7)))  # sums of whole numbers are exact
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        pooled, gradient = pooled_and_gradient(maps, rois, owner, upstream)
    finally:
        torch.set_num_threads(before)
    by_tables, expected = pooled_and_gradient(maps.double(), rois, owner, upstream)
    np.testing.assert_array_equal(pooled, by_tables)
    np.testing.assert_array_equal(gradient, expected)
    assert gradient.any(axis=(1, 2, 3)).all()


def test_halves_are_pooled_as_float32_and_get_their_gradient_in_their_own_type():
    maps = torch.arange(12.0).reshape(1, 1, 3, 4).to(torch.bfloat16).requires_grad_()
    pooled = roi_pool_torch(maps, [[0, 0, 47, 31]], [0], size=1)
    assert pooled.dtype == torch.float32 and pooled.item() == 11
    pooled.backward(torch.full_like(pooled, 3))
    assert maps.grad is not None and maps.grad.dtype == torch.bfloat16
    assert maps.grad.flatten().tolist() == [0.0] * 11 + [3.0]


@WAYS
def test_gradient_goes_to_the_first_of_equal_cells_and_not_to_cells_up_to_zero(kind):
    maps = torch.tensor([[[[2.0, 5.0, -1.0], [5.0, 0.0, -2.0]]]], dtype=kind)
    whole_and_right_column = [[0, 0, 47, 31], [32, 0, 47, 31]]  # cells 0..2 (47/16 = 2.9 rounds to 3), 2..3
    upstream = torch.tensor([10.0, 100.0]).reshape(2, 1, 1, 1)
    pooled, gradient = pooled_and_gradient(maps, whole_and_right_column, [0, 0], upstream, size=1)
    assert pooled.ravel().tolist() == [5.0, 0.0]
    assert gradient.tolist() == [[[[0.0, 10.0, 0.0], [0.0, 0.0, 0.0]]]]


@WAYS
@pytest.mark.parametrize("seed", range(5))
def test_of_equal_cells_the_first_in_reading_order_gets_the_gradient(seed, kind):
    rng = np.random.default_rng(seed)
    maps = torch.from_numpy(rng.integers(-1, 3, (1, 1, 9, 11))).to(kind)
    top, left, bottom, right = 1, 2, 7, 9
    _, gradient = pooled_and_gradient(maps, [[16 * left, 16 * top, 16 * right, 16 * bottom]], [0], size=1)
    inside = maps.numpy()[0, 0, top : bottom + 1, left : right + 1]
    row, column = np.unravel_index(inside.argmax(), inside.shape)  # numpy: the first one
    expected = np.zeros((9, 11))
    expected[top + row, left + column] = 1
    np.testing.assert_array_equal(gradient[0, 0], expected)


@WAYS
def test_gradients_of_rois_that_share_a_cell_add_up(kind):
    _, gradient = pooled_and_gradient(torch.tensor([[[[1.0, 7.0]]]], dtype=kind), [[0, 0, 16, 0]] * 3, [0] * 3, size=1)
    assert gradient.tolist() == [[[[0.0, 3.0]]]]


@WAYS
def test_no_roi_and_rois_outside_give_zeros_and_no_gradient(kind):
    maps = torch.ones((1, 2, 3, 3), dtype=kind)
    none, gradient = pooled_and_gradient(maps, np.zeros((0, 4)), np.zeros(0))
    assert none.shape == (0, 6, 6, 2) and not gradient.any()
    outside, gradient = pooled_and_gradient(maps, [[500, 500, 600, 600]], [0])
    assert not outside.any() and not gradient.any()


def test_wrong_shapes_and_owners_are_refused():
    with pytest.raises(ValueError, match=r"expected shape \(N, C, H, W\), got \(2, 3, 3\)"):
        roi_pool_torch(torch.ones((2, 3, 3)), [[0, 0, 10, 10]], [0])
    for owner in ([1], [-1], [0, 0]):
        with pytest.raises(ValueError, match="owner: expected the number of a map, 0 to 0, for each of 1 ROIs"):
            roi_pool_torch(torch.ones((1, 2, 3, 3)), [[0, 0, 10, 10]], owner)


STARTED = """
import numpy as np, torch
from fastRCNN.network.roi_pooling_torch import roi_pool_torch
torch.set_num_threads(1)
maps = torch.ones(1, 2, 8, 8, requires_grad=True)
roi_pool_torch(maps, np.array([[0, 0, 90, 90]]), np.zeros(1)).sum().backward()
print(torch.get_num_threads())
"""


def test_the_first_call_in_a_process_leaves_pytorchs_threads_alone():
    """Numba's start sets OpenMP's number of threads to all cores; sums would differ in their last bits from then on."""
    root = Path(__file__).resolve().parents[3]
    environment = {**os.environ, "PYTHONPATH": str(root), "NUMBA_NUM_THREADS": "2"}
    done = subprocess.run([sys.executable, "-c", STARTED], capture_output=True, text=True, env=environment, cwd=root)
    assert done.stdout.split()[-1:] == ["1"], done.stderr
