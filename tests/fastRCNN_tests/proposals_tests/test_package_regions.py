"""Our exact mode against the `selectivesearch` package: same boxes, same order, on every kind of picture."""

import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest

from fastRCNN.proposals.package_regions import BIN_OF_VALUE
from fastRCNN.proposals.selective_search import selective_search

pytest.importorskip("selectivesearch")
DATA = Path(__file__).parents[3] / "data"


def assert_same(picture, **parameters):
    ours = selective_search(picture, method="selectivesearch", **parameters)
    theirs = selective_search(picture, method="package", **parameters)
    np.testing.assert_array_equal(ours, theirs)
    return ours


def drawn(rng, height, width):
    """A picture of coloured shapes with shading and noise."""
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = rng.integers(0, 256, 3)
    for _ in range(12):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        colour = rng.integers(0, 256, 3).tolist()
        cv2.circle(picture, centre, int(rng.integers(4, 25)), colour, -1)
        cv2.rectangle(
            picture, centre, (centre[0] + int(rng.integers(40)), centre[1] + int(rng.integers(40))), colour, -1
        )
    shade = np.linspace(0.6, 1.0, width)[None, :, None] * picture
    return np.clip(shade + rng.normal(0, 4, picture.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("seed", range(6))
def test_drawn_pictures(seed):
    rng = np.random.default_rng(seed)
    assert len(assert_same(drawn(rng, 90, 120))) > 10


@pytest.mark.parametrize("seed", range(12))
def test_random_pictures_of_all_sizes(seed):
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 70, 2)
    noise = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    assert_same(noise)
    assert_same(cv2.GaussianBlur(noise, (0, 0), 2))
    assert_same(np.repeat(noise[:, :, :1], 3, axis=2))  # grey
    assert_same(noise // 64 * 64)  # many equal edges


@pytest.mark.parametrize(("scale", "sigma", "min_size"), [(1.0, 0.8, 50), (500, 0.9, 10), (30, 2.0, 5)])
def test_other_parameters(scale, sigma, min_size):
    assert_same(drawn(np.random.default_rng(99), 60, 80), scale=scale, sigma=sigma, min_size=min_size)


def test_equally_similar_pairs():
    picture = np.full((80, 160, 3), 40, np.uint8)
    for x in (10, 60, 110):  # three times the same: a square with a smaller one inside, so three equal similarities
        picture[20:60, x : x + 40] = 120
        picture[30:50, x + 10 : x + 30] = 230
    boxes = assert_same(picture, scale=1, sigma=0, min_size=5)
    assert len(np.unique(boxes, axis=0)) == 7  # the ground and three times two


def test_real_photos():
    photos = sorted(DATA.glob("*/positive/*.jpg"))[:4] + sorted(DATA.glob("*/negative/*.jpg"))[:1]
    if not photos:
        pytest.skip("no data set in data/")
    for photo in photos:
        picture = cv2.imread(str(photo))
        factor = 200 / max(picture.shape)
        assert len(assert_same(cv2.resize(picture, None, fx=factor, fy=factor))) > 20


def test_the_package_warns_inside_only():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        selective_search(np.zeros((5, 5, 3), np.uint8), method="package")


def test_bins_of_brightness():
    # 25 bins of 10.2 over 0..255: 10 is still in the first, 11 in the second, 255 in the last
    assert BIN_OF_VALUE[[0, 10, 11, 20, 21, 244, 245, 255]].tolist() == [0, 0, 1, 1, 2, 23, 24, 24]
