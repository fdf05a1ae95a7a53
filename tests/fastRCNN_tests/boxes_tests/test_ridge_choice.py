"""Which ridge, or none: against fits without the picture, and on rows that know where objects are, or do not."""

import logging

import numpy as np
import pytest

from fastRCNN.boxes import ridge_choice
from fastRCNN.boxes.box_regression import box_targets, decode, fit_ridge
from fastRCNN.boxes.ridge_choice import choose_ridge, fit_boxes
from helpers.boxes import paired_iou


def made_up(seed, *, noise, pictures=12, each=12, features=40):
    """Return rows that know the box targets up to `noise`, shifted ROIs of 100 pixels, targets, pictures."""
    rng = np.random.default_rng(seed)
    objects = np.array([100.0, 100, 199, 199]) + rng.normal(0, 3, (pictures * each, 4))
    rois = objects + rng.normal(0, 14, (pictures * each, 4))
    targets = box_targets(rois, objects)
    mixing = rng.normal(0, 1, (4, features))
    rows = 5 + targets @ mixing + noise * rng.normal(0, 1, (pictures * each, features))
    return rows.astype(np.float32), rois, targets, np.repeat(np.arange(pictures), each)


def test_left_out_overlaps_are_those_of_fits_without_the_picture():
    rows, rois, targets, pictures = made_up(0, noise=0.3)
    choice = choose_ridge(rows, rois, targets, pictures, rng=np.random.default_rng(0))
    objects = decode(rois, targets)
    centred = rows - rows.mean(axis=0)
    size = np.sqrt((centred**2).sum(axis=1).mean())
    after = []
    for ridge in ridge_choice.RIDGES:
        moved = np.empty_like(rois)
        for number in range(12):
            out = pictures == number
            # fit_ridge scales the rows it is given: so that it scales these as it would scale all
            kept = rows[~out] - rows[~out].mean(axis=0)
            scale = (size / np.sqrt((kept**2).sum(axis=1).mean())) ** 2
            weights, biases = fit_ridge(rows[~out], targets[~out], ridge=ridge * scale)
            moved[out] = decode(rois[out], rows[out] @ weights.T + biases)
        after.append(paired_iou(moved, objects).mean())
    assert choice is not None and choice.ridge == ridge_choice.RIDGES[int(np.argmax(after))]
    assert choice.overlap_after == pytest.approx(max(after), abs=2e-3)  # the bias is held back a little there
    assert choice.overlap_before == pytest.approx(paired_iou(rois, objects).mean())


def test_rows_that_know_are_held_back_little_and_noisy_ones_more():
    ridges = []
    for noise in (0.02, 1.0):
        choice = choose_ridge(*made_up(1, noise=noise), rng=np.random.default_rng(0))
        assert choice is not None and choice.ridge is not None and choice.overlap_after > choice.overlap_before
        ridges.append(choice.ridge)
    assert ridges[0] < ridges[1]


def test_where_the_rows_have_their_centre_and_how_large_they_are_makes_no_difference():
    rows, rois, targets, pictures = made_up(1, noise=0.3)
    choice = choose_ridge(rows, rois, targets, pictures, rng=np.random.default_rng(0))
    moved = (5 * rows + np.linspace(-40, 90, rows.shape[1])).astype(np.float32)
    other = choose_ridge(moved, rois, targets, pictures, rng=np.random.default_rng(0))
    assert choice is not None and other is not None and other.ridge == choice.ridge
    assert other.overlap_after == pytest.approx(choice.overlap_after, abs=1e-5)


def test_equal_rows_are_no_division_by_zero():
    rows, rois, targets, pictures = made_up(1, noise=0.3)
    choice = choose_ridge(np.ones_like(rows), rois, targets, pictures, rng=np.random.default_rng(0))
    assert choice is not None and 0 < choice.overlap_after < 1


def test_rows_that_know_nothing_move_nothing(caplog):
    rows, rois, targets, pictures = made_up(2, noise=0.3)
    noise = np.random.default_rng(5).normal(0, 1, rows.shape).astype(np.float32)
    caplog.set_level(logging.INFO)
    assert fit_boxes(noise, rois, targets, pictures, ridge=None, rng=np.random.default_rng(0)) is None
    assert "Box regression: not used: of ridges 1, 10, 100, 1000, 10000 the best changes the overlap" in caplog.text
    assert fit_boxes(noise, rois, targets, pictures, ridge=3.0, rng=np.random.default_rng(0)) is not None


def test_the_fit_takes_the_ridge_that_was_chosen_and_says_so(caplog):
    rows, rois, targets, pictures = made_up(3, noise=0.3)
    caplog.set_level(logging.INFO)
    choice = choose_ridge(rows, rois, targets, pictures, rng=np.random.default_rng(0))
    fitted = fit_boxes(rows, rois, targets, pictures, ridge=None, rng=np.random.default_rng(0))
    assert choice is not None and choice.ridge is not None and fitted is not None
    np.testing.assert_array_equal(fitted[0], fit_ridge(rows, targets, ridge=choice.ridge)[0])
    assert f"Box regression: ridge {choice.ridge:g} (of 1, 10, 100, 1000, 10000) raises the overlap" in caplog.text


def test_one_picture_and_annotated_boxes_alone_say_nothing():
    rows, rois, targets, pictures = made_up(4, noise=0.3)
    rng = np.random.default_rng(0)
    assert choose_ridge(rows, rois, targets, np.zeros_like(pictures), rng=rng) is None
    assert choose_ridge(rows, rois, np.zeros_like(targets), pictures, rng=rng) is None
    assert choose_ridge(rows[:0], rois[:0], targets[:0], pictures[:0], rng=rng) is None
    fitted = fit_boxes(rows, rois, targets, np.zeros_like(pictures), ridge=None, rng=rng)
    assert fitted is not None and fitted[0].any()


def test_many_rows_are_drawn_from(monkeypatch):
    monkeypatch.setattr(ridge_choice, "_ROWS", 60)
    arguments = made_up(6, noise=0.3)
    one, other = (choose_ridge(*arguments, rng=np.random.default_rng(seed)) for seed in (0, 1))
    assert one is not None and other is not None
    assert one.overlap_before != other.overlap_before
    assert one == choose_ridge(*arguments, rng=np.random.default_rng(0))
