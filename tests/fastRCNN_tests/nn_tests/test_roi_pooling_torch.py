"""The pooling used in training equals the one used everywhere else, and its gradients equal finite differences."""

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from fastRCNN.nn.roi_pooling_torch import roi_pool_torch
from fastRCNN.roi_pooling import roi_pool


def random_rois(rng, count, *, side):
    """ROIs of all sizes, some of them partly or wholly outside the picture of `side` pixels."""
    corners = rng.uniform(-0.3 * side, 1.3 * side, (count, 2, 2))
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1).astype(np.float32)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", [1, 2, 6])
def test_forward_is_the_pooling_of_the_engine_bit_for_bit(seed, size):
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((5, 13, 17)).astype(np.float32)
    rois = random_rois(rng, 60, side=16 * 15)
    pooled = roi_pool_torch(torch.from_numpy(features), rois, size=size)
    np.testing.assert_array_equal(pooled.numpy(), roi_pool(features, rois, size=size))


@pytest.mark.parametrize("seed", range(10))
def test_gradient_equals_finite_differences(seed):
    rng = np.random.default_rng(seed)
    shape = (2, 7, 9)  # all values different, so that a small step never changes which cell is the maximum
    values = rng.permutation(np.linspace(-1, 3, np.prod(shape))).reshape(shape)
    features = torch.from_numpy(values).requires_grad_()
    rois = random_rois(rng, 4, side=16 * 8)
    assert gradcheck(lambda x: roi_pool_torch(x, rois, size=3), (features,), eps=1e-6, atol=1e-8)


def test_gradient_goes_to_the_first_of_equal_cells_and_not_to_cells_up_to_zero():
    features = torch.tensor([[[2.0, 5.0, -1.0], [5.0, 0.0, -2.0]]], requires_grad=True)
    whole_and_right_column = [[0, 0, 47, 31], [32, 0, 47, 31]]  # cells 0..2 (47/16 = 2.9 rounds to 3), 2..3
    pooled = roi_pool_torch(features, whole_and_right_column, size=1)
    assert pooled.flatten().tolist() == [5.0, 0.0]
    pooled.backward(torch.tensor([10.0, 100.0]).reshape(pooled.shape))
    assert features.grad is not None
    assert features.grad.tolist() == [[[0.0, 10.0, 0.0], [0.0, 0.0, 0.0]]]


@pytest.mark.parametrize("seed", range(5))
def test_of_equal_cells_the_first_in_reading_order_gets_the_gradient(seed):
    rng = np.random.default_rng(seed)
    features = torch.from_numpy(rng.integers(-1, 3, (1, 9, 11)).astype(np.float32)).requires_grad_()
    top, left, bottom, right = 1, 2, 7, 9
    pooled = roi_pool_torch(features, [[16 * left, 16 * top, 16 * right, 16 * bottom]], size=1)
    pooled.sum().backward()
    inside = features.detach().numpy()[0, top : bottom + 1, left : right + 1]
    row, column = np.unravel_index(inside.argmax(), inside.shape)  # numpy: the first one
    expected = np.zeros((9, 11))
    expected[top + row, left + column] = 1
    assert features.grad is not None
    np.testing.assert_array_equal(features.grad[0], expected)


def test_gradients_of_rois_that_share_a_cell_add_up():
    features = torch.tensor([[[1.0, 7.0]]], dtype=torch.float64, requires_grad=True)
    roi_pool_torch(features, [[0, 0, 16, 0]] * 3, size=1).sum().backward()
    assert features.grad is not None
    assert features.grad.tolist() == [[[0.0, 3.0]]]


def test_no_roi_and_rois_outside_give_zeros_and_no_gradient():
    features = torch.ones((2, 3, 3), requires_grad=True)
    assert roi_pool_torch(features, np.zeros((0, 4))).shape == (0, 2, 6, 6)
    outside = roi_pool_torch(features, [[500, 500, 600, 600]])
    assert not outside.any()
    outside.sum().backward()
    assert features.grad is not None and not features.grad.any()


def test_a_batch_of_maps_is_refused():
    with pytest.raises(ValueError, match=r"expected shape \(C, H, W\), got \(1, 2, 3, 3\)"):
        roi_pool_torch(torch.ones((1, 2, 3, 3)), [[0, 0, 10, 10]])
