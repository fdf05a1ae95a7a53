"""Anchors: the published nine, and where they lie on a map."""

import numpy as np

from fastRCNN.rpn.anchors import anchors_of_map, base_anchors

PUBLISHED = [  # py-faster-rcnn's generate_anchors.py prints these, from 1 on; here from 0 on
    [-84, -40, 99, 55], [-176, -88, 191, 103], [-360, -184, 375, 199], [-56, -56, 71, 71], [-120, -120, 135, 135],
    [-248, -248, 263, 263], [-36, -80, 51, 95], [-80, -168, 95, 183], [-168, -344, 183, 359],
]  # fmt: skip


def test_the_published_nine() -> None:
    assert base_anchors().tolist() == PUBLISHED


def test_recorded_anchors(recorded) -> None:
    np.testing.assert_array_equal(base_anchors(recorded.arrays["scales"].tolist()), recorded.arrays["anchors"])


def test_row_by_row_cell_by_cell_anchor_by_anchor() -> None:
    base = np.array([[0, 0, 15, 15], [-8, 0, 23, 15]])
    made = anchors_of_map(base, 2, 3, stride=10, offset=0.5)
    assert made.shape == (12, 4)
    assert made[0].tolist() == [0.5, 0.5, 15.5, 15.5]
    assert made[1].tolist() == [-7.5, 0.5, 23.5, 15.5]
    assert made[2].tolist() == [10.5, 0.5, 25.5, 15.5]  # next cell of the row
    assert made[6].tolist() == [0.5, 10.5, 15.5, 25.5]  # next row
    assert anchors_of_map(base, 0, 3).shape == (0, 4)
