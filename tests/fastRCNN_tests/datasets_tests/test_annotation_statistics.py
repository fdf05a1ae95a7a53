"""Sizes of annotated objects, and that step 1's own filter lets them pass with the limits offered."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastRCNN.datasets.annotation_statistics import box_statistics, fitting_roi_parameters
from fastRCNN.proposals.rois import RoiParameters, filter_rois


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
    # One object of 100 x 50 in a picture of 1000: sides 0.05 to 0.1, with 20 % room; one pixel is 0.001.
    limits = fitting_roi_parameters(box_statistics([[0, 0, 99, 49]], [1000]))
    assert limits["roi_minDimRel"] == 0.04  # 0.05 / 1.2 - 0.001 = 0.04067
    assert limits["roi_maxDimRel"] == 0.12
    assert limits["roi_minNrPixelsRel"] == 0.0032  # 0.005 / 1.44 - 2 * 0.001 * 0.1 = 0.003272
    assert limits["roi_maxNrPixelsRel"] == 0.0072
    assert limits["roi_maxAspectRatio"] == 2.4


def test_no_objects():
    with pytest.raises(ValueError, match="at least one object"):
        fitting_roi_parameters(box_statistics([], []))


@given(st.lists(st.tuples(st.integers(10, 400), st.integers(10, 400), st.integers(401, 5000)), min_size=1, max_size=8))
def test_the_filter_lets_every_object_pass(sizes):
    boxes = [[0, 0, width - 1, height - 1] for width, height, _ in sizes]
    limits = fitting_roi_parameters(box_statistics(boxes, [longest for *_, longest in sizes]))
    parameters = RoiParameters(**limits)
    for box, (*_, longest) in zip(boxes, sizes, strict=True):
        assert len(filter_rois(np.array([box]), longest, parameters)) == 1
