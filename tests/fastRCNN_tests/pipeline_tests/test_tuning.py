"""Tuning: what counts as better, what each value makes of scored pictures, and one search over faked folds."""

from pathlib import Path

import numpy as np
import pytest

from fastRCNN.boxes.suppression import Suppression
from fastRCNN.evaluation.average_precision import PictureResult
from fastRCNN.pipeline import tuning
from fastRCNN.pipeline.folds import FoldOptions
from fastRCNN.pipeline.tuning import Trial, is_better, steps_of, tune
from fastRCNN.svm.train_svms import SvmTraining

A, B, BESIDE_A = [0, 0, 99, 99], [300, 0, 399, 99], [0, 0, 99, 59]  # BESIDE_A: 0.6 of A


def picture(boxes, scores, objects):
    table = np.stack([np.zeros(len(scores)), scores], axis=1).astype(np.float32)
    return PictureResult(0, Path("a"), np.array(boxes), table, np.array(objects), np.ones(len(objects), int))


def test_better_means_by_more_than_the_standard_error():
    assert is_better([0.6, 0.7], [0.5, 0.6])
    # gains 0.3 and -0.1: mean 0.1, standard error 0.2
    assert not is_better([0.8, 0.5], [0.5, 0.6])
    assert not is_better([0.5, 0.6], [0.5, 0.6])
    assert is_better([0.6], [0.5])


def test_mean_and_spread():
    trial = Trial("svm_C", 0.1, (0.5, 0.7))
    assert (trial.mean, trial.spread) == (pytest.approx(0.6), pytest.approx(np.sqrt(0.02)))
    assert Trial("", "", (0.5,)).spread == 0


def test_values_lie_around_what_there_is():
    steps = {step.parameter: step for step in steps_of(FoldOptions(SvmTraining(C=0.01), 300, nms_threshold=0.25))}
    assert steps["svm_C"].values == pytest.approx((0.001, 0.01, 0.1))
    assert steps["cntk_nrRois"].values == (37, 75, 150, 300)
    assert 0.25 in steps["nmsThreshold"].values
    assert list(steps)[-2:] == ["svm_C", "train_posOverlapThres"], "what trains comes last"
    without = steps_of(FoldOptions(SvmTraining(), with_boxes=False))
    assert "svm_bboxRegression" not in [step.parameter for step in without]
    options = steps["svm_C"].change(FoldOptions(SvmTraining()), 7.0)
    assert options.training.C == 7.0
    soft = steps["nms_softSigma"].change(FoldOptions(SvmTraining(), nms_threshold=0.4), 0.5).nms_threshold
    assert (soft.threshold, soft.sigma) == (0.4, 0.5)
    assert steps["nmsThreshold"].change(FoldOptions(SvmTraining(), nms_threshold=soft), 0.2).nms_threshold == (
        Suppression(0.2)
    )


def test_a_search(monkeypatch):
    """Two objects overlap by 0.6: from a threshold of 0.6 on both are found. The SVMs learn nothing from svm_C."""
    trained = []

    def folds_of(imdb, artifacts, folds, options, unstored):
        trained.append(options.training.C)
        for _ in range(folds):
            yield iter([picture([A, BESIDE_A, B], [0.9, 0.8, 0.1], [A, BESIDE_A])])

    class Imdb:
        classes = ("__background__", "a")

    monkeypatch.setattr(tuning, "scored_folds", folds_of)
    options = FoldOptions(SvmTraining(), 8, with_boxes=False)
    trials = list(tune(Imdb(), None, 2, options, seconds=1e6))
    assert trials[0] == Trial("", "", (0.5, 0.5))
    of = {(trial.parameter, trial.value): trial for trial in trials}
    assert of["nmsThreshold", 0.5].areas == (0.5, 0.5)
    assert of["nmsThreshold", 0.6].areas == (1, 1) and of["nmsThreshold", 0.6].taken
    assert of["cntk_nrRois", 1].areas == (0.5, 0.5) and of["cntk_nrRois", 2].areas == (1, 1)
    assert [trial for trial in trials if trial.taken] == [of["nmsThreshold", 0.6]], "equal is not better"
    assert trained == pytest.approx([0.001, 0.0001, 0.01, 0.001, 0.001])  # two svm_C, two train_posOverlapThres
    short = list(tune(Imdb(), None, 2, options, seconds=0))
    assert [trial.parameter for trial in short if trial.parameter in ("svm_C", "train_posOverlapThres")] == []
