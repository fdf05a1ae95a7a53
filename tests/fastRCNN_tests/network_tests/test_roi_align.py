"""ROI align: by hand on ramps, against a loop over points, and its gradient by finite differences."""

import math

import numpy as np
import pytest
import torch

from fastRCNN.network.roi_align import bin_weights, roi_align


def by_points(features, roi, size, scale, first_centre):
    """One ROI as the paper says it, point after point."""
    x1, y1, x2, y2 = roi
    left, top, right, bottom = ((edge - 0.5 - first_centre) * scale for edge in (x1, y1, x2 + 1, y2 + 1))
    wide, tall = (right - left) / size, (bottom - top) / size
    across, down = max(1, math.ceil(wide)), max(1, math.ceil(tall))
    result = np.zeros((len(features), size, size))
    for i in range(size):
        for j in range(size):
            points = [
                (top + (i + (a + 0.5) / down) * tall, left + (j + (b + 0.5) / across) * wide)
                for a in range(down)
                for b in range(across)
            ]
            result[:, i, j] = np.mean([between(features, y, x) for y, x in points], axis=0)
    return result


def between(features, y, x):
    height, width = features.shape[1:]
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    y0, x0 = int(y), int(x)
    y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
    above = (x0 + 1 - x) * features[:, y0, x0] + (x - x0) * features[:, y0, x1]
    below = (x0 + 1 - x) * features[:, y1, x0] + (x - x0) * features[:, y1, x1]
    return (y0 + 1 - y) * above + (y - y0) * below


def test_a_ramp_gives_the_middles_of_the_bins():
    # Cell i is centred on pixel 16 i + 5 and holds that pixel's number: so a bin holds the pixel of its own middle.
    columns = torch.arange(20.0)[None, None, None, :].expand(1, 1, 20, 20) * 16 + 5
    maps = torch.cat([columns, columns.transpose(2, 3), -columns], dim=1)
    pooled = roi_align(maps, [[64, 96, 191, 159]], [0], size=4, spatial_scale=1 / 16, first_centre=5)[0]
    # 128 pixels from 64 on, bins of 32: the middle of the first lies between the pixels 79 and 80
    assert pooled[0, :, 0].tolist() == pytest.approx([79.5, 111.5, 143.5, 175.5])
    assert pooled[:, 0, 1].tolist() == pytest.approx([103.5, 119.5, 135.5, 151.5])
    assert pooled[0, :, 2].tolist() == pytest.approx([-79.5, -111.5, -143.5, -175.5]), "numbers below 0 stay"


def test_the_same_as_point_after_point():
    rng = np.random.default_rng(0)
    maps = rng.standard_normal((2, 3, 13, 17)).astype(np.float32)
    corners = rng.integers(0, 260, (40, 2, 2))
    rois = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    rois[0], rois[1] = [0, 0, 0, 0], [0, 0, 271, 207]
    owner = rng.integers(0, 2, len(rois))
    for first_centre in (0.0, 7.5, 15.0):
        found = roi_align(torch.from_numpy(maps), rois, owner, size=3, first_centre=first_centre).permute(0, 3, 1, 2)
        expected = [by_points(maps[n], roi, 3, 1 / 16, first_centre) for n, roi in zip(owner, rois, strict=True)]
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-5)


def test_many_rois_in_blocks(monkeypatch):
    maps = torch.from_numpy(np.random.default_rng(1).standard_normal((1, 2, 9, 9)).astype(np.float32))
    rois = [[0, 0, 50 + 5 * n, 60] for n in range(10)]
    at_once = roi_align(maps, rois, [0] * 10)
    monkeypatch.setattr("fastRCNN.network.roi_align._MOST", 1)
    torch.testing.assert_close(roi_align(maps, rois, [0] * 10), at_once)


def test_weights_of_a_bin_sum_to_one():
    weights = bin_weights(np.array([-1.0, 0.2, 3.0]), np.array([2.5, 0.3, 12.0]), 9, 7)
    assert weights.shape == (3, 7, 9)
    np.testing.assert_allclose(weights.sum(axis=2), 1, atol=1e-6)


def test_gradient():
    maps = torch.from_numpy(np.random.default_rng(2).standard_normal((2, 2, 6, 5))).requires_grad_()
    rois, owner = [[3, 4, 60, 70], [20, 0, 79, 95], [8, 8, 9, 9]], [1, 0, 1]
    assert torch.autograd.gradcheck(lambda m: roi_align(m, rois, owner, size=2), maps)


def test_no_rois_and_wrong_ones():
    maps = torch.zeros(1, 4, 5, 5)
    assert roi_align(maps, np.zeros((0, 4)), [], size=3).shape == (0, 3, 3, 4)
    with pytest.raises(ValueError, match="expected the number of a map, 0 to 0, for each of 1 ROIs"):
        roi_align(maps, [[0, 0, 5, 5]], [1])
    with pytest.raises(ValueError, match=r"maps: expected shape \(N, C, H, W\)"):
        roi_align(maps[0], [[0, 0, 5, 5]], [0])


def test_small_rois_one_by_one_are_the_same():
    """Without a gradient, ROIs that cover few cells are pooled for themselves."""
    rng = np.random.default_rng(4)
    maps = torch.from_numpy(rng.standard_normal((2, 5, 40, 44)).astype(np.float32))
    corners = rng.uniform(-60, 720, (60, 2))
    sizes = np.where(rng.random((60, 1)) < 0.7, rng.uniform(1, 90, (60, 2)), rng.uniform(100, 700, (60, 2)))
    rois, owner = np.concatenate([corners, corners + sizes], axis=1), rng.integers(0, 2, 60)
    options = {"size": 6, "first_centre": 8.0}
    expected = roi_align(maps, rois, owner, **options)
    with torch.inference_mode():
        found = roi_align(maps, rois, owner, **options)
        rounded = roi_align(maps.bfloat16(), rois, owner, **options)
        assert roi_align(maps, np.zeros((0, 4)), [], **options).shape == (0, 6, 6, 5)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert rounded.dtype == torch.bfloat16
    torch.testing.assert_close(rounded.float(), expected, atol=0.05, rtol=0.05)
