"""A picture seen in tiles: each ROI gets the numbers that it has in its tile, cut out by hand."""

import numpy as np
import pytest

from fastRCNN.boxes.tiles import WHOLE, Tiling
from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.network.alexnet import cntk_shape, he_initialised
from fastRCNN.pipeline.embed_dataset import embed_picture
from fastRCNN.pipeline.seen_picture import SeenPicture, embed_in_tiles
from fastRCNN.rpn.picture_area import PictureArea
from helpers.images import pad_to_square

IMAGE = np.random.default_rng(0).integers(0, 256, (240, 400, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def engine():
    return TorchEngine(he_initialised(0, spec=cntk_shape(widths=(8, 12, 12, 12, 8), hidden=16)), device="cpu")


def test_without_tiles_there_is_one_view():
    seen = SeenPicture.of(IMAGE, 200)
    ((padded, area),) = seen.views()
    np.testing.assert_array_equal(padded, pad_to_square(IMAGE, 200)[0])
    assert area == PictureArea.of(400, 240, 200)


def test_views_of_tiles_are_cut_from_the_picture():
    seen = SeenPicture.of(IMAGE, 200, Tiling("auto"))
    assert len(list(seen.views())) == 1 + 3 * 2
    padded, area = seen.view(4)  # 3 in a row, from 0, 100 and 200 on; 2 rows, from 0 and 40 on
    np.testing.assert_array_equal(padded, IMAGE[40:240, 100:300])
    assert (area.x, area.y, area.width, area.height, area.scale) == (100, 40, 200, 200, 1)
    assert seen.view(WHOLE)[1] == seen.area


def test_rois_are_embedded_where_they_are_seen_best(engine):
    seen = SeenPicture.of(IMAGE, 200, Tiling("auto"))
    rois = np.array([[0, 0, 399, 239], [110, 60, 290, 230], [5, 5, 60, 50], [350, 200, 399, 239], [0, 0, 20, 239]])
    rows = embed_in_tiles(engine, seen, rois)
    tiles = {1: (100, 40), 2: (0, 0), 3: (200, 40)}
    for number, (x, y) in tiles.items():
        cut = np.ascontiguousarray(IMAGE[y : y + 200, x : x + 200])
        (expected,) = engine.embed([cut], [(rois[[number]] - [x, y, x, y]).astype(np.float32)])
        np.testing.assert_array_equal(rows[[number]], expected)
    whole = PictureArea.of(400, 240, 200).to_network(rois[[0, 4]]).astype(np.float32)  # higher than a tile
    expected = embed_picture(engine, pad_to_square(IMAGE, 200)[0], whole)
    np.testing.assert_allclose(rows[[0, 4]], expected, rtol=1e-5)
    assert embed_in_tiles(engine, seen, np.zeros((0, 4))).shape == (0, 16)


def test_a_tile_that_shows_nothing_best_is_not_computed(engine):
    class Counting:
        feature_dimension, at_once, calls = 1, 1, 0

        def embed(self, pictures, rois):
            self.calls += 1
            return [np.zeros((len(rois[0]), 1), np.float32)]

    counting = Counting()
    embed_in_tiles(counting, SeenPicture.of(IMAGE, 200, Tiling("auto")), [[0, 0, 9, 9], [3, 3, 12, 12], [0, 0, 399, 9]])
    assert counting.calls == 2
