"""Detections of many pictures in compact arrays."""

import numpy as np

from fastRCNN.evaluation.kept_detections import KeptDetections


def test_columns_in_the_order_of_adding() -> None:
    kept = KeptDetections()
    assert len(kept) == 0 and kept.boxes.shape == (0, 4)
    kept.add(3, np.array([[1, 2, 3, 4], [5, 6, 7, 8]]), np.array([0.5, 0.25]), np.array([2, 1]))
    kept.add(1, np.zeros((0, 4)), [], [])
    assert len(kept) == 2 and kept.pictures.tolist() == [3, 3]
    kept.add(0, [[9, 9, 9, 9]], [1], [20])
    assert kept.classes.tolist() == [2, 1, 20] and kept.scores.tolist() == [0.5, 0.25, 1.0]
    assert kept.boxes.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 9, 9, 9]]
    row = sum(column[0].nbytes for column in (kept.pictures, kept.classes, kept.scores, kept.boxes))
    assert row == 26
