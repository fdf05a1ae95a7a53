"""Non-maximum suppression: by hand, against a plain NumPy version of the rules, and properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastRCNN.boxes.nms import _keep_best_numpy, _keep_by_area, _keep_by_rank, nms, nms_largest_first, nms_per_class
from helpers.boxes import iou_matrix


def plain_nms(boxes, scores, threshold):
    """The rules, written down once more with NumPy: the oracle."""
    boxes = np.asarray(boxes, float).reshape(-1, 4)
    order = list(np.argsort(np.asarray(scores), kind="stable")[::-1])
    overlaps = iou_matrix(boxes, boxes)
    kept = []
    while order:
        best = order.pop(0)
        kept.append(best)
        order = [other for other in order if not overlaps[best, other] > threshold]
    return np.array(kept, int)


def random_boxes(rng, count, side=60):
    corner = rng.integers(-5, side, (count, 2))
    return np.hstack([corner, corner + rng.integers(0, side // 2, (count, 2))]).astype(np.int32)


def test_by_hand_with_inclusive_pixels():
    # box 1 has 90 of box 0's 100 pixels: overlap 0.9; box 2 shares 10 columns of 1 row with box 0: 1 / 199 ... apart
    boxes = [[0, 0, 9, 9], [0, 0, 9, 8], [10, 0, 19, 9]]
    assert nms(boxes, [0.3, 0.2, 0.9], threshold=0.5).tolist() == [2, 0]
    assert nms(boxes, [0.3, 0.4, 0.9], threshold=0.5).tolist() == [2, 1]
    assert nms(boxes, [0.3, 0.4, 0.9], threshold=0.0).tolist() == [2, 1]  # boxes that only touch do not overlap


def test_the_overlap_itself_is_still_allowed():
    boxes = [[0, 0, 9, 9], [0, 0, 9, 4]]  # 50 of 100 pixels
    assert nms(boxes, [2, 1], threshold=0.5).tolist() == [0, 1]
    assert nms(boxes, [2, 1], threshold=0.4999).tolist() == [0]
    assert nms([[3, 3, 3, 3], [3, 3, 3, 3]], [1, 2], threshold=1.0).tolist() == [1, 0]


def test_of_equal_scores_the_later_box_comes_first():
    apart = [[0, 0, 1, 1], [10, 0, 11, 1], [20, 0, 21, 1]]
    assert nms(apart, [0.5, 0.5, 0.7], threshold=0.3).tolist() == [2, 1, 0]
    same = [[0, 0, 9, 9]] * 3
    assert nms(same, [0.5, 0.5, 0.5], threshold=0.3).tolist() == [2]
    assert nms_per_class(same, [0.5] * 3, [1, 1, 0], threshold=0.3).tolist() == [False, True, True]


def test_nothing_in_nothing_out():
    kept = nms([], [], threshold=0.3)
    assert kept.shape == (0,) and kept.dtype == np.int64
    mask = nms_per_class(np.zeros((0, 4), np.int32), np.zeros(0), np.zeros(0, int), threshold=0.3)
    assert mask.shape == (0,) and mask.dtype == bool
    assert nms_largest_first([]).shape == (0,)


@pytest.mark.parametrize("threshold", [0.0, 0.01, 0.3, 0.85, 1.0])
def test_same_as_plain_numpy(threshold):
    rng = np.random.default_rng(7)
    for count in (1, 2, 17, 300):
        boxes = random_boxes(rng, count)
        scores = rng.integers(0, 20, count).astype(np.float32)  # with many equal ones
        np.testing.assert_array_equal(nms(boxes, scores, threshold=threshold), plain_nms(boxes, scores, threshold))


def test_near_copies_of_each_other():
    rng = np.random.default_rng(3)
    boxes = np.repeat(random_boxes(rng, 20), 30, axis=0) + rng.integers(-2, 3, (600, 4))
    boxes[:, 2:] = np.maximum(boxes[:, :2], boxes[:, 2:])
    scores = rng.permutation(600).astype(float)
    for threshold in (0.59, 0.6, 0.7, 0.9):  # around the one from which on only boxes of like areas are compared
        np.testing.assert_array_equal(nms(boxes, scores, threshold=threshold), plain_nms(boxes, scores, threshold))


def test_per_class_is_nms_within_each_label():
    rng = np.random.default_rng(8)
    boxes, scores, labels = random_boxes(rng, 400), rng.integers(0, 9, 400) / 4, rng.integers(0, 9, 400)
    expected = np.zeros(400, bool)
    for label in range(9):
        rows = np.flatnonzero(labels == label)
        expected[rows[plain_nms(boxes[rows], scores[rows], 0.3)]] = True
    np.testing.assert_array_equal(nms_per_class(boxes, scores, labels, threshold=0.3), expected)


@pytest.mark.parametrize("kernel", [_keep_by_area, _keep_by_rank])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.6, 0.85, 1.0])
def test_the_stand_in_keeps_the_same_boxes(threshold, kernel):
    import numba  # noqa: F401  # where it is loaded, nothing stands in

    rng = np.random.default_rng(9)
    boxes = np.vstack([random_boxes(rng, 300), [[5, 5, 4, 4]] * 2]).astype(float)
    bounds = np.array([0, 40, 40, 41, 302])
    np.testing.assert_array_equal(_keep_best_numpy(boxes, bounds, threshold), kernel(boxes, bounds, threshold))
    assert _keep_best_numpy(np.zeros((0, 4)), np.array([0, 0]), threshold).shape == (0,)


def test_largest_first():
    boxes = [[0, 0, 8, 9], [0, 0, 9, 9], [50, 50, 52, 52]]  # overlap of the first two: 0.9
    assert nms_largest_first(boxes, threshold=0.85).tolist() == [1, 2]
    assert nms_largest_first(boxes, threshold=0.95).tolist() == [1, 0, 2]


def test_boxes_without_pixels_do_no_harm():
    boxes = [[5, 5, 4, 4], [5, 5, 4, 4], [0, 0, 9, 9]]  # overlap of the first two is 0 / 0
    assert nms(boxes, [3, 2, 1], threshold=0.3).tolist() == [0, 1, 2]


def test_arguments_stay_as_they_are_and_may_be_read_only():
    boxes, scores = random_boxes(np.random.default_rng(1), 30), np.linspace(0, 1, 30)
    boxes.flags.writeable = scores.flags.writeable = False
    nms(boxes, scores, threshold=0.3)
    nms_per_class(boxes, scores, np.zeros(30, int), threshold=0.3)


def test_faults_are_named():
    with pytest.raises(ValueError, match=r"scores: not a number \(NaN\) at index 1"):
        nms([[0, 0, 1, 1]] * 3, [1.0, np.nan, np.nan], threshold=0.3)
    with pytest.raises(ValueError, match=r"boxes: not a number \(NaN\) at index 0"):
        nms_per_class([[0, np.nan, 1, 1]], [1.0], [1], threshold=0.3)
    with pytest.raises(ValueError, match="scores: expected one per box"):
        nms([[0, 0, 1, 1]], [1.0, 2.0], threshold=0.3)
    with pytest.raises(ValueError, match="labels: expected one per box"):
        nms_per_class([[0, 0, 1, 1]], [1.0], [1, 2], threshold=0.3)
    for threshold in (30, 1.01, -0.01):
        with pytest.raises(ValueError, match=f"threshold: expected an overlap between 0 and 1, got {threshold}"):
            nms([[0, 0, 1, 1]], [1.0], threshold=threshold)


def test_defaults_are_those_of_the_published_code():
    boxes = [[0, 0, 9, 9], [0, 0, 9, 2], [0, 0, 9, 3]]  # of the first box 0.3 and 0.4
    assert nms(boxes, [3, 2, 1]).tolist() == [0, 1]
    assert nms_per_class(boxes, [3, 2, 1], [1, 1, 1]).tolist() == [True, True, False]
    assert nms_largest_first([[0, 0, 9, 9], [0, 0, 9, 7], [0, 0, 8, 9]]).tolist() == [0, 1]  # 0.8 and 0.9


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 60), st.floats(0, 1))
def test_properties(seed, count, threshold):
    rng = np.random.default_rng(seed)
    boxes, scores = random_boxes(rng, count, side=40), rng.permutation(count) / 7.0  # no equal scores
    kept = nms(boxes, scores, threshold=threshold)
    assert len(set(kept.tolist())) == len(kept) and set(kept.tolist()) <= set(range(count))
    assert np.all(np.diff(scores[kept]) < 0)
    overlaps = iou_matrix(boxes[kept], boxes[kept])
    assert np.all(overlaps[~np.eye(len(kept), dtype=bool)] <= threshold)
    shuffle = rng.permutation(count)
    again = nms(boxes[shuffle], scores[shuffle], threshold=threshold)
    np.testing.assert_array_equal(shuffle[again], kept)
