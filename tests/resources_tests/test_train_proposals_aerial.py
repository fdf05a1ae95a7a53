"""Things from above: shadows as long as the sun says, slopes lit from one side, every family, turned by any angle."""

import numpy as np
import pytest

from resources.train_proposals.aerial import SEEN, Seen, Sun, seen, shadow
from resources.train_proposals.aerial_grounds import land

EAST = Sun(towards=np.array([1.0, 0.0]), reach=1.5, dark=0.5)


def test_a_shadow_is_as_long_as_the_thing_is_high_times_reach() -> None:
    thing, heights = np.zeros((80, 80, 4), np.uint8), np.zeros((80, 80), np.float32)
    thing[30:50, 30:40, 3], heights[30:50, 30:40] = 255, 8
    shade = shadow(thing, heights, EAST)
    row = shade[40]
    assert row[25] == 0 and row[56] < 0.02 and shade[20, 45] == 0
    np.testing.assert_allclose(row[34:50], 0.5, atol=0.03)  # 8 * 1.5 = 12 pixels beyond column 39, no gap
    assert 0.02 < row[51] < 0.5


def test_what_is_lower_throws_a_shorter_shadow() -> None:
    thing, heights = np.zeros((80, 80, 4), np.uint8), np.zeros((80, 80), np.float32)
    thing[20:60, 30:40, 3] = 255
    heights[20:40, 30:40], heights[40:60, 30:40] = 12, 4
    shade = shadow(thing, heights, EAST)
    assert shade[30, 54] > 0.4 and shade[50, 54] < 0.01 and shade[50, 43] > 0.4


def test_the_slope_towards_the_sun_is_bright() -> None:
    made = Seen(np.random.default_rng(0), 0)
    side = len(made.heights)
    made.picture = np.full((side, side, 4), 120, np.uint8)
    made.picture[..., 3] = 255
    ridge = 1 - np.abs(np.arange(side) - (side - 1) / 2) / (side / 2)
    made.heights = np.broadcast_to(ridge[:, None], (side, side)).astype(np.float16)  # along x
    for towards, brighter in (((0.0, 1.0), "top"), ((0.0, -1.0), "bottom")):
        drawn = made.draw(np.random.default_rng(2), 100, 0.0, Sun(np.array(towards), 1.0, 0.5))[0]
        middle = len(drawn) // 2
        top, bottom = (drawn[middle + k, middle - 10 : middle + 10, :3].mean() for k in (-15, 15))
        assert (top > 1.3 * bottom) if brighter == "top" else (bottom > 1.3 * top)


@pytest.mark.parametrize("kind", range(len(SEEN)))
def test_every_family(kind: int) -> None:
    for seed in range(4):
        made = Seen(np.random.default_rng(seed), kind)
        assert made.family == SEEN[kind].__name__
        assert made.picture[..., 3].max() == 255 and made.heights.max() > 0.1 and made.heights.min() >= 0
        for size in (12, 60, 200):
            sprite, heights = made.draw(np.random.default_rng(1), size, 0.0, EAST)
            rows, columns = np.nonzero(sprite[..., 3] > 127)
            assert 0.7 * size <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 1.25 * size
            assert sprite.shape[:2] == heights.shape and heights.dtype == np.float32
            assert shadow(sprite, heights, EAST)[:, [0, -1]].max() < 0.1  # it has room


def test_a_car_turns() -> None:
    made = Seen(np.random.default_rng(3), SEEN.index(next(p for p in SEEN if p.__name__ == "car")))
    spans = []
    for angle in (0.0, np.pi / 2):
        rows, columns = np.nonzero(made.draw(np.random.default_rng(0), 80, angle, EAST)[0][..., 3] > 127)
        spans.append((np.ptp(columns), np.ptp(rows)))
    assert spans[0][0] > 1.5 * spans[0][1] and spans[1][1] > 1.5 * spans[1][0]
    assert abs(spans[0][0] - spans[1][1]) <= 2
    solid = [made.draw(np.random.default_rng(0), 80, angle, EAST)[0][..., 3] > 127 for angle in (0.0, np.pi / 4)]
    assert solid[1].sum() == pytest.approx(solid[0].sum(), rel=0.03)
    rows, columns = np.nonzero(solid[1])
    assert np.corrcoef(rows, columns)[0, 1] > 0.4  # from the upper left to the lower right


def test_a_thing_of_that_size_is_a_function_of_the_generator() -> None:
    for seed in range(8):
        sprite = seen(np.random.default_rng(seed), 70)
        assert sprite.dtype == np.uint8 and 0.5 * 70 <= max(sprite.shape[:2]) <= 1.5 * 70
        assert np.array_equal(sprite, seen(np.random.default_rng(seed), 70))


def test_land() -> None:
    lands = [land(np.random.default_rng(seed), 96) for seed in range(10)]
    for each in lands:
        assert each.picture.shape == (96, 96, 3) and each.picture.dtype == np.float32
        assert 0 <= each.picture.min() <= each.picture.max() <= 255 and 0 <= each.angle < np.pi
    again = land(np.random.default_rng(4), 96)
    assert np.array_equal(again.picture, lands[4].picture)
    assert len({each.picture.tobytes() for each in lands}) == 10
