"""Scores of embeddings: hand arithmetic, both definitions, and a softmax that does not overflow."""

import numpy as np
import pytest

from fastRCNN.svm.model import SvmModel
from fastRCNN.svm.scoring import score_rois, softmax


@pytest.fixture
def model() -> SvmModel:
    return SvmModel(
        weights=np.array([[0, 0], [1.0, 2.0], [-4.0, 0.5]]), biases=np.array([0, 0.25, 1.0]), feature_scale=0.5
    )


def test_corrected_is_the_margin(model):
    # by hand: 3*1 + 4*2 + 0.25 = 11.25; 3*-4 + 4*0.5 + 1 = -9
    scores = score_rois([[3.0, 4.0], [0.0, 0.0]], model)
    np.testing.assert_array_equal(scores, np.array([[0, 11.25, -9], [0, 0.25, 1]], dtype=np.float32))
    assert scores.dtype == np.float32


def test_tutorial_divides_by_the_feature_scale_but_not_the_bias(model):
    # by hand: (3/0.5)*1 + (4/0.5)*2 + 0.25 = 22.25; -24 + 4 + 1 = -19
    scores = score_rois([[3.0, 4.0]], model, compat="tutorial")
    np.testing.assert_array_equal(scores, np.array([[0, 22.25, -19]], dtype=np.float32))


def test_no_rois_give_no_scores(model):
    assert score_rois(np.zeros((0, 2)), model).shape == (0, 3)


def test_arguments_stay_as_they_are(model):
    features = np.array([[3.0, 4.0]], dtype=np.float32)
    score_rois(features, model, compat="tutorial")
    assert features.tolist() == [[3.0, 4.0]]


@pytest.mark.parametrize("features", [np.zeros((2, 3)), np.zeros(2), np.zeros((0, 0))])
def test_wrong_width_says_what_was_expected(model, features):
    with pytest.raises(ValueError, match=r"expected shape \(N, 2\), got"):
        score_rois(features, model)


def test_unknown_compat(model):
    with pytest.raises(ValueError, match="'corrected' or 'tutorial', got 'right'"):
        score_rois([[1.0, 2.0]], model, compat="right")


def test_softmax_by_hand():
    # exp(log 1, log 3) = 1, 3: a quarter and three quarters
    np.testing.assert_allclose(softmax([[0.0, np.log(3.0)]]), [[0.25, 0.75]], rtol=1e-7)


def test_softmax_of_huge_scores_neither_overflows_nor_divides_by_zero():
    np.testing.assert_array_equal(softmax([[1e4, 0.0], [-1e4, -1e4]]), np.array([[1, 0], [0.5, 0.5]], np.float32))


def test_softmax_of_nothing():
    assert softmax(np.zeros((0, 9))).shape == (0, 9)


@pytest.mark.parametrize("scores", [np.zeros(3), np.zeros((3, 0))])
def test_softmax_refuses_other_shapes(scores):
    with pytest.raises(ValueError, match=r"expected shape \(N, C\)"):
        softmax(scores)
