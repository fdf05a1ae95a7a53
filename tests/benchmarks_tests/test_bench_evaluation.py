"""benchmarks/bench_evaluation.py: both evaluations see the same detections."""

import numpy as np
import pytest

from benchmarks.bench_evaluation import make_pictures, measure


def test_both_find_nearly_the_same_average_precision():
    pytest.importorskip("pycocotools")
    row = measure(make_pictures(np.random.default_rng(0), pictures=30, classes=3, rois=40), classes=3)
    assert row.detections == 30 * 40 * 3
    assert row.ap == pytest.approx(row.coco_ap, abs=0.02)  # area under the curve beside 101 recalls
    assert min(row.ours, row.with_nms, row.coco, row.coco_loading) > 0
