"""Bounding-box regression: targets and their way back, smooth L1, the ridge regression for SVMs."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge
from torch.autograd import gradcheck

from fastRCNN.box_regression import BoxRegressor, best_objects, box_targets, decode, fit_ridge, moved_boxes
from fastRCNN.nn.losses import roi_losses, smooth_l1
from helpers.errors import UserError


def test_targets_by_hand():
    roi, goal = [[10, 20, 29, 59]], [[15, 20, 54, 39]]  # 20 x 40 around (19.5, 39.5); 40 x 20 around (34.5, 29.5)
    np.testing.assert_allclose(box_targets(roi, goal), [[15 / 20, -10 / 40, math.log(2), math.log(0.5)]])


def test_no_offset_means_the_roi_itself():
    rois = np.array([[3, 4, 3, 4], [0, 0, 99, 49]])
    np.testing.assert_array_equal(decode(rois, np.zeros((2, 4))), rois)


boxes = st.tuples(st.integers(0, 500), st.integers(0, 500), st.integers(1, 400), st.integers(1, 400)).map(
    lambda box: [box[0], box[1], box[0] + box[2] - 1, box[1] + box[3] - 1]
)


@given(st.lists(st.tuples(boxes, boxes), min_size=1, max_size=5))
def test_decode_undoes_targets(pairs):
    rois, goals = (np.array(side) for side in zip(*pairs, strict=True))
    limit = math.log(1000 / 16)
    targets = box_targets(rois, goals)
    small = (np.abs(targets[:, 2:]) < limit).all(axis=1)
    np.testing.assert_allclose(decode(rois, targets)[small], goals[small], atol=1e-6)


def test_moved_boxes_of_each_class_stay_inside_the_picture():
    rois = np.array([[10, 10, 19, 19]])
    offsets = np.zeros((1, 3, 4))
    offsets[0, 0] = 9  # the background never moves
    offsets[0, 1] = [0.5, -1.0, 0, 0]  # 10 pixels wide and high: 5 right, 10 up
    offsets[0, 2] = [50, 0, 0, 0]  # far out on the right: one column of pixels is left
    moved = moved_boxes(rois, offsets, 30, 40)
    assert moved.dtype == np.int32
    assert moved.tolist() == [[[10, 10, 19, 19], [15, 0, 24, 9], [29, 10, 29, 19]]]


def test_huge_offsets_do_not_overflow():
    assert np.isfinite(decode([[0, 0, 9, 9]], [[0, 0, 1e30, -1e30]])).all()


def test_smooth_l1_by_hand():
    assert smooth_l1(torch.tensor([-1.5, -0.5, 0.0, 1.0, 3.0])).tolist() == [1.0, 0.125, 0.0, 0.5, 2.5]


@pytest.mark.parametrize("seed", range(3))
def test_gradient_of_the_losses_equals_finite_differences(seed):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn((5, 3), dtype=torch.float64, generator=generator, requires_grad=True)
    offsets = (2 * torch.randn((5, 12), dtype=torch.float64, generator=generator)).requires_grad_()
    targets = torch.randn((5, 4), dtype=torch.float64, generator=generator)
    labels = torch.tensor([0, 1, 2, 2, 0])

    def total(s, o):
        losses = roi_losses(s, o, labels, targets)
        return (losses.classes + 0.7 * losses.boxes).sum()

    assert gradcheck(total, (scores, offsets), eps=1e-6, atol=1e-7)


def test_only_the_offsets_of_the_own_class_count_and_none_for_background():
    offsets = torch.zeros((2, 12), requires_grad=True)
    losses = roi_losses(torch.zeros((2, 3)), offsets, torch.tensor([0, 2]), torch.full((2, 4), 3.0))
    assert losses.boxes.tolist() == [0.0, 10.0]
    losses.boxes.sum().backward()
    assert offsets.grad is not None
    assert offsets.grad.tolist() == [[0.0] * 12, [0.0] * 8 + [-1.0] * 4]
    torch.testing.assert_close(losses.classes, torch.full((2,), math.log(3.0)))


def random_training(rng, *, nr_pictures=3, dimension=20):
    for _ in range(nr_pictures):
        objects = np.array([[10, 10, 59, 49], [100, 20, 139, 99]])
        rois = np.repeat(objects, 8, axis=0) + rng.integers(-6, 7, (16, 4))
        yield rng.standard_normal((16, dimension)).astype(np.float32), rois, objects, np.array([1, 3])


def test_ridge_regression_is_that_of_scikit_learn():
    regressor = fit_ridge(random_training(np.random.default_rng(0)), nr_classes=4, min_overlap=0.6, ridge=3.0)
    rows, targets = [], []
    for embeddings, rois, objects, _ in random_training(np.random.default_rng(0)):
        best, overlap = best_objects(rois, objects[1:])
        rows.append(embeddings[overlap >= 0.6])
        targets.append(box_targets(rois[overlap >= 0.6], objects[1:][best[overlap >= 0.6]]))
    peer = Ridge(alpha=3.0).fit(np.concatenate(rows).astype(np.float64), np.concatenate(targets))
    np.testing.assert_allclose(regressor.weights[3], peer.coef_, atol=1e-6)
    np.testing.assert_allclose(regressor.biases[3], peer.intercept_, atol=1e-6)
    assert not regressor.weights[2].any() and not regressor.biases[2].any()  # no object of class 2: nothing moves
    features = np.random.default_rng(1).standard_normal((5, 20)).astype(np.float32)
    np.testing.assert_allclose(regressor.offsets(features)[:, 3], peer.predict(features), atol=1e-5)


def test_best_objects_without_objects():
    best, overlap = best_objects([[0, 0, 9, 9]], np.zeros((0, 4)))
    assert best.tolist() == [0] and overlap.tolist() == [0.0]


def test_a_saved_regression_is_read_back(tmp_path):
    rng = np.random.default_rng(0)
    regressor = BoxRegressor(rng.random((3, 4, 5), np.float32), rng.random((3, 4), np.float32))
    regressor.save(tmp_path / "boxes.npz")
    again = BoxRegressor.load(tmp_path / "boxes.npz", nr_classes=3)
    np.testing.assert_array_equal(again.weights, regressor.weights)
    np.testing.assert_array_equal(again.biases, regressor.biases)
    with pytest.raises(UserError, match=r"made for 3 classes, there are 4"):
        BoxRegressor.load(tmp_path / "boxes.npz", nr_classes=4)


def test_a_wrong_shape_is_refused():
    with pytest.raises(ValueError, match=r"expected weights \(C, 4, D\) and biases \(C, 4\)"):
        BoxRegressor(np.zeros((3, 12), np.float32), np.zeros((3, 4), np.float32))
