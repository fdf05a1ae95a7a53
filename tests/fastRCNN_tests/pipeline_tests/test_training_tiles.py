"""Training pictures in tiles: which ROIs are in which, and what the network sees of them."""

import numpy as np

from fastRCNN.boxes.tiles import Tiling
from fastRCNN.nn.sampling import TrainingPicture
from fastRCNN.pipeline.cntk_inputs import CntkRecord, relative_rois
from fastRCNN.pipeline.training_tiles import in_tiles
from helpers.images import write_image


def test_each_roi_is_learnt_from_in_one_view(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (100, 160, 3)).astype(np.uint8)
    write_image(tmp_path / "a.png", image)
    boxes = np.array([[0, 0, 159, 99], [10, 10, 30, 30], [120, 50, 140, 90], [5, 5, 8, 8], [61, 0, 159, 99]])
    labels = np.array([1, -1, 2, 0, 1])
    record = CntkRecord(0, tmp_path / "a.png", relative_rois(boxes, 160, 100, 100), labels, boxes.astype(float))
    counted = labels >= 0
    picture = TrainingPicture(
        record.image_path, record.absolute_rois(100)[counted], labels[counted],
        np.arange(16, dtype=np.float32).reshape(4, 4), np.array([0.9, 0.8, 0.7, 0.6], np.float32),
    )  # fmt: skip
    whole, left, right = in_tiles([picture], [record], Tiling("auto"), pad_size=100)
    assert whole.part is None and whole.labels.tolist() == [1]
    np.testing.assert_array_equal(whole.rois, picture.rois[:1])
    assert left.part == (0, 0, 99, 99) and left.rois.tolist() == [[5, 5, 8, 8]] and left.labels.tolist() == [0]
    assert right.part == (60, 0, 159, 99)
    assert right.rois.tolist() == [[60, 50, 80, 90], [1, 0, 99, 99]] and right.labels.tolist() == [2, 1]
    assert right.targets.tolist() == [[4, 5, 6, 7], [12, 13, 14, 15]]
    np.testing.assert_array_equal(right.overlaps, picture.overlaps[[1, 3]])
    np.testing.assert_array_equal(right.pixels(100), image[:, 60:])
