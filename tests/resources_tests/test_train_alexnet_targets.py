"""ROIs and their targets, by hand arithmetic."""

import numpy as np
import pytest

from resources.train_alexnet.targets import class_share, make_targets, sample_rois

NONE = np.zeros((0, 4), np.float32)


def test_class_share_rises_between_overlap_0_3_and_0_8():
    assert class_share(np.array([0.0, 0.3, 0.55, 0.8, 1.0])) == pytest.approx([0, 0, 0.5, 1, 1], abs=1e-6)


def test_targets_of_a_whole_a_half_and_an_empty_roi():
    boxes = np.array([[10, 10, 29, 29]], np.float32)  # 20 x 20
    rois = np.array([[10, 10, 29, 29], [10, 10, 19, 29], [50, 50, 59, 59], [0, 10, 39, 29]], np.float32)
    targets = make_targets(rois, boxes, np.array([7]), np.array([True]))
    assert targets.label.tolist() == [7, 7, -1, 7]
    assert targets.fit == pytest.approx(np.array([[1, 1, 1], [0.5, 0.5, 1], [0, 0, 0], [0.5, 1, 0.5]]), abs=1e-6)
    assert targets.share == pytest.approx([1, 0.4, 0, 0.4], abs=1e-6)
    assert targets.weight.tolist() == [1, 1, 1, 1]
    assert targets.offsets[0] == pytest.approx([0, 0, 0, 0])
    # the half: centre 14.5 against 19.5 is half a ROI width; it must double its width
    assert targets.offsets[1] == pytest.approx([0.5, 0, np.log(2), 0], abs=1e-6)
    assert targets.offsets[3] == pytest.approx([0, 0, np.log(0.5), 0], abs=1e-6)


def test_the_best_overlapping_product_gives_the_label():
    boxes = np.array([[0, 0, 9, 9], [5, 0, 24, 9]], np.float32)
    targets = make_targets(np.array([[4, 0, 24, 9]], np.float32), boxes, np.array([1, 2]), np.array([True, True]))
    assert targets.label.tolist() == [2] and targets.fit[0, 0] == pytest.approx(200 / 210)


def test_unclear_products_take_the_weight_away():
    boxes = np.array([[0, 0, 19, 19], [100, 100, 119, 119]], np.float32)
    rois = np.array([[0, 0, 19, 19], [2, 2, 6, 6], [100, 100, 119, 119], [200, 200, 219, 219]], np.float32)
    targets = make_targets(rois, boxes, np.array([1, 2]), np.array([False, True]))
    assert targets.weight.tolist() == [0, 0, 1, 1]  # the product itself and a part of it; not the clear one
    assert targets.label.tolist() == [-1, -1, 2, -1]


def test_a_place_without_products_is_background():
    targets = make_targets(np.array([[0, 0, 9, 9]], np.float32), NONE, np.zeros(0, np.int64), np.zeros(0, bool))
    assert targets.label.tolist() == [-1] and targets.share.tolist() == [0] and targets.weight.tolist() == [1]


def test_rois_are_whole_pixels_inside_the_window_and_cover_all_overlaps():
    boxes = np.array([[40, 60, 159, 139], [200, 200, 299, 349]], np.float32)
    rois = sample_rois(np.random.default_rng(0), boxes, 2000, 384)
    assert rois.shape == (2000, 4) and rois.dtype == np.float32
    assert (rois == np.round(rois)).all() and rois.min() >= 0 and rois.max() <= 383
    assert (rois[:, 2:] - rois[:, :2] >= 12).all()
    overlap = make_targets(rois, boxes, np.array([0, 1]), np.array([True, True])).fit[:, 0]
    counts = np.histogram(overlap, [0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.01])[0]
    assert (counts > 100).all(), counts
    assert (overlap == 1).sum() > 50
    assert np.array_equal(rois, sample_rois(np.random.default_rng(0), boxes, 2000, 384))


def test_rois_without_products():
    assert sample_rois(np.random.default_rng(0), NONE, 9, 128).shape == (9, 4)
