"""Tiles of a picture and which of them shows a ROI best; expected values by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastRCNN.boxes.tiles import WHOLE, Tiling, best_tiles


def test_a_picture_that_is_not_cut():
    for tiling, size in ((Tiling(), (4000, 3000)), (Tiling(1, 0.5), (640, 480)), (Tiling("auto"), (640, 480))):
        assert tiling.boxes(*size, 640).shape == (0, 4)
    assert not Tiling().cuts and Tiling(2).cuts and Tiling("auto").cuts


def test_two_along_the_longer_side():
    # 2 sides less a quarter of one are 1000 pixels: 571.4 each
    assert Tiling(2).boxes(1000, 600, 640).tolist() == [
        [0, 0, 571, 571], [428, 0, 999, 571], [0, 28, 571, 599], [428, 28, 999, 599],
    ]  # fmt: skip
    assert Tiling(2).boxes(500, 1000, 640).tolist() == [[0, 0, 499, 571], [0, 428, 499, 999]]
    assert Tiling(2, 0.0).boxes(100, 40, 640).tolist() == [[0, 0, 49, 39], [50, 0, 99, 39]]


def test_as_many_as_leave_pixels_as_they_are():
    tiles = Tiling("auto").boxes(4000, 3000, 1000)
    # 1000 pixels, a new one at each 750: (4000 - 1000) / 750 = 4 more beside the first, (3000 - 1000) / 750 = 2.7
    assert len(tiles) == 5 * 4
    assert tiles[0].tolist() == [0, 0, 999, 999] and tiles[-1].tolist() == [3000, 2000, 3999, 2999]
    assert Tiling("auto").side(4000, 3000, 1000) == 1000 and Tiling("auto").side(400, 300, 1000) == 400


@given(st.integers(1, 900), st.integers(1, 900), st.one_of(st.just("auto"), st.integers(2, 6)), st.sampled_from(
    (0.0, 0.1, 0.25, 0.5)))  # fmt: skip
def test_small_things_are_whole_in_some_tile(width, height, number, overlap):
    tiling = Tiling(number, overlap)
    tiles = tiling.boxes(width, height, 100)
    if len(tiles) == 0:
        assert max(width, height) <= 100 or number != "auto"
        return
    side = tiling.side(width, height, 100)
    assert (tiles[:, :2] >= 0).all() and tiles[:, 2].max() == width - 1 and tiles[:, 3].max() == height - 1
    assert ((tiles[:, 2] - tiles[:, 0] + 1) == min(side, width)).all()
    shown = np.zeros((height, width), bool)
    for left, top, right, bottom in tiles.tolist():
        shown[top : bottom + 1, left : right + 1] = True
    assert shown.all()
    small = max(1, int(side * overlap) - 1)  # positions are whole pixels
    rng = np.random.default_rng(0)
    lefts = rng.integers(0, max(1, width - small + 1), 50)
    tops = rng.integers(0, max(1, height - small + 1), 50)
    rois = np.stack([lefts, tops, np.minimum(lefts + small, width) - 1, np.minimum(tops + small, height) - 1], axis=1)
    assert (best_tiles(rois, tiles) != WHOLE).all()


def test_the_tile_that_shows_a_roi_best():
    tiles = [[0, 0, 99, 99], [60, 0, 159, 99]]
    rois = [
        [0, 0, 9, 9],  # only the first shows it
        [62, 10, 97, 40],  # both do; its centre 79.5 is as far from 49.5 as from 109.5: the first
        [64, 10, 97, 40],  # nearer to the second's
        [150, 0, 159, 9],
        [50, 0, 120, 9],  # none shows it whole
        [0, 0, 159, 99],
        [59, 0, 100, 9],  # one pixel too many on both sides
    ]
    assert best_tiles(rois, tiles).tolist() == [0, 0, 1, 1, WHOLE, WHOLE, WHOLE]
    assert best_tiles(np.zeros((0, 4)), tiles).tolist() == []
    assert best_tiles(rois[:2], np.zeros((0, 4))).tolist() == [WHOLE, WHOLE]


@pytest.mark.parametrize(("number", "overlap"), [(0, 0.25), (2.5, 0.25), ("all", 0.25), (2, 1.0), (2, -0.1)])
def test_what_is_no_tiling(number, overlap):
    with pytest.raises(ValueError, match="expected"):
        Tiling(number, overlap)
