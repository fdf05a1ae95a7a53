"""Geometry of placing: everything here is numpy, no renderer."""

import itertools

import camera_light
import numpy as np
import pytest
from items import MAKERS
from material import Material
from mesh import ball, box
from placement import BAYS, GAP, Item, acceptable, apart, buy, convex_hull, fill, shopping_list, visible_shares

GREY = Material("grey")
SQUARE = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], float)
FRONT = camera_light.aim((0, -10, 1), (0, 0, 1), 0.0, np.radians(60))


def test_hull_keeps_the_corners_and_drops_what_is_inside():
    hull = convex_hull(np.concatenate([SQUARE, [(0.5, 0.5), (0.2, 0.9)]]))
    assert sorted(map(tuple, hull)) == sorted(map(tuple, SQUARE))


@pytest.mark.parametrize(
    ("shift", "expected"), [((0.5, 0.5), False), ((1.01, 0), False), ((1.2, 0), True), ((0, -1.2), True)]
)
def test_apart_wants_air_between(shift, expected):
    assert apart(SQUARE, SQUARE + shift) is expected
    assert apart(SQUARE + shift, SQUARE) is expected


def test_apart_finds_a_slanted_gap():
    # The bounding boxes of these two overlap; a line at 45 degrees separates them.
    corner = np.array([(0, 0), (2, 0), (0, 2)], float)
    other = np.array([(2, 2), (2, 0.5), (0.5, 2)], float)
    assert apart(corner, other)


@pytest.mark.parametrize("label", MAKERS)
@pytest.mark.parametrize("lying", [False, True])
def test_items_stand_on_the_ground_and_are_closed_arrays(label, lying):
    meshes = MAKERS[label](np.random.default_rng(3), lying)
    vertices = np.concatenate([m.vertices for m in meshes])
    size = np.ptp(vertices, axis=0)
    assert np.isfinite(vertices).all()
    assert abs(vertices[:, 2].min()) < 0.03
    assert (size > 0.4).all() and (size < 3).all()
    for mesh in meshes:
        corners = [v for face in mesh.faces for v in face]
        assert min(corners) >= 0 and max(corners) < len(mesh.vertices)
        assert mesh.uvs is None or len(mesh.uvs) == len(corners)


def test_a_layout_has_no_two_items_in_one_place_and_nothing_floats():
    rng = np.random.default_rng(1)
    items = next(filter(None, (fill(buy(shopping_list(rng), rng), rng) for _ in range(20))))
    low_high = [(i.vertices().min(0), i.vertices().max(0)) for i in items]
    for low, high in low_high:
        bay = min(BAYS, key=lambda b: abs(b.floor - low[2]))
        assert low[2] == pytest.approx(bay.floor, abs=1e-6)
        assert high[2] - low[2] <= bay.clearance
        assert bay.x[0] - 1e-6 <= low[0] and high[0] <= bay.x[1] + 1e-6
        assert bay.y[0] - 1e-6 <= low[1] and high[1] <= bay.y[1] + 1e-6
    for a, b in itertools.combinations(items, 2):
        if abs(a.vertices()[:, 2].min() - b.vertices()[:, 2].min()) < 1e-6:
            if (
                min(a.vertices()[:, 0].max(), b.vertices()[:, 0].max())
                < 0
                < max(a.vertices()[:, 0].min(), b.vertices()[:, 0].min())
            ):
                continue  # in different drawers at the same height
            assert apart(convex_hull(a.vertices()[:, :2]), convex_hull(b.vertices()[:, :2]), GAP * 0.99)


def test_the_same_seed_gives_the_same_layout():
    def layout(seed):
        rng = np.random.default_rng(seed)
        return fill(buy(shopping_list(rng), rng), rng)

    first, second = layout(1), layout(1)
    assert first is not None
    assert all(np.array_equal(a.vertices(), b.vertices()) for a, b in zip(first, second, strict=True))


def test_shopping_list_has_every_class_once_and_squash_twice():
    usual = shopping_list(np.random.default_rng(0))
    assert sorted(usual) == sorted([*MAKERS, "squash"])
    assert len(shopping_list(np.random.default_rng(0), crowded=True)) >= len(usual) + 3


def _cube(x, y, z=0.0):
    return Item("cube", (box("cube", (x, y, z), (x + 1, y + 1, z + 1), GREY),))


def test_visible_shares_of_what_hides_what():
    behind, before, beside = _cube(0.6, 3), _cube(0, 0), _cube(2, 0)
    shares = visible_shares([behind, before, beside], FRONT)
    assert shares[1:].tolist() == [1, 1]
    assert 0.2 < shares[0] < 0.8


def test_an_item_outside_the_picture_is_not_visible():
    assert visible_shares([_cube(50, 0), _cube(4.2, -1)], FRONT).tolist() == [0, 0]


def test_acceptable_layouts():
    assert acceptable([1] * 9)
    assert acceptable([1] * 7 + [0.6, 0.7])
    assert not acceptable([1] * 6 + [0.7, 0.7, 0.7])
    assert not acceptable([1] * 8 + [0.3])
    assert acceptable([1] * 9 + [0.1, 0.0], crowded=True)
    assert not acceptable([1] * 8 + [0.1, 0.0], crowded=True)


def test_projection_by_hand():
    # 60 degrees over 100 pixels: the focal length is 50 / tan 30 = 86.60 pixels; 10 dm away 1 dm is 8.66 pixels.
    pixels = FRONT.project([(0, 0, 1), (1, 0, 1), (0, 0, 2)], 80, 100)
    assert pixels == pytest.approx(np.array([(40, 50), (48.66, 50), (40, 41.34)]), abs=0.01)
    assert FRONT.distance([(0, 0, 1), (0, 5, 1)]).tolist() == pytest.approx([10, 15])


def test_triangles_of_a_closed_mesh_face_outwards():
    mesh = ball("ball", (0, 0, 0), 1.0, GREY, count=24)
    a, b, c = (mesh.vertices[mesh.triangles()[:, i]] for i in range(3))
    assert ((np.cross(b - a, c - a) * (a + b + c)).sum(1) > -1e-9).all()
