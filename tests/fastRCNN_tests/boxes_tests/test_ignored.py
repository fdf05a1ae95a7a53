"""Overlaps with boxes that count neither way, by hand."""

import numpy as np
import pytest

from fastRCNN.boxes.ignored import IgnoredBoxes, ignored_detections, ignored_rois
from helpers.boxes import iou_matrix

TEN = [0, 0, 9, 9]  # 100 pixels


def test_difficult_ones_overlap_by_union_and_crowds_by_the_box():
    # [0 0 19 9] has 200 pixels, 100 of them shared with TEN: IoU 100 / 200; all of TEN lies in the crowd
    both = IgnoredBoxes.of([[0, 0, 19, 9], [0, 0, 19, 9]], [1, 1], [False, True])
    np.testing.assert_allclose(both.overlaps([TEN, [15, 5, 24, 14]]), [[0.5, 1.0], [25 / 275, 0.25]])


HALF = [0, 0, 9, 4]  # overlaps TEN by 0.5
OF_TEN = [0, 0, 9, 7]  # overlaps TEN by 0.8


def rois(overlaps, ignored, threshold=0.5):
    return ignored_rois([TEN], np.array([overlaps]), ignored, threshold=threshold).tolist()[0]


def test_a_roi_that_shows_most_of_what_is_ignored_is_no_example():
    every = IgnoredBoxes.of([OF_TEN])
    assert rois([0, 0.3, 0], every) == [False, True, True]
    assert rois([0, 0.79, 0], every) == [False, True, True], "the ignored box is nearer than the object"
    assert rois([0, 0.8, 0], every) == [False, False, False], "the object is as near"
    assert rois([0, 0, 0], every, threshold=0.8) == [False, True, True]
    assert rois([0, 0, 0], every, threshold=0.81) == [False, False, False], "too far from both: background"


def test_each_roi_is_compared_with_the_best_object_of_its_own():
    overlaps = np.array([[0, 0.3, 0], [0, 0.9, 0]])
    found = ignored_rois([TEN, [0, 0, 9, 6]], overlaps, IgnoredBoxes.of([OF_TEN]))  # 0.8, and 0.875 of the second
    assert found.tolist() == [[False, True, True], [False, False, False]]


def test_a_difficult_object_is_no_background_of_its_class_only():
    assert rois([0, 0, 0.2], IgnoredBoxes.of([OF_TEN], [1])) == [False, True, False]
    both = IgnoredBoxes.of([OF_TEN, HALF], [1, 2])
    assert rois([0, 0, 0], both) == [False, True, True]
    assert rois([0, 0, 0], both, threshold=0.51) == [False, True, False]


def test_a_roi_in_a_crowd_is_no_example_but_for_an_object_there():
    crowd = IgnoredBoxes.of([[0, 0, 99, 99]], [1], [True])  # IoU 0.01, but all of the ROI lies in it
    assert rois([0, 0.49, 0], crowd) == [False, True, False]
    assert rois([0, 0.5, 0], crowd) == [False, False, False]
    assert rois([0, 0, 0.5], crowd) == [False, False, False], "it shows an object of another class"


def detections(label, gt_boxes, gt_classes, ignored, threshold=0.5):
    return ignored_detections([TEN], [label], gt_boxes, gt_classes, ignored, threshold=threshold).tolist()[0]


def test_a_detection_nearer_to_a_difficult_object_than_to_any_other_counts_neither_way():
    difficult = IgnoredBoxes.of([OF_TEN], [1])
    assert detections(1, [], [], difficult)
    assert not detections(2, [], [], difficult), "another class is wrong there"
    assert detections(2, [], [], IgnoredBoxes.of([OF_TEN])), "EXCLUDE hides every class"
    assert not detections(1, [TEN], [1], difficult), "its object is nearer"
    assert detections(1, [TEN], [2], difficult), "an object of another class does not matter"
    assert not detections(1, [OF_TEN], [1], difficult), "as near: VOC's argmax takes the first, the object"
    assert not detections(1, [], [], difficult, threshold=0.8), "not more than the threshold"


def test_a_detection_in_a_crowd_counts_where_it_finds_an_object():
    crowd = IgnoredBoxes.of([[0, 0, 99, 99]], [1], [True])
    assert detections(1, [], [], crowd)
    assert not detections(2, [], [], crowd)
    assert not detections(1, [OF_TEN], [1], crowd)
    assert detections(1, [HALF], [1], crowd), "0.5 is not more than the threshold"
    assert not detections(1, [], [], IgnoredBoxes.of([HALF], [1], [True])), "half of it is not more than half"
    assert detections(1, [], [], IgnoredBoxes.of([HALF], [1], [True]), threshold=0.49)


def test_the_published_rule_of_voc_on_random_boxes():
    """The inner loop of the devkit's voc_eval, written out: the largest overlap decides, difficult or not."""
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 30, (400, 2))
    boxes = np.concatenate([corners, corners + rng.integers(5, 20, (400, 2))], axis=1)
    truth, difficult, found = boxes[:8], boxes[8:16], boxes[16:]
    everything = np.concatenate([truth, difficult])
    overlaps = iou_matrix(found, everything)
    expected = (overlaps.max(axis=1) > 0.5) & (overlaps.argmax(axis=1) >= 8)
    got = ignored_detections(found, np.ones(len(found)), truth, np.ones(8), IgnoredBoxes.of(difficult, np.ones(8)))
    assert expected.any()
    np.testing.assert_array_equal(got, expected)


def test_nothing_is_a_case():
    nothing = IgnoredBoxes.of()
    assert len(nothing) == 0
    assert rois([0, 0, 0], nothing) == [False, False, False]
    assert ignored_rois([], np.zeros((0, 3)), IgnoredBoxes.of([TEN])).shape == (0, 3)
    assert not detections(1, [], [], nothing)
    assert ignored_detections([], [], [], [], IgnoredBoxes.of([TEN])).tolist() == []


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r"boxes \(I, 4\)"):
        IgnoredBoxes.of([TEN], [0, 1])
    with pytest.raises(ValueError, match=r"is_crowd"):
        IgnoredBoxes.of([TEN], [0], [True, False])
