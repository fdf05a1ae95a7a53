"""Developing the renderer's linear light."""

import numpy as np
import pytest
from tone import LAMPLIGHT, develop


@pytest.fixture(scope="module")
def linear():
    ramp = np.linspace(0.2, 2.0, 96)[None, :, None] * np.ones((128, 1, 3))
    return (ramp * (1.0, 0.8, 0.56)).astype(np.float32)


def test_same_seed_same_bytes_and_input_kept(linear):
    before = linear.copy()
    first, second = (develop(linear, np.random.default_rng(5)) for _ in range(2))
    assert first.dtype == np.uint8 and first.shape == linear.shape
    assert np.array_equal(first, second) and np.array_equal(linear, before)
    assert not np.array_equal(first, develop(linear, np.random.default_rng(6)))


def test_exposure_does_not_depend_on_the_lamp(linear):
    bright, weak = (develop(linear * k, np.random.default_rng(5)).astype(int) for k in (50.0, 1.0))
    assert np.abs(bright - weak).max() <= 2


def test_brighter_stays_brighter_and_dim_is_darker(linear):
    usual, dim = (develop(linear, np.random.default_rng(5), dim=d).mean((0, 2)) for d in (False, True))
    assert usual[80] > usual[48] > usual[16]
    assert dim.mean() < usual.mean() - 25


def test_lamplight_is_warm(linear):
    warm, neutral = (develop(linear, np.random.default_rng(5), tint=t).mean((0, 1)) for t in (LAMPLIGHT, (1, 1, 1)))
    assert warm[0] > warm[1] > warm[2]
    assert warm[0] - warm[2] > neutral[0] - neutral[2] + 10


def test_black_picture_survives():
    assert develop(np.zeros((64, 48, 3)), np.random.default_rng(0)).max() < 20


def test_without_a_tint_colours_stay():
    blue = np.ones((64, 48, 3)) * (0.4, 0.6, 1.0)
    picture = develop(blue, np.random.default_rng(0), tint=None).mean((0, 1))
    assert picture[0] < picture[1] - 10 < picture[2] - 20
    balanced = develop(blue, np.random.default_rng(0), tint=(1, 1, 1)).mean((0, 1))
    assert np.ptp(balanced) < 25
