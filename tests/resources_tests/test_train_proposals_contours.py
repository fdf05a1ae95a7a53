"""Contours: rings of known numbers, closed or seen through, drawings of one choice alike."""

import numpy as np
import pytest

from resources.train_proposals.contours import Contour, contour


def _plain(**changes) -> Contour:
    """Return circles of 60 corners, not turned by what differs from kind to kind."""
    made = Contour(np.random.default_rng(0))
    plain = {"corners": 60, "rings": 5, "waves": np.zeros((3, 2)), "drift": np.zeros(3), "jagged": 0.0,
             "corner_noise": np.zeros(60), "twist": 0.0, "innermost": 0.25, "stretch": 1.0, "line": 0.03,
             "ground": None}  # fmt: skip
    for name, value in (plain | changes).items():
        setattr(made, name, value)
    return made


def test_rings_lie_within_each_other_as_far_as_said() -> None:
    rings = _plain().outlines(np.random.default_rng(1))
    assert rings.shape == (5, 60, 2) and np.abs(rings).max() == pytest.approx(1)
    spans = np.ptp(rings, axis=1)
    np.testing.assert_allclose(spans / spans[0], np.linspace(1, 0.25, 5)[:, None] * [1, 1], rtol=1e-6)


def test_waves_move_the_corners_away_from_the_circle() -> None:
    """One wave, twice around: the radius is 1 +- 0.5, so the longest diameter is three times the shortest."""
    waves = np.array([[0, 0], [0.5, 0], [0, 0]])
    rings = _plain(waves=waves, rings=1).outlines(np.random.default_rng(5))
    across = np.linalg.norm(rings[0, :30] - rings[0, 30:], axis=1)
    assert 2 < across.max() / across.min() < 4.5  # waves and stretch are a little new each time


def test_without_a_ground_one_sees_through() -> None:
    for ground, middle in ((None, 0), (np.full((96, 96, 3), 90.0), 255)):
        sprite = _plain(rings=1, ground=ground).draw(np.random.default_rng(0), 120)
        height, width = sprite.shape[:2]
        assert sprite[height // 2, width // 2, 3] == middle
        assert sprite[height // 2, :12, 3].max() == 255 and sprite[0, 0, 3] == 0


def test_rings_go_from_one_ink_to_the_other() -> None:
    plain = _plain(rings=2, inks=np.array([[0.0, 0, 0], [255, 255, 255]]), line=0.05)
    sprite = plain.draw(np.random.default_rng(0), 200)
    row = sprite[sprite.shape[0] // 2]
    seen = row[row[:, 3] == 255, :3].mean(axis=1)
    assert seen[0] < 60 and seen[-1] < 60 and seen.max() > 190  # outermost, innermost, outermost


@pytest.mark.parametrize("size", [30, 90, 300])
def test_a_drawing_has_about_its_size_and_is_a_function_of_the_generator(size: int) -> None:
    for seed in range(10):
        sprite = contour(np.random.default_rng(seed), size)
        assert sprite.dtype == np.uint8 and sprite.shape[2] == 4
        assert 0.9 * size <= max(sprite.shape[:2]) <= size + 4
        assert np.array_equal(sprite, contour(np.random.default_rng(seed), size))


def test_drawings_of_a_choice_are_new() -> None:
    one = Contour(np.random.default_rng(3))
    waves = one.waves.copy()
    assert len({one.draw(np.random.default_rng(k), 100).tobytes() for k in range(5)}) == 5
    assert np.array_equal(one.waves, waves)
