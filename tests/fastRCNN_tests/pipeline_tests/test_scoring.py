"""The one function that scores a picture: boxes of the best class, cut to the picture, and widths that do not fit."""

import numpy as np
import pytest

from fastRCNN.evaluation.detections import Detections
from fastRCNN.pipeline.classifiers.svm import SvmScorer
from fastRCNN.pipeline.outputs import SoftmaxScorer
from fastRCNN.pipeline.scoring import require_width, score_picture, score_threshold_of
from fastRCNN.svm.model import SvmModel
from helpers.errors import UserError

ROIS = np.array([[0, 0, 9, 9], [50, 40, 79, 69]], np.int32)


def test_rois_move_to_where_their_best_class_puts_them():
    offsets = np.zeros((2, 2, 4), np.float32)
    offsets[:, 1, 0] = 0.5  # half a width to the right
    rows = np.concatenate([np.log([[1, 3], [3, 1]]), offsets.reshape(2, 8)], axis=1).astype(np.float32)
    found = score_picture(SoftmaxScorer(2, with_boxes=True), rows, ROIS, 90, 70)
    np.testing.assert_allclose(found.scores, [[0.25, 0.75], [0.75, 0.25]], rtol=1e-6)
    np.testing.assert_array_equal(found.moved[:, 1], [[5, 0, 14, 9], [65, 40, 89, 69]])
    decided = Detections.decided(found.scores, found.rois, found.moved, ("bg", "a"), nms_threshold=0.3)
    np.testing.assert_array_equal(decided.boxes, [[5, 0, 14, 9], [50, 40, 79, 69]])
    without = score_picture(SoftmaxScorer(2), rows[:, :2], ROIS, 90, 70)
    np.testing.assert_array_equal(without.scores, found.scores)
    assert without.moved is None
    decided = Detections.decided(without.scores, without.rois, None, ("bg", "a"), nms_threshold=0.3)
    np.testing.assert_array_equal(decided.boxes, ROIS)


def test_from_which_score_on_a_roi_is_a_detection_of_a_class():
    chosen = {"classifier": "faster", "scoreThresholds": {"svm": None, "faster": 0.25}, "compat": "corrected"}
    assert score_threshold_of(chosen) == 0.25
    assert score_threshold_of({**chosen, "compat": "tutorial"}) is None
    assert score_threshold_of({**chosen, "classifier": "svm"}) is None
    assert score_threshold_of({**chosen, "classifier": "nn"}) is None


def test_widths():
    svm = SvmScorer(SvmModel(np.zeros((2, 5)), np.zeros(2), 1.0))
    require_width(svm, 5, "f.npz")
    require_width(SoftmaxScorer(2, with_boxes=True), 10, "f.npz")
    with pytest.raises(UserError, match=r"f\.npz: expected 5 .*as the SVMs.* found 4\. Run 3_runCntk\.py and 4_trainS"):
        require_width(svm, 4, "f.npz")
    with pytest.raises(UserError, match=r"expected 2 .*one for each class.* found 5\. Run 3_runCntk\.py again"):
        require_width(SoftmaxScorer(2), 5, "f.npz")
