"""Scenes to learn proposing from: the same bytes again, exact boxes, every maker at every size."""

import numpy as np
import pytest

from resources.train_proposals.cells import Kind
from resources.train_proposals.creatures import beast, bird, person, sitting
from resources.train_proposals.machines import card, implement, vehicle
from resources.train_proposals.pool import Pool
from resources.train_proposals.scenes import MOST, SIDE, Canvas, SceneMaker
from resources.train_proposals.surfaces import ground, surface
from resources.train_proposals.things import thing

MAKERS = (beast, bird, person, sitting, card, implement, vehicle, thing)


@pytest.fixture(scope="module")
def maker() -> SceneMaker:
    return SceneMaker(7, designs=2)


def test_a_scene_is_a_function_of_seed_and_index(maker: SceneMaker) -> None:
    first, again, other = maker(3), SceneMaker(7, designs=2)(3), maker(4)
    assert np.array_equal(first.image, again.image) and np.array_equal(first.boxes, again.boxes)
    assert not np.array_equal(first.image, other.image)


def test_every_kind_of_scene(maker: SceneMaker) -> None:
    sizes = []
    for index in range(16):
        scene = maker(index)
        assert scene.image.shape == (SIDE, SIDE, 3) and scene.image.dtype == np.uint8
        assert len(scene.boxes) == len(scene.visible) <= MOST
        seen = scene.boxes[scene.visible > 0]
        assert (seen[:, :2] >= 0).all() and (seen[:, 2:] < SIDE).all() and (seen[:, :2] <= seen[:, 2:]).all()
        sizes.extend((seen[:, 2:] - seen[:, :2]).max(axis=1).tolist())
    assert min(sizes) < SIDE / 12 and max(sizes) > SIDE / 2


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("size", [40, 300])
def test_a_thing_of_that_size(make, size: int) -> None:
    sprite = make(np.random.default_rng(1), size)
    assert sprite.dtype == np.uint8 and sprite.shape[2] == 4
    assert 0.3 * size <= max(sprite.shape[:2]) <= 1.5 * size
    alpha = sprite[..., 3]
    assert alpha.max() == 255 and (alpha < 255).any()  # solid somewhere, and its outline is not the cut-out's edge
    assert not np.array_equal(sprite, make(np.random.default_rng(2), size))


def test_cells_of_a_kind_are_alike() -> None:
    rng = np.random.default_rng(0)
    kind = Kind(rng, np.float32([220, 210, 230]))
    first, second = kind.draw(rng, 60), kind.draw(rng, 60)
    assert first.shape == second.shape == (66, 66, 4) and not np.array_equal(first, second)
    assert np.abs(first[33, 33].astype(int) - second[33, 33]).max() < 130


def test_what_is_hidden_does_not_count() -> None:
    canvas = Canvas(np.zeros((40, 40, 3), np.uint8))
    white = np.full((10, 10, 4), 255, np.uint8)
    canvas.paste(white, 5, 7)
    canvas.paste(white, 10, 7)  # over the right half of the first
    canvas.paste(white, 36, 30)  # 4 of 10 columns inside
    canvas.paste(white, 14, 12, counts=False)
    assert canvas.owner[8, 6] == 1 and canvas.owner[8, 12] == 2 and canvas.owner[13, 15] == 0
    assert [(canvas.owner == k).sum() for k in (1, 2, 3)] == [50, 70, 40] and canvas.drawn == [100, 100, 100]
    scene = canvas.finished(np.random.default_rng(0))
    assert scene.boxes.tolist() == [[5, 7, 9, 16], [10, 7, 19, 16], [36, 30, 39, 39]]
    np.testing.assert_allclose(scene.visible, [0.5, 0.7, 0.4])


def test_a_box_seen_through_others_is_whole() -> None:
    canvas = Canvas(np.zeros((40, 40, 3), np.uint8))
    white = np.full((10, 10, 4), 255, np.uint8)
    canvas.paste(white, 5, 7, clear=True)
    canvas.paste(white, 10, 7, clear=True)  # over the right half of the first
    canvas.paste(white, 20, 35, clear=True)  # the lower half outside
    canvas.paste(white, 30, 0, clear=True)
    canvas.paste(white, 30, 0)  # covers the one below
    scene = canvas.finished(np.random.default_rng(0))
    assert scene.boxes.tolist() == [[5, 7, 14, 16], [10, 7, 19, 16], [20, 35, 29, 39], [0, 0, 0, 0], [30, 0, 39, 9]]
    np.testing.assert_allclose(scene.visible, [0.5, 1, 0.5, 0, 1])


def test_surfaces_and_grounds() -> None:
    rng = np.random.default_rng(3)
    one = surface(rng, 50, 70)
    assert one.shape == (50, 70, 3) and one.dtype == np.float32 and 0 <= one.min() <= one.max() <= 255
    for _ in range(12):  # every kind, likely
        assert ground(rng, 64).shape == (64, 64, 3)


def test_a_pool_goes_on(tmp_path) -> None:
    pool = Pool(tmp_path, size=2, seed=7)
    pool.done[0] = 1  # as if made already
    pool.fill()
    assert pool.done.all() and pool.images[0].max() == 0 and pool.images[1].max() > 0
    expected = SceneMaker(7)(1)
    count = len(expected.boxes)
    assert np.array_equal(pool.images[1], expected.image) and np.array_equal(pool.truth[1, :count, :4], expected.boxes)
    assert (pool.truth[1, count:, 4] == -1).all() and pool.start(1) == []
    with pytest.raises(ValueError, match="made with another size"):
        Pool(tmp_path, size=3, seed=7)
