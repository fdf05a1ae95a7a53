"""Designs, poses and named scenes: functions of their seeds, every thing with its label."""

import numpy as np
import pytest

from resources.train_proposals.scenes import MAKERS, SIDE
from resources.train_residual.designs import FAMILIES, Designs, posed
from resources.train_residual.pool import Pool
from resources.train_residual.scenes import NamedScenes

FEW = {"products": 4, "things": 6, "cells": 3}


def test_labels_and_their_families():
    designs = Designs(**FEW)
    assert designs.count == 13
    families = designs.families
    assert len(families) == 13 + len(FAMILIES) and len(set(FAMILIES)) == len(FAMILIES) == 20
    assert FAMILIES[families[0]] == designs.products[0].family
    assert [FAMILIES[k] for k in families[10:13]] == ["cell"] * 3
    assert families[13:].tolist() == list(range(len(FAMILIES)))
    rng = np.random.default_rng(0)
    seen = {"products": range(4), "things": range(4, 10), "cells": range(10, 13), "new": range(13, 13 + 20)}
    for _ in range(20):
        assert designs.product(rng, 40)[1] in seen["products"]
        assert designs.thing(rng, 40)[1] in seen["things"]
        assert designs.cell_kind(rng)[2] in seen["cells"]
        assert designs.new_thing(rng, 40)[1] in seen["new"]


def test_a_new_thing_has_the_family_of_its_maker():
    designs = Designs(**FEW)
    for seed in range(12):
        maker = MAKERS[np.random.default_rng(seed).integers(0, len(MAKERS))]
        label = designs.new_thing(np.random.default_rng(seed), 40)[1]
        assert FAMILIES[designs.families[label]] == maker.__name__


def test_a_thing_looks_alike_in_every_pose_and_each_pose_is_new():
    sprites = [Designs(**FEW).thing_again(np.random.default_rng(k), 90, 5)[0] for k in (0, 1, 0)]
    assert np.array_equal(sprites[0], sprites[2]) and sprites[0].shape != sprites[1].shape

    def mean(label: int, pose: int) -> np.ndarray:
        sprite = Designs(**FEW).thing_again(np.random.default_rng(pose), 90, label)[0]
        return sprite[..., :3][sprite[..., 3] > 200].mean(axis=0)

    means = np.array([[mean(label, pose) for pose in range(6)] for label in range(4, 10)])  # (6 things, 6 poses, 3)
    within, between = means.std(axis=1).mean(), means.mean(axis=1).std(axis=0).mean()
    assert between > within


def test_a_pose_has_about_the_size_asked_for():
    drawing = np.full((40, 80, 4), 255, np.uint8)
    for seed in range(20):
        for size in (20, 90, 300):
            sprite = posed(np.random.default_rng(seed), drawing, size)
            assert sprite.dtype == np.uint8 and sprite.shape[2] == 4
            assert abs(max(sprite.shape[:2]) - size) <= 4
            rows, columns = np.nonzero(sprite[..., 3] > 127)
            assert max(np.ptp(rows), np.ptp(columns)) > 0.6 * size


def test_a_scene_is_a_function_of_seed_and_index():
    make = NamedScenes(Designs(**FEW), 4)
    first = make.scene(1)
    make.scene(2)
    for again in (make.scene(1), NamedScenes(Designs(**FEW), 4).scene(1)):
        assert np.array_equal(first.image, again.image)
        assert np.array_equal(first.boxes, again.boxes) and np.array_equal(first.labels, again.labels)
    assert not np.array_equal(first.image, NamedScenes(Designs(**FEW), 5).scene(1).image)


RECORDED = (
    # scene, labels, sums of x1 y1 x2 y2, mean blue green red; recorded before there were more families
    (1, [0, 3, 1, 1, 1], [742, 812, 1029, 1317], [47.53, 46.02, 51.61]),
    (3, [26, 8, 6, 31, 25, 25, 2, 9, 1, 29], [2229, 1936, 2481, 2313], [131.58, 110.4, 64.46]),
    (6, [31, 8, 4, 4], [604, 1126, 679, 1206], [103.58, 122.24, 133.36]),
    (7, [11] * 15 + [12] * 3, [4407, 3771, 4895, 4269], [143.31, 144.79, 205.85]),
    (11, [8, 9, 7, 8, 8, 7, 31, 29, 25], [1667, 1439, 1947, 1774], [23.34, 24.79, 28.16]),
)


def test_the_recipe_of_the_bundled_network_draws_what_it_drew():
    """Numbers, not bytes, which differ from processor to processor in the last bit of a pixel."""
    make = NamedScenes(Designs(**FEW), 4)
    for index, labels, corners, colours in RECORDED:
        scene = make.scene(index)
        assert scene.labels.tolist() == labels
        np.testing.assert_allclose(scene.boxes.astype(int).sum(axis=0), corners, atol=4)
        np.testing.assert_allclose(scene.image.reshape(-1, 3).mean(axis=0), colours, atol=0.1)


