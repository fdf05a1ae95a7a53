"""Proposal recall by hand, and against a loop over all pairs."""

import numpy as np
import pytest

from fastRCNN.proposals.recall import best_overlaps, proposal_recall, recall_at
from helpers.boxes import iou_matrix

OBJECT = [0, 0, 19, 9]  # 20 x 10
HALF = [0, 0, 9, 9]  # IoU exactly 0.5
MOST = [0, 0, 17, 9]  # IoU 0.9


def test_recall_by_hand():
    rois = [[HALF, [50, 50, 60, 60]], [MOST], np.zeros((0, 4)), [[5, 5, 9, 9]]]
    truth = [[OBJECT], [OBJECT], [OBJECT], np.zeros((0, 4))]  # the last picture shows no object
    # Overlaps 0.5, 0.9 and 0: an overlap of exactly the threshold counts.
    np.testing.assert_allclose(proposal_recall(rois, truth, thresholds=(0.5, 0.6, 0.95)), [2 / 3, 1 / 3, 0])


def test_overlaps_by_number_of_rois():
    overlaps = best_overlaps([[HALF, MOST, HALF], [MOST]], [[OBJECT], [OBJECT, HALF]], counts=(0, 1, 2, 100, None))
    np.testing.assert_allclose(overlaps[:, 0], [0, 0.5, 0.9, 0.9, 0.9])
    np.testing.assert_allclose(overlaps[:, 1], [0, 0.9, 0.9, 0.9, 0.9])
    np.testing.assert_allclose(overlaps[:, 2], [0, 100 / 180, 100 / 180, 100 / 180, 100 / 180])


def test_every_object_counts_and_not_only_the_best_of_a_picture():
    """The published B1 script took one number per picture."""
    assert proposal_recall([[MOST]], [[OBJECT, [100, 100, 120, 120]]])[0] == 0.5


def test_no_objects_is_not_defined():
    assert np.isnan(proposal_recall([[HALF]], [np.zeros((0, 4))], thresholds=(0.5, 0.7))).all()
    assert np.isnan(proposal_recall([], [])).all()


def test_different_numbers_of_pictures():
    with pytest.raises(ValueError, match="zip"):
        proposal_recall([[HALF]], [])


def test_random_against_a_loop():
    rng = np.random.default_rng(5)

    def boxes(number):
        corners = rng.integers(0, 40, size=(number, 2))
        return np.hstack([corners, corners + rng.integers(5, 30, size=(number, 2))])

    rois, truth = [boxes(30) for _ in range(4)], [boxes(n) for n in (3, 0, 1, 5)]
    expected = [
        max(float(iou_matrix([roi], [box])[0, 0]) for roi in mine[:7])
        for mine, objects in zip(rois, truth, strict=True) for box in objects
    ]  # fmt: skip
    np.testing.assert_allclose(best_overlaps(rois, truth, counts=(7,))[0], expected)
    np.testing.assert_allclose(recall_at(expected, (0.4,)), [[np.mean(np.array(expected) >= 0.4)]])
