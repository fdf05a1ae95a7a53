"""ROIs dealt among groups of sizes; expected values by hand."""

import numpy as np

from fastRCNN.proposals.roi_parameters import RoiParameters
from fastRCNN.proposals.rois import compute_rois
from fastRCNN.proposals.size_groups import dealt_by_size, relative_sizes, size_edges
from tests.conftest import draw_tiny_picture


def squares(*sides):
    return np.array([[0, 0, side - 1, side - 1] for side in sides])


def test_sizes_are_relative_to_the_longest_side():
    np.testing.assert_allclose(relative_sizes([[0, 0, 9, 39], [5, 5, 5, 5]], [100, 10]), [0.2, 0.1])


def test_edges_part_equally_many():
    sizes = np.arange(1, 11) / 20
    assert size_edges(sizes) == [0.14, 0.23, 0.32, 0.41]
    assert [len(each) for each in np.split(sizes, np.searchsorted(sizes, size_edges(sizes)))] == [2] * 5
    assert size_edges([0.3]) == size_edges([0.3] * 7) == [0.3]
    assert size_edges([]) == []
    assert size_edges([1 / 3, 2 / 3], groups=2) == [0.5]


def test_each_group_gives_its_best_in_turn():
    boxes = squares(50, 60, 10, 70, 20, 80, 90, 30)  # groups below 15, below 40, and above
    assert dealt_by_size(boxes, [0.15, 0.4], 100).tolist() == [0, 2, 4, 1, 7, 3, 5, 6]
    assert dealt_by_size(boxes, [], 100).tolist() == list(range(8))
    assert dealt_by_size(boxes, [0.95], 100).tolist() == list(range(8))
    assert dealt_by_size(np.zeros((0, 4)), [0.5], 100).tolist() == []


def test_the_same_rois_in_another_order():
    image, _, _ = draw_tiny_picture(3)
    chosen = {"roi_maxImgDim": 120, "roi_minDimRel": 0.05, "roi_maxDimRel": 0.9, "grid_nrScales": 4}
    ranked = compute_rois(image, RoiParameters(**chosen), np.random.default_rng(0))
    edges = [0.15, 0.3]
    dealt = compute_rois(image, RoiParameters(**chosen, roi_sizeGroups=edges), np.random.default_rng(0))
    np.testing.assert_array_equal(dealt, ranked[dealt_by_size(ranked, edges, 120)])
    groups = np.digitize(relative_sizes(dealt, 120), edges)
    assert np.bincount(groups[:30], minlength=3).tolist() == [10, 10, 10]
    assert len(set(np.digitize(relative_sizes(ranked[:30], 120), edges).tolist())) > 0
