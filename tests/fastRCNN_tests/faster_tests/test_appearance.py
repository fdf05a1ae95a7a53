"""How a picture looks at another time: what blur and noise do to known pixels."""

import numpy as np

from fastRCNN.faster.appearance import blurred, noisy, recoloured


def test_blur_spreads_an_edge_and_keeps_the_sum():
    """A step from 0 to 200 passes 100 in its middle; far from it nothing changes."""
    image = np.zeros((40, 40, 3), np.uint8)
    image[:, 20:] = 200
    widths = []
    for seed in range(20):
        row = blurred(image, np.random.default_rng(seed))[20, :, 0].astype(int)
        assert (np.diff(row) >= 0).all() and row[0] == 0 and row[-1] == 200
        assert row[19] + row[20] == 200
        widths.append(int(((row > 0) & (row < 200)).sum()))
    assert 2 <= min(widths) < max(widths) <= 16


def test_noise_has_the_deviation_that_is_said():
    image = np.full((100, 100, 3), 128, np.uint8)
    deviations = []
    for seed in range(20):
        seen = noisy(image, np.random.default_rng(seed)).astype(float)
        assert abs(seen.mean() - 128) < 0.5
        deviations.append(seen.std())
    assert 1.9 < min(deviations) < 6 and 8 < max(deviations) < 12.2


def test_noise_stays_within_the_values():
    dark = noisy(np.zeros((50, 50, 3), np.uint8), np.random.default_rng(1))
    assert dark.dtype == np.uint8 and (dark == 0).mean() > 0.4 and dark.max() < 80


def test_colours_without_strength_stay():
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    np.testing.assert_array_equal(recoloured(image, np.random.default_rng(0), 0.0), image)
