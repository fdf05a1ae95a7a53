"""The compiled pooling against a slow one that is written straight from CNTK's formula, and against hand arithmetic."""

import math

import numpy as np
import pytest
import torch

from fastRCNN.network.roi_pooling import roi_cells, roi_pool


def slow_roi_pool(features, rois, size, scale):
    """CNTK's formula, one bin at a time."""

    def away(value):
        return math.floor(abs(value) + 0.5) * (1 if value >= 0 else -1)

    channels, height, width = features.shape
    out = np.zeros((len(rois), channels, size, size), np.float32)
    for number, (left, top, right, bottom) in enumerate(rois):
        x1, y1, x2, y2 = (away(float(v) * scale) for v in (left, top, right, bottom))
        bin_w, bin_h = max(x2 - x1 + 1, 1) / size, max(y2 - y1 + 1, 1) / size
        for i in range(size):
            for j in range(size):
                rows = [
                    y for y in range(math.floor(i * bin_h) + y1, math.ceil((i + 1) * bin_h) + y1) if 0 <= y < height
                ]
                cols = [x for x in range(math.floor(j * bin_w) + x1, math.ceil((j + 1) * bin_w) + x1) if 0 <= x < width]
                for y in rows:
                    for x in cols:
                        out[number, :, i, j] = np.maximum(out[number, :, i, j], features[:, y, x])
    return out


@pytest.mark.parametrize("seed", range(10))
def test_equals_the_formula_also_at_borders_and_outside(seed):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(5, 17, 23)).astype(np.float32)
    corners = rng.integers(-30, 400, (40, 4)) / 2
    rois = np.concatenate(
        [np.minimum(corners[:, :2], corners[:, 2:]), np.maximum(corners[:, :2], corners[:, 2:])], axis=1
    )
    pooled = roi_pool(features, rois, size=6, spatial_scale=1 / 8)
    np.testing.assert_array_equal(pooled, slow_roi_pool(features, rois, 6, 1 / 8))


def test_by_hand():
    features = np.arange(12, dtype=np.float32).reshape(1, 3, 4)
    whole = roi_pool(features, [[0, 0, 3, 2]], size=2, spatial_scale=1.0)
    # 4 columns in 2 bins of 2; 3 rows in 2 bins of 1.5: rows 0-1 and 1-2
    assert whole[0, 0].tolist() == [[5, 7], [9, 11]]
    one_cell = roi_pool(features, [[1, 1, 1, 1]], size=2, spatial_scale=1.0)
    assert one_cell[0, 0].tolist() == [[5, 5], [5, 5]]


def test_rounds_half_away_from_zero():
    assert roi_cells([[8, 24, 40, 40]]).tolist() == [[1, 2, 3, 3]]  # 0.5, 1.5, 2.5, 2.5
    assert roi_cells([[-8, -24, 40, 40]]).tolist() == [[-1, -2, 3, 3]]


def test_empty_bins_negative_maps_and_no_rois_give_zero_and_nothing():
    features = -np.ones((3, 4, 4), np.float32)
    assert (roi_pool(features, [[0, 0, 60, 60]]) == 0).all()
    assert (roi_pool(np.ones((3, 4, 4), np.float32), [[1000, 1000, 1100, 1100]]) == 0).all()
    assert roi_pool(features, np.zeros((0, 4))).shape == (0, 3, 6, 6)


def test_doubling_picture_and_scale_changes_nothing():
    features = np.random.default_rng(0).random((2, 9, 9), dtype=np.float32)
    rois = np.array([[16, 32, 96, 112], [0, 0, 140, 140]])
    np.testing.assert_array_equal(roi_pool(features, rois), roi_pool(features, rois * 2, spatial_scale=1 / 32))


def test_bits_of_bfloat16_pool_like_their_numbers():
    numbers = torch.randn(7, 12, 15, generator=torch.Generator().manual_seed(0)).bfloat16()
    numbers[0] = -1  # a channel without a positive number
    numbers[1, 3] = -0.0
    corners = np.random.default_rng(0).integers(0, 200, (50, 2, 2))
    rois = np.sort(corners, axis=1).reshape(50, 4)
    pooled = roi_pool(numbers.view(torch.int16).numpy(), rois)
    assert pooled.dtype == np.int16
    found = torch.from_numpy(pooled).view(torch.bfloat16).float().numpy()
    np.testing.assert_array_equal(found, roi_pool(numbers.float().numpy(), rois))


def test_the_result_is_written_where_it_is_wanted():
    features, rois = np.random.default_rng(0).random((3, 9, 9), np.float32), [[0, 0, 40, 60], [16, 16, 80, 30]]
    out = np.full((2, 3, 6, 6), np.nan, np.float32)
    assert roi_pool(features, rois, out=out) is out
    np.testing.assert_array_equal(out, roi_pool(features, rois))
    for wrong in (out[:1], out.astype(np.int16), np.zeros((2, 3, 6, 12), np.float32)[..., ::2]):
        with pytest.raises(ValueError, match="out: expected contiguous"):
            roi_pool(features, rois, out=wrong)


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match=r"\(C, H, W\)"):
        roi_pool(np.zeros((4, 4), np.float32), [[0, 0, 1, 1]])
    with pytest.raises(ValueError, match="float64"):
        roi_pool(np.zeros((1, 4, 4)), [[0, 0, 1, 1]])
    with pytest.raises(ValueError, match=r"\(N, 4\)"):
        roi_pool(np.zeros((1, 4, 4), np.float32), [0, 0, 1, 1])
