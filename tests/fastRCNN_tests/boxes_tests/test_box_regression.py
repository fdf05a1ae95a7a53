"""Bounding-box regression: targets and their way back, smooth L1, the ridge regression for SVMs."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge
from torch.autograd import gradcheck

from fastRCNN.boxes.box_regression import (
    BoxRegressor,
    best_objects,
    box_targets,
    boxes_of_best_class,
    decode,
    fit_ridge,
    moved_boxes,
)
from fastRCNN.network.weight_files import write_weight_file
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


def test_a_size_changes_at_most_62_and_a_half_fold():
    """However large an offset, also an infinite one: 10 pixels become 625, or 0.16."""
    wide, narrow, infinite = decode([[100, 100, 109, 109]] * 3, [[0, 0, 9, 0], [0, 0, -9, -1e30], [0, 0, np.inf, 4.1]])
    assert wide.tolist() == pytest.approx([104.5 - 312, 100, 104.5 + 312, 109])
    assert narrow.tolist() == pytest.approx([104.5 + 0.42, 104.5 + 0.42, 104.5 - 0.42, 104.5 - 0.42])
    assert infinite[2] - infinite[0] + 1 == pytest.approx(625)
    assert infinite[3] - infinite[1] + 1 == pytest.approx(10 * math.exp(4.1))  # ln 62.5 is 4.14


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


def test_boxes_of_the_best_class():
    moved = np.arange(24, dtype=np.int32).reshape(2, 3, 4)
    best = boxes_of_best_class(moved, np.array([[0.1, 0.2, 0.7], [0.3, 0.5, 0.2]]))
    assert best.tolist() == [[8, 9, 10, 11], [16, 17, 18, 19]]


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


@pytest.mark.parametrize("count", [5, 40])  # fewer and more ROIs than numbers: the dual and the primal system
def test_the_fit_is_scikit_learns_ridge_regression(count):
    rng = np.random.default_rng(count)
    rows = (30 + 7 * rng.standard_normal((count, 12))).astype(np.float32)
    targets = rows[:, :4] * 0.1 + rng.standard_normal((count, 4))
    weights, biases = fit_ridge(rows, targets, ridge=3.0)
    centred = rows - rows.mean(axis=0)
    scale = 10 / np.sqrt((centred**2).sum(axis=1).mean())
    peer = Ridge(alpha=3.0).fit(centred * scale, targets)
    assert weights.dtype == biases.dtype == np.float32
    np.testing.assert_allclose(rows @ weights.T + biases, peer.predict(centred * scale), atol=1e-4)
    np.testing.assert_allclose(fit_ridge(5 * rows, targets, ridge=3.0)[0], weights / 5, atol=1e-5)  # any network's size


def test_without_objects_nothing_moves():
    weights, biases = fit_ridge(np.zeros((0, 3), np.float32), np.zeros((0, 4)))
    assert weights.shape == (4, 3) and not weights.any() and biases.tolist() == [0] * 4


def test_equal_embeddings_say_nothing_of_the_targets():
    weights, biases = fit_ridge(np.full((2, 3), 7, np.float32), np.array([[1.0, 2, 3, 4], [3, 2, 1, 0]]))
    assert not weights.any() and biases.tolist() == [2, 2, 2, 2]


def test_best_objects_by_hand():
    objects = [[0, 0, 9, 4], [0, 0, 9, 7], [20, 0, 29, 9]]  # 0.5, 0.8 and nothing of the first ROI
    best, overlap = best_objects([[0, 0, 9, 9], [20, 0, 29, 9], [50, 0, 59, 9]], objects)
    assert best.tolist() == [1, 2, 0] and overlap.tolist() == [0.8, 1.0, 0.0]


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


def test_offsets_by_hand():
    weights = np.zeros((2, 4, 3), np.float32)
    weights[1, 2] = [1, 10, 100]
    biases = np.arange(8, dtype=np.float32).reshape(2, 4)
    offsets = BoxRegressor(weights, biases).offsets([[1, 2, 3], [0, 0, 1]])
    assert offsets.dtype == np.float32
    assert offsets.tolist() == [[[0, 1, 2, 3], [4, 5, 6 + 321, 7]], [[0, 1, 2, 3], [4, 5, 6 + 100, 7]]]
    assert BoxRegressor(weights, biases).offsets(np.zeros((0, 3))).shape == (0, 2, 4)


def test_the_number_of_classes_need_not_be_known(tmp_path):
    BoxRegressor(np.zeros((3, 4, 5), np.float32), np.zeros((3, 4), np.float32)).save(tmp_path / "boxes.npz")
    assert BoxRegressor.load(tmp_path / "boxes.npz").nr_classes == 3


@pytest.mark.parametrize(
    ("kind", "names", "reason"),
    [
        ("a network", ("bbox.weight", "bbox.bias"), "its format is 'a network', expected 'fast-rcnn-tutorial box"),
        ("zzz", ("bbox.weight", "bbox.bias"), "its format is 'zzz'"),
        ("fast-rcnn-tutorial box regression", ("bbox.weight", "bias"), "bbox.bias"),
        ("fast-rcnn-tutorial box regression", ("bbox.bias", "bbox.weight"), r"expected weights \(C, 4, D\)"),
    ],
)
def test_what_is_no_box_regression_is_named(tmp_path, kind, names, reason):
    arrays = dict(zip(names, (np.zeros((3, 4, 5), np.float32), np.zeros((3, 4), np.float32)), strict=True))
    write_weight_file(tmp_path / "boxes.npz", {"format": kind, "version": 1}, arrays)
    with pytest.raises(UserError, match=rf"boxes\.npz: no box regression \(.*{reason}.*Run the step that writes it"):
        BoxRegressor.load(tmp_path / "boxes.npz")


def test_a_wrong_shape_is_refused():
    with pytest.raises(ValueError, match=r"expected weights \(C, 4, D\) and biases \(C, 4\)"):
        BoxRegressor(np.zeros((3, 12), np.float32), np.zeros((3, 4), np.float32))
    with pytest.raises(ValueError, match=r"got \(3, 5, 4\) and \(3, 5\)"):
        BoxRegressor(np.zeros((3, 5, 4), np.float32), np.zeros((3, 5), np.float32))
    with pytest.raises(ValueError, match=r"got \(3, 4, 5\) and \(2, 4\)"):
        BoxRegressor(np.zeros((3, 4, 5), np.float32), np.zeros((2, 4), np.float32))
