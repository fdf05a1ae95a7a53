"""Classifier "svm" from files: margins, moves by its box regression, and what is missing."""

import numpy as np
import pytest

from fastRCNN.boxes.box_regression import BoxRegressor
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.svm.model import SvmModel
from helpers.artifacts import Artifacts
from helpers.errors import UserError

SVM = CLASSIFIERS["svm"]
ROWS = np.array([[1, 2, 0], [3, 4, 1]], np.float32)


@pytest.fixture
def of(tmp_path):
    artifacts = Artifacts(tmp_path, "d")
    weights = [[0, 0, 0], [1, 0, 0], [0, 0.5, 1]]
    SvmModel(np.array(weights, float), np.array([0, 0.25, -1]), 2.0).save(artifacts.svm_folder)
    return artifacts


def test_margins_and_offsets(of):
    scorer = SVM.scorer(of, 3)
    scores, offsets = scorer(ROWS)
    np.testing.assert_allclose(scores, [[0, 1.25, 0], [0, 3.25, 2]])
    assert offsets is None and scorer.width == 3
    scores, _ = SVM.scorer(of, 3, compat="tutorial")(ROWS)
    np.testing.assert_allclose(scores, [[0, 0.75, -0.5], [0, 1.75, 0.5]])
    weights = np.zeros((3, 4, 3), np.float32)
    weights[1, 2] = [1, 1, 1]
    BoxRegressor(weights, np.full((3, 4), 0.5, np.float32)).save(SVM.boxes_file(of))
    _, offsets = SVM.scorer(of, 3)(ROWS)
    assert offsets.shape == (2, 3, 4)
    np.testing.assert_allclose(offsets[:, 1, 2], [3.5, 8.5])


def test_what_does_not_fit(of, tmp_path):
    with pytest.raises(UserError, match="expected 4 lines"):
        SVM.scorer(of, 4)
    with pytest.raises(UserError, match=r"run 4_trainSvm\.py first"):
        SVM.scorer(Artifacts(tmp_path, "other"), 3)
    BoxRegressor(np.zeros((2, 4, 3), np.float32), np.zeros((2, 4), np.float32)).save(SVM.boxes_file(of))
    with pytest.raises(UserError, match="made for 2 classes, there are 3"):
        SVM.scorer(of, 3)


def test_outputs_are_embeddings(of, tmp_path):
    outputs = SVM.outputs(of, 3)
    path = tmp_path / "0.dat.npz"
    assert outputs.network() == of.model_file("svm")
    outputs.write([path], np.concatenate([ROWS, [[9, 9, 9]]]))
    np.testing.assert_array_equal(outputs.read(path, 2), ROWS)
