"""benchmarks/bench_nms.py: all ways keep the same boxes, and the pairs are counted as the algorithm needs them."""

import numpy as np
import pytest

from benchmarks.bench_nms import compared_pairs, in_numpy, in_opencv, in_torch, make_case, ours


@pytest.mark.parametrize(("count", "classes"), [(50, 1), (300, 7)])
def test_all_keep_the_same_boxes(count, classes):
    case = make_case(count, classes)
    kept = ours(case)
    assert 0 < kept.sum() < count
    for way in (in_numpy, in_torch, in_opencv):
        np.testing.assert_array_equal(way(case), kept)


def test_pairs_by_hand():
    case = make_case(4, 1)
    # best first: the first stays (3 pairs) and drops the second; the third (1 pair) stays, and the fourth (none)
    boxes = np.array([[0, 0, 9, 9], [0, 0, 9, 8], [50, 50, 59, 59], [80, 80, 89, 89]], np.int32)
    case = case._replace(boxes=boxes, scores=np.array([0.9, 0.8, 0.7, 0.6], np.float32), labels=np.zeros(4, np.int64))
    assert compared_pairs(case, ours(case)) == 3 + 1
    apart = case._replace(labels=np.array([0, 1, 1, 2]))  # the second meets the third, in a class of their own
    assert compared_pairs(apart, ours(apart)) == 1