def test_families_by_formula_and_from_above_come_when_asked_for():
    designs = Designs(**FEW, formulas=8, aerials=9)
    names = designs.family_names
    assert designs.count == 30 and len(names) == 20 + 2 + 6 and names[:20] == FAMILIES == Designs(**FEW).family_names
    assert designs.families[:13].tolist() == Designs(**FEW).families[:13].tolist()
    assert {names[k] for k in designs.families[13:21]} == {"fractal", "contour"}
    assert {names[k] for k in designs.families[21:30]} <= {"roof", "car", "tree", "boat", "tank", "plane"}
    assert designs.families[30:].tolist() == list(range(28))
    assert Designs(**FEW, aerials=1).family_names[20:] == names[22:]
    rng, drawn = np.random.default_rng(0), {}
    for _ in range(60):
        sprite, label = designs.thing(rng, 60)
        drawn[label] = sprite
        assert designs.cell_kind(rng)[2] in range(10, 13)
    assert set(drawn) == {*range(4, 10), *range(13, 21)}
    again = designs.thing_again(np.random.default_rng(5), 60, 15)
    assert again[1] == 15 and np.array_equal(again[0], designs.thing_again(np.random.default_rng(5), 60, 15)[0])


def test_scenes_from_above_take_the_place_of_some_and_change_no_other():
    plain, more = (NamedScenes(Designs(**FEW, aerials=n), 4) for n in (0, 6))
    from_above = 0
    for index in range(20):
        one, two = plain.scene(index), more.scene(index)
        if len(two.labels) and (two.labels >= 13).all() and (two.labels < 19).all():
            from_above += 1
        else:
            assert np.array_equal(one.image, two.image) and np.array_equal(one.boxes, two.boxes)
    assert 1 <= from_above <= 8


def test_every_box_has_a_label_and_all_kinds_of_scenes_are_drawn():
    designs = Designs(**FEW)
    make, labels = NamedScenes(designs, 0), set()
    for index in range(40):
        scene = make.scene(index)
        assert scene.image.shape == (SIDE, SIDE, 3) and scene.image.dtype == np.uint8
        assert len(scene.boxes) == len(scene.labels) == len(scene.visible)
        assert scene.boxes.size == 0 or (scene.boxes.min() >= 0 and scene.boxes.max() < SIDE)
        labels |= set(scene.labels.tolist())
    assert labels >= set(range(designs.count))
    assert max(labels) >= designs.count  # things without a design


def test_a_label_names_what_is_in_the_box():
    designs = Designs(products=1, things=1, cells=1)
    make = NamedScenes(designs, 0)
    drawing = designs.thing_again(np.random.default_rng(0), 90, 1)[0]
    designs._drawings[0] = np.dstack([np.full((*drawing.shape[:2], 3), [255, 0, 255], np.uint8), drawing[..., 3]])
    seen = 0
    for index in range(60):
        scene = make.scene(index)
        for box, label, visible in zip(scene.boxes.tolist(), scene.labels, scene.visible, strict=True):
            if label == 1 and visible > 0.9 and min(box[2] - box[0], box[3] - box[1]) > 40:
                x, y = (box[0] + box[2]) // 2, (box[1] + box[3]) // 2
                blue, green, red = scene.image[y - 3 : y + 4, x - 3 : x + 4].reshape(-1, 3).mean(axis=0)
                seen += min(blue, red) > green
    assert seen >= 10


def test_a_pool_is_the_same_however_it_was_filled(tmp_path):
    whole, parts = (Pool(tmp_path / name, Designs(**FEW), size=3, seed=2) for name in "ab")
    whole.fill()
    parts.fill(1, 2)
    assert parts.done.tolist() == [0, 1, 0]
    for process in parts.start(2):
        process.join()
    assert parts.done.all() and parts.start(2) == []
    assert np.array_equal(whole.images, parts.images) and np.array_equal(whole.truth, parts.truth)
    rows = whole.truth[whole.truth[..., 4] >= 0]
    assert len(rows) and (rows[:, 5] >= 0).all() and (rows[:, 5] <= 1).all()


def test_what_is_done_is_not_drawn_again(tmp_path):
    pool = Pool(tmp_path, Designs(**FEW), size=2, seed=2)
    pool.done[1] = 1
    pool.fill()
    assert pool.images[0].any() and not pool.images[1].any()


def test_who_does_not_wait_takes_a_scene_that_is_there(tmp_path):
    pool = Pool(tmp_path, Designs(**FEW), size=50, seed=0)
    pool.done[3] = pool.done[0] = 1
    taken = {pool.take(np.random.default_rng(k), 50, wait=False) for k in range(200)}
    assert taken == {0, 3}
    pool.done[:] = 1
    assert len({pool.take(np.random.default_rng(k), 50, wait=True) for k in range(200)}) > 40


def test_a_pool_of_another_size_is_refused(tmp_path):
    Pool(tmp_path, Designs(**FEW), size=2, seed=0)
    with pytest.raises(ValueError, match="made with another size"):
        Pool(tmp_path, Designs(**FEW), size=3, seed=0)
