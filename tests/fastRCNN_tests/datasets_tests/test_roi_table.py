"""ROIs and overlaps of many pictures come out as they went in."""

from pathlib import Path

import numpy as np

from fastRCNN.datasets.imdb import ImageRecord
from fastRCNN.datasets.roi_table import RoiTable
from fastRCNN.datasets.roidb import RoiRecord


def record(rois, overlaps) -> RoiRecord:
    image = ImageRecord(0, "a/b", Path("b.jpg"), 9, 9, np.zeros((0, 4)), np.zeros(0, np.int64))
    return RoiRecord(
        image, np.array(rois, np.float64).reshape(-1, 4), np.array(overlaps, np.float32), np.zeros(1, bool)
    )


def test_as_they_went_in() -> None:
    nan = float("nan")
    records = [
        record([[1, 2, 3, 4], [0.1, 0, 5, 5]], [[0, 0.5, 0, 0], [0, 0, 0, nan]]),  # 0.1 is no float32
        record([], np.zeros((0, 4))),
        record([[1, 2, 3, 4]], np.zeros((1, 4))),
    ]
    table = RoiTable(iter(records))
    assert table.counts == [2, 0, 1] and len(table.rois) == len(table.overlaps) == 3
    for given, rois, overlaps in zip(records, table.rois, table.overlaps, strict=True):
        np.testing.assert_array_equal(rois, given.rois)
        np.testing.assert_array_equal(overlaps, given.overlaps)
        assert (rois.dtype, overlaps.dtype) == (np.float64, np.float32)
    assert [each.shape for each in table.overlaps[1:]] == [(0, 4), (1, 4)]
