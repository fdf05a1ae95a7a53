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


@pytest.mark.parametrize(
    ("near", "far", "count", "expected"),  # objects, background near to and far from objects
    [(30, 60, 24, (4, 10, 10)), (3, 60, 24, (4, 3, 17)), (30, 2, 24, (4, 18, 2)), (5, 5, 24, (4, 5, 5)),
     (30, 60, 3, (3, 0, 0))],
)  # fmt: skip
def test_fitting_takes_all_objects_and_half_of_the_background_near_them(near, far, count, expected):
    of = picture(4, near + far, np.array([0.9] * 4 + [0.1] * near + [0.09] * far, np.float32))
    drawn = rois_to_fit(of, np.random.default_rng(0), count)
    assert len(set(drawn.tolist())) == len(drawn) and (np.diff(drawn) > 0).all()
    assert ((drawn < 4).sum(), ((drawn >= 4) & (drawn < 4 + near)).sum(), (drawn >= 4 + near).sum()) == expected


def test_fitting_without_overlaps_takes_any_background():
    drawn = rois_to_fit(picture(4, 50), np.random.default_rng(0), 10)
    assert (drawn < 4).sum() == 4 and len(drawn) == 10 and (drawn < 30).any() and (drawn > 30).any()


def test_other_seeds_draw_other_rois():
    first, second = (draw_rois(picture(9, 99), np.random.default_rng(seed), rois_per_image=8) for seed in (0, 1))
    assert first.tolist() != second.tolist()


def test_flipping_twice_gives_the_same_and_once_the_mirror_image():
    rois = np.array([[0, 5, 9, 20], [90, 0, 99, 99]], np.float32)
    once = flipped_rois(rois, 100)
    assert once.tolist() == [[90, 5, 99, 20], [0, 0, 9, 99]]
    np.testing.assert_array_equal(flipped_rois(once, 100), rois)
    np.testing.assert_array_equal(flipped_targets(np.array([[1, 2, 3, 4]], np.float32)), [[-1, 2, 3, 4]])
