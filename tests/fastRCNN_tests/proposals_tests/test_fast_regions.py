"""Selective Search "fast": ranking by hand, no box twice, and that it finds things."""

import math

import cv2
import numpy as np

from fastRCNN.proposals.fast_regions import _score, fast_regions
from helpers.boxes import iou_matrix


def test_rank_by_hand():
    boxes = np.array([[0, 0, 9, 9], [0, 0, 4, 4], [0, 0, 9, 9], [2, 2, 3, 3], [0, 0, 4, 4]], np.int32)
    sizes = np.array([50, 25, 80, 1, 5], np.int32)
    merged = np.array([False, False, True, False, False])
    found, score, count = _score(boxes, sizes, merged)
    assert found[:count].tolist() == [[0, 0, 9, 9], [0, 0, 4, 4], [2, 2, 3, 3]]
    # best of its regions: 80 of 100 pixels, found twice, once by merging; 25 of 25, twice; 1 of 4, once
    expected = [10 + 0.3 * math.log(2) + 0.8, 0.3 * math.log(2) + 1.0, 0.25]
    np.testing.assert_allclose(score[:count], expected, rtol=1e-12)


def test_many_boxes_of_which_some_repeat():
    rng = np.random.default_rng(0)
    boxes = rng.integers(0, 4, (3000, 4)).astype(np.int32)
    boxes[:, 2:] += boxes[:, :2] + rng.choice([0, 60000], (3000, 2)).astype(np.int32)
    found, _, count = _score(boxes, np.ones(3000, np.int32), np.zeros(3000, bool))
    expected = np.unique(boxes, axis=0)
    assert count == len(expected)
    np.testing.assert_array_equal(np.unique(found[:count], axis=0), expected)


def test_no_box_twice_and_always_the_same():
    picture = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 256, (90, 120, 3)).astype(np.uint8), (0, 0), 2)
    boxes = fast_regions(picture, k_values=(50, 500, 6), min_size=20)
    assert len(np.unique(boxes, axis=0)) == len(boxes) > 50
    np.testing.assert_array_equal(fast_regions(picture, k_values=(50, 500, 6), min_size=20), boxes)


def test_only_the_finer_half_of_the_scales_counts():
    picture = cv2.GaussianBlur(np.random.default_rng(4).integers(0, 256, (60, 80, 3)).astype(np.uint8), (0, 0), 2)
    half = fast_regions(picture, k_values=(50, 230, 3), min_size=20)  # 50, 140, 230: its finer half is 50, 140
    whole = fast_regions(picture, k_values=(50, 320, 4), min_size=20)  # 50, 140, 230, 320
    np.testing.assert_array_equal(half, whole)


def test_round_things_on_a_shaded_ground():
    rng = np.random.default_rng(6)
    picture = np.repeat(np.linspace(60, 160, 200)[None, :, None], 150, axis=0) + np.zeros(3)
    truth = []
    for x, y, radius, colour in (
        (40, 40, 22, (30, 40, 220)),
        (120, 50, 30, (40, 200, 60)),
        (90, 115, 18, (220, 220, 40)),
    ):
        cv2.circle(picture, (x, y), radius, colour, -1)
        truth.append((x - radius, y - radius, x + radius, y + radius))
    picture = np.clip(picture + rng.normal(0, 5, picture.shape), 0, 255).astype(np.uint8)
    boxes = fast_regions(picture, k_values=(50, 500, 6), min_size=20)
    assert iou_matrix(truth, boxes).max(axis=1).min() > 0.85
    assert iou_matrix(truth, boxes[:100]).max(axis=1).min() > 0.85  # and among the best ranked
