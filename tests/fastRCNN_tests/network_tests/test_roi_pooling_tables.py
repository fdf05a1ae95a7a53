"""Pooling of many maps by tables, against the pooling of one map that is tested by hand arithmetic."""

import numpy as np
import pytest
import torch

from fastRCNN.network.roi_pooling import roi_pool
from fastRCNN.network.roi_pooling_tables import roi_pool_tables


def random_rois(rng, count, *, side):
    """ROIs of all sizes, some of them partly or wholly outside the picture of `side` pixels."""
    corners = rng.uniform(-0.3 * side, 1.3 * side, (count, 2, 2))
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1).astype(np.float32)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [1, 2, 6])
@pytest.mark.parametrize("side", [15, 3])
def test_several_maps_are_pooled_as_one_is(kind, size, side):
    rng = np.random.default_rng(size)
    maps = torch.from_numpy(rng.standard_normal((3, 5, 13, 17)).astype(np.float32)).to(kind)
    rois, owner = random_rois(rng, 80, side=16 * side), rng.integers(0, 3, 80)
    pooled = roi_pool_tables(maps, rois, owner, size=size)
    assert pooled.dtype == kind and pooled.shape == (80, size, size, 5)
    for number in range(3):
        expected = roi_pool(maps[number].float().numpy(), rois[owner == number], size=size)
        assert np.count_nonzero(expected)
        np.testing.assert_array_equal(pooled[owner == number].float().numpy(), expected.transpose(0, 2, 3, 1))


def test_no_roi():
    assert roi_pool_tables(torch.ones(2, 3, 4, 5), np.zeros((0, 4)), np.zeros(0, np.int64)).shape == (0, 6, 6, 3)


def test_bins_of_all_lengths_are_those_of_the_other_pooling():
    maps = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 1, 40, 300)).astype(np.float32))
    last = 16 * np.arange(300)
    rois = np.stack([0 * last, 0 * last, last, last // 8], axis=1)
    expected = roi_pool(maps[0].numpy(), rois).transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(roi_pool_tables(maps, rois, np.zeros(300, np.int64)).numpy(), expected)
    assert roi_pool_tables(maps, rois[14:15], np.zeros(1, np.int64)).tolist() == expected[14:15].tolist()
