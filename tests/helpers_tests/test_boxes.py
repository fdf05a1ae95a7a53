"""Expected values by hand: a box from 0 to 9 is 10 pixels wide."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.boxes import areas, as_boxes, clip_boxes, iou_matrix, widths_heights

coordinates = st.tuples(*[st.integers(-50, 50)] * 2, *[st.integers(0, 60)] * 2)
boxes_strategy = st.lists(coordinates.map(lambda t: (t[0], t[1], t[0] + t[2], t[1] + t[3])), min_size=1, max_size=6)


def test_width_counts_both_ends():
    widths, heights = widths_heights([[0, 0, 9, 4], [3, 3, 3, 3]])
    assert widths.tolist() == [10, 1]
    assert heights.tolist() == [5, 1]
    assert areas([[0, 0, 9, 4], [3, 3, 3, 3]]).tolist() == [50, 1]


def test_iou_by_hand():
    # 10x10 and 10x10 shifted by 5: 5*10 = 50 shared of 100 + 100 - 50
    ious = iou_matrix([[0, 0, 9, 9]], [[5, 0, 14, 9], [0, 0, 9, 9], [9, 9, 9, 9], [10, 0, 12, 9], [20, 20, 30, 30]])
    np.testing.assert_allclose(ious, [[50 / 150, 1, 1 / 100, 0, 0]])


def test_iou_of_nothing_has_the_right_shape():
    assert iou_matrix([], [[0, 0, 1, 1]]).shape == (0, 1)
    assert iou_matrix([[0, 0, 1, 1]], []).shape == (1, 0)


@given(boxes_strategy, boxes_strategy)
def test_iou_is_symmetric_and_one_only_for_equal_boxes(a, b):
    ious = iou_matrix(a, b)
    np.testing.assert_allclose(ious, iou_matrix(b, a).T)
    assert ((ious >= 0) & (ious <= 1)).all()
    equal = (np.asarray(a)[:, None] == np.asarray(b)[None]).all(axis=2)
    np.testing.assert_array_equal(ious == 1, equal)


def test_clip_keeps_the_last_pixel_and_the_argument():
    boxes = np.array([[-3, -3, 20, 20]], np.int32)
    clipped = clip_boxes(boxes, width=10, height=5)
    assert clipped.tolist() == [[0, 0, 9, 4]]
    assert clipped.dtype == np.int32
    assert boxes.tolist() == [[-3, -3, 20, 20]]


def test_a_flat_box_is_refused_and_an_empty_list_is_not():
    with pytest.raises(ValueError, match=r"\(N, 4\)"):
        as_boxes([1, 2, 3, 4])
    assert as_boxes([]).shape == (0, 4)
