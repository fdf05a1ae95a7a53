"""The order in which few boxes show much, by hand."""

import numpy as np
import pytest

from fastRCNN.boxes.spread import _spread, _spread_numpy, spread
from helpers.boxes import iou_matrix

A, HALF, MOST, FAR = [0, 0, 99, 99], [0, 50, 99, 99], [0, 20, 99, 99], [200, 0, 299, 99]  # overlaps with A: 1/2, 4/5


def test_by_hand() -> None:
    # After A: HALF 0.8 * 7/8 = 0.7, MOST 0.8 * (1 - 0.512) = 0.39, FAR as it is.
    assert spread([A, MOST, HALF, FAR], [0.9, 0.8, 0.8, 0.71]).tolist() == [0, 3, 2, 1]
    assert spread([A, MOST, HALF, FAR], [0.9, 0.8, 0.8, 0.69]).tolist() == [0, 2, 3, 1]
    assert spread([A, MOST, HALF, FAR], [0.9, 0.8, 0.8, 0.38], most=3).tolist() == [0, 2, 1]


def test_one_box_before_it_counts_as_much_as_many() -> None:
    # HALF overlaps A and both of its copies by a half: still 7/8; after MOST (5/8) 0.8 * (1 - 0.244) = 0.60.
    assert spread([A, A, A, HALF, FAR], [0.9, 0.9, 0.9, 0.8, 0.69]).tolist() == [0, 3, 4, 1, 2]
    assert spread([A, MOST, HALF, FAR], [0.9, 4.0, 0.8, 0.61]).tolist() == [1, 3, 2, 0]
    assert spread([A, MOST, HALF, FAR], [0.9, 4.0, 0.8, 0.6]).tolist() == [1, 2, 3, 0]


def test_equal_ones_stay_in_order_and_a_copy_comes_last() -> None:
    assert spread([FAR, A, A, HALF], [0.5, 0.5, 0.5, 0.001]).tolist() == [0, 1, 3, 2]
    assert spread([A, A, A], [0.0, 0.0, 0.0]).tolist() == [0, 1, 2]


def test_nothing_and_what_does_not_belong_together() -> None:
    assert spread([], []).tolist() == [] and spread([A], [1.0], most=0).tolist() == []
    with pytest.raises(ValueError, match=r"scores: expected one per box, shape \(2,\), got \(1,\)"):
        spread([A, FAR], [1.0])


def test_compiled_and_not() -> None:
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 60, (300, 2, 2))
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1).astype(np.float64)
    scores = rng.integers(0, 50, 300) / 50
    order = _spread_numpy(boxes, scores, 300)
    np.testing.assert_array_equal(_spread(boxes, scores, 300), order)
    assert sorted(order.tolist()) == list(range(300))
    taken, overlaps = [int(order[0])], iou_matrix(boxes, boxes)
    for this in order[1:50].tolist():  # and by the words of the docstring
        worth = scores * (1 - overlaps[taken].max(axis=0) ** 3)
        rest = np.setdiff1d(np.arange(300), taken)
        assert worth[this] >= worth[rest].max() - 1e-12
        taken.append(this)
