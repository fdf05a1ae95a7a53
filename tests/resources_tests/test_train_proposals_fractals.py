"""Fractals: systems by their singular values, the chaos game on a set that is known, drawings of one system alike."""

import numpy as np
import pytest

from resources.train_proposals.fractals import Fractal, chaos_game, fractal, system

SIERPINSKI = np.array([[[0.5, 0, x], [0, 0.5, y]] for x, y in ((0, 0), (0.5, 0), (0, 0.5))])


def test_systems_have_the_singular_values_of_the_paper() -> None:
    counts = set()
    for seed in range(60):
        maps = system(np.random.default_rng(seed))
        values = np.linalg.svd(maps[..., :2], compute_uv=False)
        count, total = len(maps), (values @ [1, 2]).sum()
        assert values.max() <= 0.97 + 1e-9 and np.abs(maps[..., 2]).max() <= 1
        assert (5 + count) / 2 - 0.09 * count <= total <= (6 + count) / 2 + 1e-9  # 0.03 and 2 * 0.03 are cut at most
        counts.add(count)
    assert counts == {2, 3, 4, 5, 6}


def test_points_of_the_sierpinski_triangle_share_no_binary_digit() -> None:
    points, shade = chaos_game(np.random.default_rng(0), SIERPINSKI, steps=30)
    assert points.shape == (30 * 1200, 2) and shade.shape == (30 * 1200,)
    x, y = (points * 2**15).astype(int).T
    assert (x & y == 0).all()
    parts = np.stack([(points < 0.5).all(1), points[:, 0] >= 0.5, points[:, 1] >= 0.5])
    np.testing.assert_allclose(parts.mean(1), 1 / 3, atol=0.02)
    means = [shade[part].mean() for part in parts]  # half of it is the last map's: 0, 0.5, 1; the rest 0.5 in the mean
    np.testing.assert_allclose(means, [0.25, 0.5, 0.75], atol=0.02)


def test_a_set_is_drawn_evenly() -> None:
    """One map has four times the area of the other, so it is chosen that much more often."""
    maps = np.array([[[0.8, 0, 0], [0, 0.8, 0]], [[0.4, 0, 0.6], [0, 0.4, 0]]])
    shade = chaos_game(np.random.default_rng(0), maps, steps=30)[1]
    assert (shade < 0.5).mean() == pytest.approx(0.8, abs=0.02)  # below one half: the last map was the first


@pytest.mark.parametrize("size", [30, 90, 300])
def test_a_drawing_has_about_its_size_and_is_a_function_of_the_generator(size: int) -> None:
    for seed in range(6):
        sprite = fractal(np.random.default_rng(seed), size)
        assert sprite.dtype == np.uint8 and sprite.shape[2] == 4
        assert 0.75 * size <= max(sprite.shape[:2]) <= size + 2
        assert (sprite[..., 3] > 115).mean() > 0.05
        assert np.array_equal(sprite, fractal(np.random.default_rng(seed), size))


def test_drawings_of_a_system_are_new_and_alike() -> None:
    one, other = (Fractal(np.random.default_rng(seed)) for seed in (3, 4))
    maps = one.maps.copy()
    drawn = [one.draw(np.random.default_rng(k), 100) for k in range(4)]
    assert np.array_equal(one.maps, maps)
    assert len({sprite.tobytes() for sprite in drawn}) == 4

    def colour(sprite: np.ndarray) -> np.ndarray:
        return sprite[..., :3][sprite[..., 3] > 100].mean(axis=0)

    means = np.array([colour(sprite) for sprite in drawn])
    away = np.linalg.norm(means.mean(0) - colour(other.draw(np.random.default_rng(0), 100)))
    assert np.linalg.norm(means - means.mean(0), axis=1).max() < away
