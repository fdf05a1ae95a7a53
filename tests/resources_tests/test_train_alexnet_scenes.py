"""The generator: same seed, same bytes; boxes are the extents of what is visible."""

import hashlib

import numpy as np
import pytest

from resources.train_alexnet.pool import Pool, cut_window
from resources.train_alexnet.products import FAMILIES, Design
from resources.train_alexnet.scenes import make_scene, paste, visible_boxes

DESIGNS = [Design(k) for k in range(30)]


def _digest(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def test_a_design_is_its_seed():
    first, second = (Design(7).render(np.random.default_rng(3), 60) for _ in range(2))
    assert first.dtype == np.uint8 and first.shape[2] == 4
    assert np.array_equal(first, second)
    assert not np.array_equal(Design(8).material["colours"], Design(7).material["colours"])


def test_all_families_are_drawn_and_fill_about_the_size_asked_for():
    assert {design.family for design in DESIGNS} == set(FAMILIES)
    for design in DESIGNS:
        sprite = design.render(np.random.default_rng(1), 90)
        rows, columns = np.nonzero(sprite[..., 3] >= 128)
        extent = max(np.ptp(rows), np.ptp(columns))
        assert 50 <= extent <= 150, (design.family, extent)


def test_a_scene_is_a_function_of_seed_and_index():
    scenes = [make_scene(DESIGNS, seed=4, index=i) for i in (0, 1, 0)]
    assert _digest(scenes[0].image) == _digest(scenes[2].image)
    assert np.array_equal(scenes[0].boxes, scenes[2].boxes)
    assert _digest(scenes[0].image) != _digest(scenes[1].image)
    assert _digest(scenes[0].image) != _digest(make_scene(DESIGNS, seed=5, index=0).image)


def test_a_scene_holds_boxes_inside_the_picture():
    for index in range(6):
        scene = make_scene(DESIGNS, seed=0, index=index)
        assert scene.image.shape == (448, 448, 3) and scene.image.dtype == np.uint8
        assert len(scene.boxes) == len(scene.designs) == len(scene.visible) >= 1
        shown = scene.visible > 0
        assert (scene.boxes[shown, :2] <= scene.boxes[shown, 2:]).all()
        assert scene.boxes.min() >= 0 and scene.boxes.max() <= 447
        assert (scene.visible <= 1).all()


def test_boxes_are_exact_for_squares_that_hide_each_other():
    canvas, owner = np.zeros((40, 40, 3), np.uint8), np.zeros((40, 40), np.uint8)
    square = np.full((10, 10, 4), 255, np.uint8)
    drawn = [
        paste(canvas, owner, square, 5, 5, 1),
        paste(canvas, owner, square, 11, 5, 2),
        paste(canvas, owner, square, 36, -4, 3),
    ]
    boxes, visible = visible_boxes(owner, drawn)
    assert boxes.tolist() == [[5, 5, 10, 14], [11, 5, 20, 14], [36, 0, 39, 5]]
    assert visible.tolist() == pytest.approx([0.6, 1.0, 0.24])  # 60, 100 and 4 x 6 of 100 pixels
    assert (canvas[5:15, 5:21] == 255).all() and canvas[4, 5, 0] == 0


def test_a_hidden_product_has_no_box():
    canvas, owner = np.zeros((20, 20, 3), np.uint8), np.zeros((20, 20), np.uint8)
    square = np.full((6, 6, 4), 255, np.uint8)
    boxes, visible = visible_boxes(
        owner, [paste(canvas, owner, square, 3, 3, 1), paste(canvas, owner, square, 3, 3, 2)]
    )
    assert boxes.tolist() == [[0, 0, 0, 0], [3, 3, 8, 8]] and visible.tolist() == [0, 1]


def test_a_window_moves_boxes_with_the_picture():
    image = np.zeros((448, 448, 3), np.uint8)
    image[100:200, 150:300] = 200  # x 150..299, y 100..199
    truth = np.array([[150, 100, 299, 199, 3, 1], [-1] * 6], np.float32)
    for seed in range(12):
        window, boxes, designs, clear = cut_window(np.random.default_rng(seed), image, truth, 384)
        assert window.shape == (384, 384, 3)
        if not len(boxes):
            continue
        assert designs.tolist() == [3]
        bright = window[..., 1] > window[..., 1].max() / 2
        rows, columns = np.flatnonzero(bright.any(1)), np.flatnonzero(bright.any(0))
        seen = [columns[0], rows[0], columns[-1], rows[-1]]
        assert np.abs(boxes[0] - seen).max() <= 1.0, (seed, boxes, seen)
        assert clear.tolist() == [True] or min(boxes[0, :2]) == 0 or max(boxes[0, 2:]) == 383


def test_a_product_that_is_mostly_hidden_is_not_clear():
    image = np.zeros((448, 448, 3), np.uint8)
    truth = np.array([[200, 200, 240, 240, 1, 0.39], [210, 150, 250, 190, 2, 0.4]], np.float32)
    _, _, designs, clear = cut_window(np.random.default_rng(0), image, truth, 384)
    assert designs.tolist() == [1, 2] and clear.tolist() == [False, True]


def test_a_pool_is_the_same_however_it_was_filled(tmp_path):
    recipe = {"size": 3, "seed": 2, "designs": 5}
    whole = Pool(tmp_path / "a", **recipe)
    whole.fill()
    parts = Pool(tmp_path / "b", **recipe)
    parts.fill(1, 2)
    assert parts.done.tolist() == [0, 1, 0]
    parts.fill(0, 2)
    assert np.array_equal(whole.images, parts.images) and np.array_equal(whole.truth, parts.truth)
    assert whole.done.all() and parts.done.all()


def test_a_pool_of_another_size_is_refused(tmp_path):
    Pool(tmp_path, size=2, seed=0, designs=2)
    with pytest.raises(ValueError, match="made with another size"):
        Pool(tmp_path, size=3, seed=0, designs=2)
