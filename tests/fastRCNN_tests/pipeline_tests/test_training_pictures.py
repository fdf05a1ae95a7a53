"""What of step 2's files a network learns from."""

from pathlib import Path

import numpy as np
import pytest

from fastRCNN.datasets.imdb import ImageRecord
from fastRCNN.datasets.roidb import RoiRecord
from fastRCNN.pipeline.cntk_inputs import CntkRecord, relative_rois
from fastRCNN.pipeline.training_pictures import training_pictures
from helpers.errors import UserError


def test_targets_point_at_the_object_of_the_rois_own_class():
    gt = np.array([[10, 10, 29, 29], [50, 10, 69, 29]], np.int32)
    rois = np.array([[10, 10, 29, 29], [52, 10, 71, 29], [80, 80, 90, 90]], np.int32)
    image = ImageRecord(0, "positive/p", Path("p.jpg"), 100, 100, gt, np.array([1, 2]))
    record = CntkRecord(0, Path("p.jpg"), relative_rois(rois, 100, 100, 100), np.array([1, 2, 0]))
    known = RoiRecord(image, rois, np.zeros((3, 3), np.float32), np.array([True, False, False]))
    (made,) = training_pictures([record], [known], pad_size=100, nr_rois=5, with_filler=True)
    assert made.labels.tolist() == [1, 2, 0, 0, 0]
    assert made.rois[3:].tolist() == [[0.0] * 4] * 2 and made.rois[:3].tolist() == rois.tolist()
    assert made.targets is not None and made.overlaps is not None
    np.testing.assert_allclose(made.targets, [[0, 0, 0, 0], [-0.1, 0, 0, 0], *[[0, 0, 0, 0]] * 3], atol=1e-6)
    np.testing.assert_allclose(made.overlaps, [1, 18 / 22, 0, 0, 0], atol=1e-6)


def test_background_close_to_an_object_has_targets_too():
    gt = np.array([[10, 10, 29, 29]], np.int32)
    rois = np.array([[18, 10, 37, 29], [20, 10, 39, 29]], np.int32)  # overlaps 12 / 28 and 10 / 30
    image = ImageRecord(0, "positive/p", Path("p.jpg"), 100, 100, gt, np.array([1]))
    record = CntkRecord(0, Path("p.jpg"), relative_rois(rois, 100, 100, 100), np.array([0, 0]))
    known = RoiRecord(image, rois, np.zeros((2, 2), np.float32), np.array([False, False]))
    (made,) = training_pictures([record], [known], pad_size=100, nr_rois=2)
    np.testing.assert_allclose(made.targets, [[-0.4, 0, 0, 0], [0, 0, 0, 0]], atol=1e-6)


def test_files_that_do_not_belong_together_are_refused():
    image = ImageRecord(0, "positive/p", Path("p.jpg"), 100, 100, np.zeros((0, 4), np.int32), np.zeros(0, np.int64))
    record = CntkRecord(0, Path("p.jpg"), np.zeros((2, 4)), np.array([0, 1]))
    one_roi = RoiRecord(image, np.zeros((1, 4), np.int32), np.zeros((1, 2), np.float32), np.array([False]))
    with pytest.raises(UserError, match=r"p\.jpg: 2 ROIs in cntkFiles/, but 1 from rois/"):
        training_pictures([record], [one_roi], pad_size=100, nr_rois=5)
    two = RoiRecord(image, np.zeros((2, 4), np.int32), np.zeros((2, 2), np.float32), np.array([False, False]))
    with pytest.raises(UserError, match="a class that the picture's annotation lacks"):
        training_pictures([record], [two], pad_size=100, nr_rois=5)


@pytest.mark.parametrize("with_boxes", [True, False])
def test_ignored_rois_take_no_part(with_boxes):
    gt = np.array([[10, 10, 29, 29]])
    rois = np.array([[60, 60, 89, 89], [10, 10, 29, 29], [18, 10, 37, 29]])
    image = ImageRecord(0, "positive/p", Path("p.jpg"), 100, 100, gt, np.array([1]))
    record = CntkRecord(0, Path("p.jpg"), relative_rois(rois, 100, 100, 100), np.array([-1, 1, 0]))
    known = [RoiRecord(image, rois, np.zeros((3, 2), np.float32), np.zeros(3, bool))] if with_boxes else None
    (made,) = training_pictures([record], known, pad_size=100, nr_rois=3)
    assert made.rois.tolist() == rois[1:].tolist()
    assert made.labels.tolist() == [1, 0]
    if with_boxes:
        np.testing.assert_allclose(made.overlaps, [1, 12 / 28])
        np.testing.assert_allclose(made.targets, [[0, 0, 0, 0], [-0.4, 0, 0, 0]], atol=1e-6)
