"""Places seen from above: labels of what is drawn, groups of one family, shadows that hide nothing."""

import numpy as np
import pytest

from resources.train_proposals.scenes import MOST
from resources.train_residual.above import _darken, _free, _rows, from_above
from resources.train_residual.designs import Designs

DESIGNS = Designs(products=2, things=2, cells=1, formulas=3, aerials=30)


def test_a_place_is_a_function_of_the_generator_and_every_thing_has_its_label() -> None:
    seen = set()
    for seed in range(6):
        canvas, labels = from_above(np.random.default_rng(seed), 256, DESIGNS)
        again = from_above(np.random.default_rng(seed), 256, DESIGNS)
        assert np.array_equal(canvas.image, again[0].image) and labels == again[1]
        assert canvas.image.shape == (256, 256, 3) and canvas.image.dtype == np.uint8
        assert len(labels) == len(canvas.drawn) < MOST
        assert all(8 <= label < 38 for label in labels)
        scene = canvas.finished(np.random.default_rng(0))
        assert len(labels) < 5 or np.median(scene.visible) > 0.9  # hardly anything lies over another thing
        seen |= set(labels)
    assert len(seen) > 10


def test_a_group_is_of_one_family_and_all_families_come() -> None:
    families = set()
    for seed in range(40):
        group = DESIGNS.aerial_group(np.random.default_rng(seed), 4)
        assert 1 <= len(group) <= 4 and len(set(group.tolist())) == len(group)
        names = {DESIGNS.family_names[DESIGNS.families[label]] for label in group}
        assert len(names) == 1 and names == {DESIGNS.aerial(label).family for label in group}
        families |= names
    assert families == {"roof", "car", "tree", "boat", "tank", "plane"}


def test_a_shadow_darkens_what_lies_there_also_at_the_edge() -> None:
    image = np.full((10, 10, 3), 200, np.uint8)
    _darken(image, np.full((6, 6), 0.5, np.float32), -3, 7)
    assert (image[7:, :3] == 100).all() and (image[:7] == 200).all() and (image[:, 3:] == 200).all()
    before = image.copy()
    _darken(image, np.full((6, 6), 0.5, np.float32), 30, 30)
    assert np.array_equal(image, before)


def test_there_is_room_where_nothing_is_and_enough_lies_inside() -> None:
    owner, thing = np.zeros((20, 20), np.uint8), np.full((10, 10, 4), 255, np.uint8)
    assert _free(owner, thing, 5, 5) and _free(owner, thing, -5, 0)
    assert not _free(owner, thing, -8, 0) and not _free(owner, thing, 0, 40)
    owner[0:10, 0:10] = 1
    assert _free(owner, thing, 10, 0) and not _free(owner, thing, 9, 0)


def test_rows_follow_the_angle() -> None:
    places = np.array(list(_rows(np.random.default_rng(1), 448, 30.0, 0.0)))
    assert 40 <= len(places) <= 80
    rows = places[:, 1]
    near = np.abs(rows[:, None] - rows[None]).min(axis=1, where=~np.eye(len(rows), dtype=bool), initial=1e9)
    assert np.median(near) < 5  # most have a neighbour in their row
    assert np.ptp(places[:, 0]) > 60


def test_a_label_names_what_stands_there() -> None:
    """Designs with even numbers are painted magenta, the others green; so are the middles of their boxes."""
    designs = Designs(products=0, things=0, cells=0, aerials=12)
    for label in range(12):
        designs.aerial(label).picture[..., :3] = [0, 255, 0] if label % 2 else [255, 0, 255]
    seen = [0, 0]
    for seed in range(6):
        canvas, labels = from_above(np.random.default_rng(seed), 256, designs)
        scene = canvas.finished(np.random.default_rng(0))
        for (x1, y1, x2, y2), label, visible in zip(scene.boxes, labels, scene.visible, strict=True):
            if visible > 0.95:
                blue, green, red = canvas.image[(y1 + y2) // 2, (x1 + x2) // 2].astype(int)
                is_green = green - (blue + red) / 2
                if abs(is_green) > 30:  # not the ground between the wings of a roof
                    assert (is_green > 0) == label % 2
                    seen[label % 2] += 1
    assert min(seen) > 10


def test_no_designs_from_above_no_group() -> None:
    with pytest.raises(ValueError):
        Designs(products=1, things=1, cells=1).aerial_group(np.random.default_rng(0), 2)
