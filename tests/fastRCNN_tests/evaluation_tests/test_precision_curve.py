"""Both average precisions against hand arithmetic and a slow reference written from the definition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastRCNN.evaluation.precision_curve import ap_11point, ap_area


def test_ap_by_hand():
    # right, wrong, right, right of 4 objects: precisions 1, 1/2, 2/3, 3/4 at recalls 1/4, 1/4, 2/4, 3/4.
    # Envelope: 1 up to recall 0.25, 3/4 up to 0.75, then 0.
    right = [True, False, True, True]
    # Points 0, 0.1, 0.2 have 1; 0.3 to 0.7 have 3/4 (five of them); 0.8, 0.9, 1.0 have 0.
    assert ap_11point(right, positives=4) == pytest.approx((3 + 5 * 0.75) / 11, abs=1e-15)
    assert ap_area(right, positives=4) == pytest.approx(0.25 * 1 + 0.5 * 0.75, abs=1e-15)


def test_ap_11point_reaches_a_recall_exactly_except_in_the_tutorial():
    # 3 of 5 found: recall 0.6. The published code compares with 0.6000000000000001 and misses the seventh point.
    assert ap_11point([True] * 3, positives=5) == pytest.approx(7 / 11, abs=1e-15)
    assert ap_11point([True] * 3, positives=5, compat="tutorial") == pytest.approx(6 / 11, abs=1e-15)
    # 1 of 10: recall 0.1, which both reach.
    assert ap_11point([True], positives=10, compat="tutorial") == pytest.approx(2 / 11, abs=1e-15)


def test_ap_without_objects_is_not_defined_and_without_detections_zero():
    assert ap_11point([False], positives=0) is None
    assert ap_area([], positives=0) is None
    assert ap_11point([], positives=3) == 0.0
    assert ap_area([], positives=3) == 0.0


def _slow_ap(right, positives):
    """Both metrics from their definitions, one detection and one point at a time, in fractions of whole numbers."""
    points = []  # (found, precision)
    found = 0
    for rank, good in enumerate(right, start=1):
        found += good
        points.append((found, found / rank))
    eleven = sum(max([p for f, p in points if f * 10 >= k * positives], default=0.0) for k in range(11)) / 11
    area = sum(max([p for f, p in points if f >= k], default=0.0) for k in range(1, positives + 1)) / positives
    return eleven, area


@given(st.lists(st.booleans(), max_size=30), st.integers(0, 8))
def test_ap_equals_the_slow_reference(right, missed):
    positives = sum(right) + missed
    if positives == 0:
        return
    eleven, area = _slow_ap(right, positives)
    assert ap_11point(right, positives=positives) == pytest.approx(eleven, abs=1e-12)
    assert ap_area(right, positives=positives) == pytest.approx(area, abs=1e-12)


@given(st.lists(st.booleans(), max_size=30), st.integers(0, 8))
def test_ap_properties(right, missed):
    positives = sum(right) + missed
    for metric in (ap_11point, ap_area):
        value = metric(right, positives=positives)
        if positives == 0:
            assert value is None
            continue
        assert 0 <= value <= 1
        assert metric([*right, False], positives=positives) == value  # a lower-scored false positive changes nothing
        assert metric([False, *right], positives=positives) <= value
        assert metric([True] * positives, positives=positives) == pytest.approx(1)


@given(st.integers(1, 20), st.integers(0, 20))
def test_the_metrics_agree_when_precision_is_constant_up_to_recall_1(positives, false_positives):
    right = [True] * positives + [False] * false_positives
    assert ap_11point(right, positives=positives) == pytest.approx(ap_area(right, positives=positives))
