"""Grid and filter against numbers recorded from the published code (2846 and 2776 ROIs of a 150x200 picture, ...)."""

import numpy as np
import pytest

from fastRCNN.proposals.rois import (
    RoiParameters,
    compute_roi_stages,
    compute_rois,
    filter_rois,
    grid_rois,
    rois_of_pictures,
)
from helpers.errors import UserError
from helpers.images import read_image, write_image

GROCERY = RoiParameters(
    roi_minDimRel=0.04, roi_maxDimRel=0.4, roi_minNrPixelsRel=2 * 0.04 * 0.04, roi_maxNrPixelsRel=0.33 * 0.4 * 0.4
)


@pytest.mark.parametrize(
    ("size", "count", "sums", "kept", "kept_sums"),
    [
        ((150, 200), 2846, (174024.69, 245618.31, 240297.12, 312787.86), 2776,
         (171846.91, 242157.20, 233208.23, 304104.53)),
        ((200, 133), 3255, (285343.02, 175973.78, 354683.63, 243885.88), 3160,
         (279564.91, 173353.19, 342393.45, 235393.58)),
    ],
)  # fmt: skip
def test_grid_and_filter_as_published(size, count, sums, kept, kept_sums):
    grid = grid_rois(*size)
    assert len(grid) == count
    np.testing.assert_allclose(grid.sum(axis=0), sums, atol=0.006)
    filtered = filter_rois(grid, 200, GROCERY)
    assert len(filtered) == kept
    np.testing.assert_allclose(filtered.sum(axis=0), kept_sums, atol=0.006)


def test_grid_order_as_published():
    grid = grid_rois(150, 200)
    np.testing.assert_allclose(grid[0], [0, 0, 100, 100])
    np.testing.assert_allclose(grid[-1], [131.687, 171.193, 144.856, 197.531], atol=0.001)


@pytest.mark.parametrize("size", [(1, 1), (1, 200), (200, 1), (2, 2)])
def test_grid_of_tiny_pictures_stays_inside(size):
    grid = grid_rois(*size)
    assert grid.shape[1] == 4
    assert (grid[:, 2] < size[0]).all()
    assert (grid[:, 3] < size[1]).all()


def test_filter_by_hand():
    p = RoiParameters(roi_minDimRel=0.1, roi_maxDimRel=0.5, roi_minNrPixelsRel=0.02, roi_maxNrPixelsRel=0.2,
                      roi_maxAspectRatio=2)  # fmt: skip
    boxes = [
        [0, 0, 20, 20],  # kept: area 400 of 200..2000
        [0, 0, 9, 30],  # narrower than 10
        [0, 0, 51, 30],  # wider than 50
        [0, 0, 12, 12],  # area 144 below 200
        [0, 0, 45, 46],  # area 2070 above 2000
        [0, 0, 12, 25],  # more than twice as high as wide
        [5, 5, 15, 25],  # kept: exactly twice as high, exactly 200
    ]
    assert filter_rois(boxes, 100, p).tolist() == [boxes[0], boxes[6]]


def picture(width=400, height=300):
    image = np.full((height, width, 3), 90, np.uint8)
    colours = np.random.default_rng(0).integers(0, 256, (6, 3))
    for number, colour in enumerate(colours):
        y, x = 30 + 130 * (number % 2), 20 + 130 * (number // 2)
        image[y : y + 60 + 5 * number, x : x + 90] = colour
    return image


def test_rois_are_inside_whole_pixels_and_selective_search_comes_first():
    image = picture()
    stages = compute_roi_stages(image, GROCERY, np.random.default_rng(0))
    assert stages.final.dtype == np.int32
    assert (stages.final >= 0).all()
    assert (stages.final[:, 2] < 400).all()
    assert (stages.final[:, 3] < 300).all()
    nr_found = len(stages.selective_search_filtered)
    assert nr_found > 0
    np.testing.assert_array_equal(stages.final[:nr_found], stages.selective_search_filtered)
    assert set(map(tuple, stages.selective_search_filtered)) <= set(map(tuple, stages.selective_search))


def test_same_seed_same_rois_and_other_seed_other_order():
    image = picture()
    first, again = (compute_rois(image, GROCERY, np.random.default_rng(1)) for _ in range(2))
    other = compute_rois(image, GROCERY, np.random.default_rng(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert sorted(map(tuple, first)) == sorted(map(tuple, other))


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (8, 300)])
def test_whole_picture_where_nothing_passes(size, caplog):
    width, height = size
    strict = RoiParameters(roi_minDimRel=0.999, roi_maxDimRel=1.0)
    rois = compute_rois(np.zeros((height, width, 3), np.uint8), strict, np.random.default_rng(0))
    assert rois.tolist() == [[0, 0, width - 1, height - 1]]
    assert "whole picture" in caplog.text


def test_unknown_method_or_missing_package_is_an_error():
    with pytest.raises((UserError, ValueError)):
        compute_rois(picture(), RoiParameters(ss_method="nonsense"), np.random.default_rng(0))


def test_pictures_come_in_order_however_many_at_once(tmp_path):
    paths = [tmp_path / f"{number}.png" for number in range(5)]
    for number, path in enumerate(paths):
        write_image(path, picture(300 + 40 * number, 200))
    found = {jobs: list(rois_of_pictures(paths, GROCERY, 3, jobs)) for jobs in (1, 3)}
    for path, (one, seconds), (three, _) in zip(paths, found[1], found[3], strict=True):
        expected = compute_rois(read_image(path), GROCERY, np.random.default_rng(3))
        np.testing.assert_array_equal(one.final, expected)
        np.testing.assert_array_equal(three.final, expected)
        assert seconds > 0


def test_a_picture_that_cannot_be_read_is_named(tmp_path):
    write_image(tmp_path / "0.png", picture())
    with pytest.raises(UserError, match=r"1\.png: no such picture"):
        list(rois_of_pictures([tmp_path / "0.png", tmp_path / "1.png", tmp_path / "0.png"], GROCERY, 0, 2))
