"""The confusion matrix by hand."""

import numpy as np

from fastRCNN.evaluation.confusion import assign_objects, condensed, confused_pairs, confusion_matrix
from fastRCNN.evaluation.detections import Detections

CLASSES = ("__background__", "orange", "eggBox")
A, B, C = [0, 0, 9, 9], [100, 0, 109, 9], [200, 0, 209, 9]


def _found(boxes, labels, scores):
    return Detections(boxes, labels, scores, [True] * len(labels), CLASSES)


def test_matrix_by_hand():
    found = _found([A, B, [300, 0, 309, 9]], [1, 1, 2], [0.9, 0.8, 0.7])
    # A is an orange and found; B is an egg box, taken for an orange; C, an orange, is missed; one egg box on nothing.
    matrix = confusion_matrix([(found, [A, B, C], [1, 2, 1])], 3)
    np.testing.assert_array_equal(matrix, [[0, 0, 1], [1, 1, 0], [0, 1, 0]])


def test_pictures_add_up_and_empty_ones_are_fine():
    found, nothing = _found([A], [1], [0.9]), _found([], [], [])
    matrix = confusion_matrix([(found, [A], [1]), (nothing, [], []), (nothing, [A, A], [2, 2]), (found, [], [])], 3)
    np.testing.assert_array_equal(matrix, [[0, 1, 0], [0, 1, 0], [2, 0, 0]])
    assert confusion_matrix([], 3).sum() == 0


def test_objects_that_are_missed_twice_count_twice():
    matrix = confusion_matrix([(_found([], [], []), [A, B, C], [1, 1, 1])], 3)
    assert matrix[1, 0] == 3


def test_the_better_score_takes_the_object_whatever_its_class():
    found = _found([A, A], [1, 2], [0.5, 0.6])
    np.testing.assert_array_equal(assign_objects(found, [A]), [-1, 0])
    np.testing.assert_array_equal(confusion_matrix([(found, [A], [1])], 3), [[0, 1, 0], [0, 0, 1], [0, 0, 0]])


def test_a_detection_takes_the_next_object_when_the_nearest_is_taken():
    """Unlike VOC's rule for average precision."""
    objects = [[0, 0, 99, 99], [20, 0, 119, 99]]
    found = _found([[0, 0, 99, 99], [5, 0, 104, 99]], [1, 1], [0.9, 0.8])  # the second: IoU 95/105 and 85/115
    np.testing.assert_array_equal(assign_objects(found, objects), [0, 1])


def test_overlap_of_exactly_the_threshold_is_not_enough():
    np.testing.assert_array_equal(assign_objects(_found([A], [1], [1.0]), [[0, 0, 19, 9]]), [-1])  # IoU 100 / 200
    np.testing.assert_array_equal(assign_objects(_found([[0, 0, 10, 9]], [1], [1.0]), [[0, 0, 19, 9]]), [0])


def test_equal_scores_go_in_order():
    np.testing.assert_array_equal(assign_objects(_found([A, A, A], [1, 1, 1], [0.5, 0.5, 0.5]), [A]), [0, -1, -1])


def test_pairs_come_most_frequent_first_without_the_diagonal():
    matrix = np.array([[0, 2, 0], [7, 9, 2], [1, 0, 5]])
    assert confused_pairs(matrix).tolist() == [[1, 0, 7], [0, 1, 2], [1, 2, 2], [2, 0, 1]]
    assert confused_pairs(np.eye(3, dtype=np.int64)).shape == (0, 3)


def test_a_large_matrix_is_condensed_to_the_most_confused_classes():
    matrix = np.diag([0, 9, 9, 9, 9, 9])
    matrix[2, 5] = 4  # classes 2 and 5 are confused most, then 3
    matrix[3, 0] = 3
    matrix[4, 1] = 1
    small, numbers = condensed(matrix, 4)
    assert numbers.tolist() == [0, 2, 3, 5]
    assert small.tolist() == [[0, 0, 0, 0, 0], [0, 9, 0, 4, 0], [3, 0, 9, 0, 0], [0, 0, 0, 9, 0], [0, 0, 0, 0, 19]]
    same, everything = condensed(matrix, 6)
    assert same is matrix and everything.tolist() == list(range(6))


def test_a_thousand_classes_are_counted_in_no_more_memory_than_their_matrix():
    found = _found([A], [1], [0.9])
    matrix = confusion_matrix([(found, [A], [2]), (found, [B], [1])], 1204)
    assert (matrix[2, 1], matrix[1, 0], matrix[0, 1], matrix.sum()) == (1, 1, 1, 3)
