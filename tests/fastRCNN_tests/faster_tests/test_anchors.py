"""Anchors fitted to boxes, and how many of them they cover."""

import numpy as np
import pytest

from fastRCNN.faster.anchors import anchor_recall, fitted_anchors
from fastRCNN.rpn.anchors import base_anchors


def sizes_of(anchors):
    return np.stack([anchors[:, 2] - anchors[:, 0] + 1, anchors[:, 3] - anchors[:, 1] + 1], axis=1)


def test_two_kinds_of_objects_give_two_anchors():
    rng = np.random.default_rng(0)
    flat, tall = np.array([60, 20]) + rng.integers(-2, 3, (30, 2)), np.array([40, 90]) + rng.integers(-2, 3, (30, 2))
    anchors = fitted_anchors(np.concatenate([tall, flat]), 2, centre=17.0)
    np.testing.assert_allclose(sizes_of(anchors), [[60, 20], [40, 90]], atol=1)
    np.testing.assert_allclose((anchors[:, :2] + anchors[:, 2:]) / 2, 17)


def test_few_sizes_give_few_anchors_and_order_makes_no_difference():
    sizes = np.array([[10, 20], [30, 30], [10, 20]])
    anchors = fitted_anchors(sizes, 9)
    np.testing.assert_array_equal(sizes_of(anchors), [[10, 20], [30, 30]])
    many = np.random.default_rng(1).integers(10, 90, (50, 2))
    np.testing.assert_array_equal(fitted_anchors(many, 5), fitted_anchors(many[::-1], 5))
    with pytest.raises(ValueError, match="at least one object"):
        fitted_anchors(np.zeros((0, 2)))


def test_a_size_that_differs_by_rounding_gives_one_anchor():
    sizes = np.array([[81, 81], [81 + 1e-10, 81], [88, 88], [88, 88 - 1e-10]])
    np.testing.assert_allclose(sizes_of(fitted_anchors(sizes, 9)), [[81, 81], [88, 88]])


def test_fitted_anchors_cover_more_than_published_ones():
    rng = np.random.default_rng(2)
    wide = rng.uniform(20, 40, (40, 2)) * [1.6, 1]
    corners = rng.uniform(50, 400, (40, 2))
    objects = np.concatenate([corners, corners + wide - 1], axis=1)
    options = {"side": 32, "stride": 16, "thresholds": (0.5, 0.7)}
    fitted = anchor_recall(fitted_anchors(wide, 9), [objects], **options)
    published = anchor_recall(base_anchors(), [objects], **options)
    assert fitted[0] > 0.9 > published[0] and fitted[1] > published[1]


def test_recall_by_hand():
    """One anchor of 16 x 16 pixels in each of 2 x 2 cells: an object just there, and one half beside it."""
    base = [[0, 0, 15, 15]]
    found = anchor_recall(base, [[[16, 0, 31, 15]], [[8, 0, 23, 15]]], side=2, stride=16, thresholds=(0.3, 0.4))
    np.testing.assert_array_equal(found, [1.0, 0.5])  # 8 * 16 / (24 * 16) = 1 / 3
    assert np.isnan(anchor_recall(base, [[]], side=2, stride=16, thresholds=(0.5,))).all()
