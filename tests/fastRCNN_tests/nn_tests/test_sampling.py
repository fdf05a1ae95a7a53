"""Which ROIs a network learns from."""

from pathlib import Path

import numpy as np
import pytest

from fastRCNN.nn.sampling import (
    TrainingPicture,
    draw_rois,
    flipped_rois,
    flipped_targets,
    rois_to_fit,
    target_statistics,
)


def picture(nr_foreground, nr_background, overlaps=None):
    labels = np.array([2] * nr_foreground + [0] * nr_background)
    return TrainingPicture(Path("p.jpg"), np.zeros((len(labels), 4), np.float32), labels, overlaps=overlaps)


@pytest.mark.parametrize(
    ("nr_foreground", "nr_background", "expected"),
    [(50, 500, (16, 48)), (3, 500, (3, 61)), (50, 20, (44, 20)), (5, 6, (5, 6)), (0, 100, (0, 64)), (0, 0, (0, 0))],
)
def test_a_quarter_shows_objects_and_the_other_kind_fills_up(nr_foreground, nr_background, expected):
    of = picture(nr_foreground, nr_background)
    drawn = draw_rois(of, np.random.default_rng(0), rois_per_image=64, foreground_fraction=0.25)
    assert len(set(drawn.tolist())) == len(drawn)
    assert tuple(np.bincount(of.labels[drawn] == 0, minlength=2)) == expected


def test_without_sampling_all_rois_take_part_in_order():
    assert draw_rois(picture(2, 3), np.random.default_rng(0), rois_per_image=0).tolist() == [0, 1, 2, 3, 4]


def test_background_near_objects_comes_first():
    overlaps = np.array([0.9] * 4 + [0.0] * 10 + [0.2] * 3, np.float32)
    drawn = draw_rois(
        picture(4, 13, overlaps),
        np.random.default_rng(0),
        rois_per_image=8,
        foreground_fraction=0.5,
        background_overlap=0.1,
    )
    assert drawn[:4].tolist() == [0, 1, 2, 3] and set(drawn[5:].tolist()) == {14, 15, 16} and 4 <= drawn[4] < 14


def drawn_kinds(pictures, count, seed=0):
    """Return how many of the ROIs that are drawn show objects, background near them, other background; per picture."""
    drawn = rois_to_fit(pictures, np.random.default_rng(seed), count)
    kinds = []
    for of, rois in zip(pictures, drawn, strict=True):
        assert len(set(rois.tolist())) == len(rois) and (np.diff(rois) > 0).all()
        near = of.overlaps[rois] >= 0.1
        shown = of.labels[rois] > 0
        kinds.append((shown.sum(), (~shown & near).sum(), (~shown & ~near).sum()))
    return np.array(kinds).reshape(-1, 3)


def shown(nr_objects, near, far):
    """A picture with so many ROIs of each kind."""
    overlaps = np.array([0.9] * nr_objects + [0.1] * near + [0.09] * far, np.float32)
    return picture(nr_objects, near + far, overlaps)


@pytest.mark.parametrize(
    ("near", "far", "count", "expected"),  # of 4 objects, background near to and far from them
    [(30, 60, 24, (4, 10, 10)), (3, 60, 24, (4, 3, 17)), (30, 2, 24, (4, 18, 2)), (5, 5, 24, (4, 5, 5)),
     (30, 60, 8, (2, 3, 3)), (0, 1, 4, (3, 0, 1)), (0, 0, 4, (4, 0, 0))],
)  # fmt: skip
def test_fitting_takes_a_quarter_of_objects_and_half_of_the_background_near_them(near, far, count, expected):
    assert drawn_kinds([shown(4, near, far)], count).tolist() == [list(expected)]


def test_fitting_draws_over_the_whole_set():
    """A thousand pictures, and 1.6 ROIs for each: a quarter objects, as of few pictures; any picture may take part."""
    kinds = drawn_kinds([shown(15, 20, 65) for _ in range(1000)], 1600)
    assert kinds.sum(axis=0).tolist() == [400, 600, 600]
    assert 750 < (kinds.sum(axis=1) > 0).sum() < 900  # 1 - exp(-1.6) = 0.8 of them
    assert kinds.sum(axis=1).max() < 9
    few, many = shown(2, 10, 10), shown(30, 300, 300)  # what a picture gives follows what it has
    assert drawn_kinds([few, many], 400).sum(axis=0).tolist() == [32, 184, 184]


def test_fitting_takes_all_of_a_small_set():
    pictures = [shown(3, 4, 5), shown(0, 0, 7), shown(0, 0, 0)]
    assert drawn_kinds(pictures, 19).tolist() == [[3, 4, 5], [0, 0, 7], [0, 0, 0]]
    assert rois_to_fit([], np.random.default_rng(0), 5) == []


def test_fitting_without_overlaps_takes_any_background():
    (drawn,) = rois_to_fit([picture(2, 50)], np.random.default_rng(0), 10)
    assert (drawn < 2).sum() == 2 and len(drawn) == 10 and (drawn < 30).any() and (drawn > 30).any()


def test_other_seeds_draw_other_rois():
    first, second = (draw_rois(picture(9, 99), np.random.default_rng(seed), rois_per_image=8) for seed in (0, 1))
    assert first.tolist() != second.tolist()


def test_flipping_twice_gives_the_same_and_once_the_mirror_image():
    rois = np.array([[0, 5, 9, 20], [90, 0, 99, 99]], np.float32)
    once = flipped_rois(rois, 100)
    assert once.tolist() == [[90, 5, 99, 20], [0, 0, 9, 99]]
    np.testing.assert_array_equal(flipped_rois(once, 100), rois)
    np.testing.assert_array_equal(flipped_targets(np.array([[1, 2, 3, 4]], np.float32)), [[-1, 2, 3, 4]])


def test_statistics_of_targets_are_those_of_objects_and_of_their_mirror_images():
    targets = np.array([[1, 1, 0, 2], [3, 1, 4, 2], [50, 50, 50, 50]], np.float32)
    of = TrainingPicture(Path("p.jpg"), np.zeros((3, 4), np.float32), np.array([1, 2, 0]), targets)
    mean, deviation = target_statistics([of])
    assert mean.tolist() == [2, 1, 2, 2] and deviation.tolist() == [1, 1e-3, 2, 1e-3]
    mean, deviation = target_statistics([of], flips=True)  # 1, 3, -1 and -3: mean 0, variance (1 + 9) / 2
    assert mean.tolist() == [0, 1, 2, 2]
    np.testing.assert_allclose(deviation, [5**0.5, 1e-3, 2, 1e-3])
    without = [part.tolist() for part in target_statistics([picture(2, 3)])]
    assert without == [[0, 0, 0, 0], [1, 1, 1, 1]]
