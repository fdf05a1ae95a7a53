"""VOC's matching rule and the counts over thresholds, by hand."""

import numpy as np
import pytest

from fastRCNN.evaluation.matching import Ranking, count_over_thresholds, match_detections


def test_second_detection_of_an_object_is_wrong():
    boxes = [[0, 0, 9, 9], [0, 0, 9, 8], [0, 0, 9, 9]]
    matching = match_detections(boxes, [0.5, 0.9, 0.5], [0, 0, 1], [[0, 0, 9, 9], [0, 0, 9, 9]], [0, 1])
    np.testing.assert_array_equal(matching.order, [1, 0, 2])  # the better-scored one first, then a stable order
    np.testing.assert_array_equal(matching.right, [True, False, True])
    np.testing.assert_array_equal(matching.matched, [0, -1, 1])
    np.testing.assert_allclose(matching.overlaps, [0.9, 1.0, 1.0])


def test_overlap_of_exactly_the_threshold_is_wrong():
    # 20 x 10 against its left half: IoU 100 / 200.
    assert not match_detections([[0, 0, 9, 9]], [1.0], [0], [[0, 0, 19, 9]], [0]).right[0]
    assert match_detections([[0, 0, 10, 9]], [1.0], [0], [[0, 0, 19, 9]], [0]).right[0]  # 110 / 200
    assert match_detections([[0, 0, 9, 9]], [1.0], [0], [[0, 0, 19, 9]], [0], overlap_threshold=0.49).right[0]


def test_only_the_largest_overlap_counts():
    """A detection nearest to an object that is taken is wrong, though it overlaps another by more than 0.5."""
    objects = [[0, 0, 99, 99], [20, 0, 119, 99]]
    boxes = [[0, 0, 99, 99], [5, 0, 104, 99]]  # the second overlaps the objects by 95/105 and 85/115
    matching = match_detections(boxes, [0.9, 0.8], [0, 0], objects, [0, 0])
    np.testing.assert_array_equal(matching.right, [True, False])
    np.testing.assert_allclose(matching.overlaps, [1.0, 95 / 105])


def test_the_first_of_equally_near_objects_is_taken():
    matching = match_detections([[0, 0, 9, 9]], [1.0], [3], [[50, 0, 59, 9], [0, 0, 9, 9], [0, 0, 9, 9]], [3, 3, 3])
    np.testing.assert_array_equal(matching.matched, [1])


def test_objects_of_other_pictures_do_not_count():
    matching = match_detections([[0, 0, 9, 9]], [1.0], [0], [[0, 0, 9, 9]], [1])
    assert not matching.right[0] and matching.overlaps[0] == 0 and matching.positives == 1


@pytest.mark.parametrize(("nr_boxes", "nr_objects"), [(0, 0), (0, 2), (2, 0)])
def test_nothing_to_match(nr_boxes, nr_objects):
    matching = match_detections(
        [[0, 0, 9, 9]] * nr_boxes, [1.0] * nr_boxes, [0] * nr_boxes, [[0, 0, 9, 9]] * nr_objects, [0] * nr_objects
    )
    assert not matching.right.any() and matching.positives == nr_objects
    assert len(matching.recalls) == len(matching.precisions) == nr_boxes


def test_objects_of_pictures_in_any_order():
    """Pictures 2, 0, 2 among the objects: numbers of matched objects follow the caller's order."""
    objects = [[0, 0, 9, 9], [20, 0, 29, 9], [40, 0, 49, 9]]
    matching = match_detections([objects[2], objects[1], objects[0]], [3, 2, 1], [2, 0, 2], objects, [2, 0, 2])
    np.testing.assert_array_equal(matching.matched, [2, 1, 0])


def test_counts_over_thresholds_by_hand():
    matching = match_detections(
        [[0, 0, 9, 9], [100, 0, 109, 9], [20, 0, 29, 9]],
        np.float32([0.9, 0.7, 0.5]),
        [0, 0, 0],
        [[0, 0, 9, 9], [20, 0, 29, 9], [60, 0, 69, 9]],
        [0, 0, 0],
    )
    counts = count_over_thresholds([matching], [0.5, 0.6, 0.7, 0.95])
    np.testing.assert_array_equal(counts.detections, [3, 2, 2, 0])  # 0.7 passes "at least 0.7" although it is a float32
    np.testing.assert_array_equal(counts.right, [2, 1, 1, 0])
    np.testing.assert_allclose(counts.precisions, [2 / 3, 1 / 2, 1 / 2, np.nan])
    np.testing.assert_allclose(counts.recalls, [2 / 3, 1 / 3, 1 / 3, 0])
    assert count_over_thresholds([matching], [0, 1]).thresholds.dtype == np.float64
    both = count_over_thresholds([matching, matching], [0.6])
    assert (both.detections[0], both.right[0], both.positives) == (4, 2, 6)


def test_counts_without_objects_or_detections():
    nothing = match_detections([], [], [], [], [])
    counts = count_over_thresholds([nothing], [0.0, 1.0])
    assert np.isnan(counts.precisions).all() and np.isnan(counts.recalls).all()


def test_precision_and_recall_after_each_detection():
    """Right, wrong, wrong, right of three objects."""
    ranking = Ranking(np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, False, True]), 3)
    assert ranking.precisions.tolist() == [1, 1 / 2, 1 / 3, 2 / 4]
    assert ranking.recalls.tolist() == [1 / 3, 1 / 3, 1 / 3, 2 / 3]
    counts = count_over_thresholds([ranking, ranking], [0.5, 0.75, 1.0])
    assert counts.detections.tolist() == [8, 4, 0] and counts.right.tolist() == [4, 2, 0]
    assert counts.precisions[:2].tolist() == [0.5, 0.5] and np.isnan(counts.precisions[2])
    assert counts.recalls.tolist() == [4 / 6, 2 / 6, 0]
