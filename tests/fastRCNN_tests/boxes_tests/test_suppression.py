"""Overlapping detections: thresholds of single classes, and soft suppression by hand."""

import math

import numpy as np
import pytest

from fastRCNN.boxes.nms import nms_per_class
from fastRCNN.boxes.suppression import Suppression, _soften, _soften_numpy
from helpers.errors import UserError

A, HALF, FAR = [0, 0, 99, 99], [0, 50, 99, 99], [200, 0, 299, 99]  # HALF lies in A: overlap 1 / 2
CLASSES = ("__background__", "a", "b")


def test_a_threshold_alone_is_plain_suppression():
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 100, (200, 2, 2))
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    scores, labels = rng.random(200, np.float32), rng.integers(0, 3, 200)
    keep, same = Suppression.of(0.4)(boxes, scores, labels)
    np.testing.assert_array_equal(keep, nms_per_class(boxes, scores, labels, threshold=0.4))
    assert same is scores
    assert Suppression.of(Suppression(0.2)) == Suppression(0.2)


def test_a_class_with_a_threshold_of_its_own():
    boxes, scores, labels = np.array([A, HALF, A, HALF]), np.array([0.9, 0.8, 0.7, 0.6]), np.array([1, 1, 2, 2])
    assert Suppression(0.3)(boxes, scores, labels)[0].tolist() == [True, False, True, False]
    chosen = Suppression.choose({"nmsThreshold": 0.3, "nmsThresholds": {"b": 0.5}, "nms_softSigma": 0.0}, CLASSES)
    assert chosen(boxes, scores, labels)[0].tolist() == [True, False, True, True], "0.5 is not above 0.5"
    with pytest.raises(UserError, match="nmsThresholds: no class c, x; expected a, b"):
        Suppression.choose({"nmsThreshold": 0.3, "nmsThresholds": {"x": 1, "c": 1}, "nms_softSigma": 0.0}, CLASSES)


def test_probabilities_by_hand():
    soft = Suppression(sigma=0.5, probabilities=True)
    scores = np.array([0.9, 0.8, 0.7], np.float32)
    keep, lower = soft(np.array([A, HALF, FAR]), scores, np.array([1, 1, 1]))
    # exp(-0.5 ** 2 / 0.5) = exp(-0.5)
    assert keep.all() and lower.tolist() == pytest.approx([0.9, 0.8 * math.exp(-0.5), 0.7])
    assert lower.dtype == np.float32 and scores[1] == np.float32(0.8)
    # lowered, HALF comes behind FAR: what is chosen next is what scores best then
    _, both = soft(np.array([A, HALF, HALF]), scores, np.array([1, 1, 1]))
    # HALF at 0.8 -> 0.485, at 0.7 -> 0.425; the second then lies on the first: times exp(-2)
    assert both[2] == pytest.approx(0.7 * math.exp(-0.5) * math.exp(-2), rel=1e-5)
    _, apart = soft(np.array([A, HALF]), scores[:2], np.array([1, 2]))
    assert apart.tolist() == scores[:2].tolist(), "classes do not meet"


def test_margins_are_log_odds():
    margins = np.array([2.0, 1.0, -3.0], np.float32)
    _, lower = Suppression(sigma=0.5)(np.array([A, HALF, FAR]), margins, np.array([1, 1, 1]))
    chance = 1 / (1 + math.exp(-1.0)) * math.exp(-0.5)
    assert lower.tolist() == [2.0, pytest.approx(math.log(chance / (1 - chance)), rel=1e-5), -3.0]
    _, far = Suppression(sigma=0.01)(np.array([A, A]), np.array([900.0, -900.0]), np.array([1, 1]))
    assert np.isfinite(far).all() and far[1] == pytest.approx(-1000)


def test_compiled_and_not():
    rng = np.random.default_rng(1)
    corners = rng.integers(0, 60, (80, 2, 2))
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1).astype(float)
    logs = np.sort(np.log(rng.random(80)))[::-1].copy()
    for kernel in (_soften, _soften.py_func):
        np.testing.assert_allclose(kernel(boxes, logs, 0.5), _soften_numpy(boxes, logs, 0.5), rtol=1e-12)
    assert (_soften_numpy(boxes, logs, 0.5) <= logs).all()


def test_no_box():
    for chosen in (Suppression(), Suppression(sigma=0.5), Suppression(of_classes={1: 0.5})):
        keep, scores = chosen(np.zeros((0, 4)), np.zeros(0, np.float32), np.zeros(0, np.int64))
        assert (len(keep), len(scores)) == (0, 0)
