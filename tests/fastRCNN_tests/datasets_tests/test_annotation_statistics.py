"""Sizes of annotated objects, and that step 1's own filter lets them pass with the limits offered."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fastRCNN.datasets.annotation_statistics import ANY_SIZE, box_statistics, fitting_roi_parameters
from fastRCNN.proposals.roi_parameters import RoiParameters
from fastRCNN.proposals.rois import filter_rois


def test_statistics_by_hand():
    columns = box_statistics([[0, 0, 19, 9], [10, 10, 19, 49]], [100, 200]).columns()
    np.testing.assert_array_equal(columns["width"], [20, 10])
    np.testing.assert_array_equal(columns["height"], [10, 40])
    np.testing.assert_array_equal(columns["area"], [200, 400])
    np.testing.assert_allclose(columns["width, rel."], [0.2, 0.05])
    np.testing.assert_allclose(columns["height, rel."], [0.1, 0.2])
    np.testing.assert_allclose(columns["area, rel."], [0.02, 0.01])
    np.testing.assert_allclose(columns["width : height"], [2, 0.25])


def test_limits_by_hand():
    # 20 objects of 100 x 50 (as the filter sees it) in pictures of 1000: sides 0.05 to 0.1. Room: 1.2 + 2 / 20 = 1.3.
    limits = fitting_roi_parameters(box_statistics([[0, 0, 100, 50]] * 20, [1000] * 20))
    assert limits["roi_minDimRel"] == 0.038  # 0.05 / 1.3 = 0.03846
    assert limits["roi_maxDimRel"] == 0.13
    assert limits["roi_minNrPixelsRel"] == 0.0029  # 0.005 / 1.69 = 0.002959
    assert limits["roi_maxNrPixelsRel"] == 0.0085  # 0.005 * 1.69 = 0.00845
    assert limits["roi_maxAspectRatio"] == 2.6


def test_few_objects_get_more_room():
    def limits(count):
        return fitting_roi_parameters(box_statistics([[0, 0, 100, 50]] * count, [1000] * count))

    assert limits(1)["roi_maxDimRel"] == 0.32  # 0.1 * (1.2 + 2)
    assert limits(2)["roi_maxDimRel"] == 0.22
    assert limits(1)["roi_minDimRel"] == 0.015  # 0.05 / 3.2 = 0.0156
    assert limits(2000)["roi_maxDimRel"] == 0.13  # 0.1 * 1.201, rounded up


def test_no_objects_or_none_with_an_extent():
    assert fitting_roi_parameters(box_statistics([], [])) == ANY_SIZE
    assert fitting_roi_parameters(box_statistics([[3, 3, 3, 40]], [100])) == ANY_SIZE  # one pixel wide
    assert fitting_roi_parameters(box_statistics([[3, 3, 3, 40], [0, 0, 50, 50]], [100, 100])) == (
        fitting_roi_parameters(box_statistics([[0, 0, 50, 50]], [100]))
    )


def test_limits_are_values_that_a_parameter_may_have():
    limits = fitting_roi_parameters(box_statistics([[0, 0, 5000, 1]], [5001]))
    assert limits["roi_maxAspectRatio"] == 1000
    assert limits["roi_maxDimRel"] == 1


@given(st.lists(st.tuples(st.integers(10, 400), st.integers(10, 400), st.integers(401, 5000)), min_size=1, max_size=8))
def test_the_filter_lets_every_object_pass(sizes):
    boxes = [[0, 0, width - 1, height - 1] for width, height, _ in sizes]
    limits = fitting_roi_parameters(box_statistics(boxes, [longest for *_, longest in sizes]))
    parameters = RoiParameters(**limits)
    for box, (*_, longest) in zip(boxes, sizes, strict=True):
        assert len(filter_rois(np.array([box]), longest, parameters)) == 1
