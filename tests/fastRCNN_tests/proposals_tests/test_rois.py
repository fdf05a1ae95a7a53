"""Grid and filter against numbers recorded from the published code (2846 and 2776 ROIs of a 150x200 picture, ...)."""

from dataclasses import replace

import numpy as np
import pytest

from fastRCNN.proposals.roi_parameters import LIMITS, RoiParameters
from fastRCNN.proposals.rois import compute_roi_stages, compute_rois, filter_rois, grid_rois, rois_of_pictures
from helpers.errors import UserError
from helpers.images import read_image, write_image
from PARAMETERS import get_parameters

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


def test_published_order_is_random_by_the_seed():
    image = picture()
    shuffled = replace(GROCERY, shuffled=True)
    first, again = (compute_rois(image, shuffled, np.random.default_rng(1)) for _ in range(2))
    other = compute_rois(image, shuffled, np.random.default_rng(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert sorted(map(tuple, first)) == sorted(map(tuple, other))


SMALL, LARGE, ELSEWHERE = [20, 20, 99, 99], [18, 18, 101, 101], [120, 100, 169, 139]  # LARGE overlaps SMALL by 0.907


@pytest.fixture
def found(monkeypatch):
    """Let Selective Search find these three boxes in a picture of 200 x 150, in this order."""
    boxes = np.array([SMALL, LARGE, ELSEWHERE], np.int32)
    seen = {}

    def search(image, **options):
        seen.update(options)
        return boxes[: options["max_rois"]]

    monkeypatch.setattr("fastRCNN.proposals.rois.selective_search", search)
    return seen


ANY = RoiParameters(roi_maxImgDim=200, grid_nrScales=0)
BLANK = np.zeros((150, 200, 3), np.uint8)


def test_the_best_stand_first_and_of_near_copies_the_better_one_stays(found):
    assert compute_rois(BLANK, ANY, np.random.default_rng(0)).tolist() == [SMALL, ELSEWHERE]
    looser = replace(ANY, ss_nmsThreshold=0.91)
    assert compute_rois(BLANK, looser, np.random.default_rng(0)).tolist() == [SMALL, LARGE, ELSEWHERE]
    # As published the larger one stays; which comes first is chance.
    published = compute_rois(BLANK, replace(ANY, shuffled=True), np.random.default_rng(0))
    assert sorted(published.tolist()) == [LARGE, ELSEWHERE]


def test_the_package_lists_its_best_last(found):
    package = replace(ANY, ss_method="selectivesearch")
    assert compute_rois(BLANK, package, np.random.default_rng(0)).tolist() == [ELSEWHERE, LARGE]
    assert compute_rois(BLANK, replace(ANY, ss_method="dlib"), np.random.default_rng(0)).tolist() == [SMALL, ELSEWHERE]


def test_the_largest_number_counts_what_passes_the_filter(found):
    assert compute_rois(BLANK, replace(ANY, ss_maxRois=1), np.random.default_rng(0)).tolist() == [SMALL]
    one = replace(ANY, ss_maxRois=1, roi_maxDimRel=0.3)  # 60 pixels: only ELSEWHERE passes
    assert compute_rois(BLANK, one, np.random.default_rng(0)).tolist() == [ELSEWHERE]
    assert found["max_rois"] is None
    stages = compute_roi_stages(BLANK, replace(one, shuffled=True), np.random.default_rng(0))
    assert stages.selective_search.tolist() == [SMALL]  # published: the first that were found, whatever passes


def test_parameters_from_those_of_the_project():
    p = get_parameters(["--set", "roi_maxDimRel=0.7"])
    fitted = {"roi_minDimRel": 0.1, "roi_maxDimRel": 0.2, "roi_minNrPixelsRel": 0.3, "roi_maxNrPixelsRel": 0.4,
              "roi_maxAspectRatio": 5.0}  # fmt: skip
    chosen = RoiParameters.choose(p, fitted)
    assert chosen.limits == {**fitted, "roi_maxDimRel": 0.7}
    assert not chosen.shuffled
    with pytest.raises(ValueError, match="roi_maxAspectRatio"):
        RoiParameters.choose(p, {name: fitted[name] for name in LIMITS[:-1]})
    assert RoiParameters.choose(get_parameters(["--compat", "tutorial"])).shuffled


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


def test_few_pictures_are_worked_on_ahead(monkeypatch):
    """Their ROIs would fill the memory where the one who writes them down is slow."""
    begun = []
    monkeypatch.setattr("fastRCNN.proposals.rois.rois_of_picture", lambda path, *_, **options: path)
    found = rois_of_pictures((begun.append(number) or number for number in range(1000)), GROCERY, 0, 2)
    assert [next(found) for _ in range(3)] == [0, 1, 2]
    assert len(begun) == 3 + 2 * 2
    assert list(found) == list(range(3, 1000))


def test_a_picture_that_cannot_be_read_is_named(tmp_path):
    write_image(tmp_path / "0.png", picture())
    with pytest.raises(UserError, match=r"1\.png: no such picture"):
        list(rois_of_pictures([tmp_path / "0.png", tmp_path / "1.png", tmp_path / "0.png"], GROCERY, 0, 2))


def test_regions_of_a_network_stand_in_the_place_of_selective_search():
    image = np.zeros((300, 403, 3), np.uint8)
    boxes = np.array([[11, 13, 120, 97], [0, 0, 402, 299], [50, 50, 53, 53], [201, 101, 302, 207]], np.int32)
    parameters = RoiParameters(ss_method="rpn", roi_maxImgDim=97, roi_minDimRel=0.1, roi_maxDimRel=0.5, grid_nrScales=0)
    found = compute_rois(image, parameters, np.random.default_rng(0), regions=lambda picture: (boxes, np.ones(4)))
    assert found.tolist() == [boxes[0].tolist(), boxes[3].tolist()]  # to the pixel, in their order
    with pytest.raises(ValueError, match="need `regions`"):
        compute_rois(image, parameters, np.random.default_rng(0))
    with pytest.raises(ValueError, match="nothing else takes them"):
        compute_rois(image, RoiParameters(), np.random.default_rng(0), regions=lambda picture: (boxes, np.ones(4)))
