"""One look at the rows serves all: products of some as if there were no others, and the fit of scikit-learn."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from fastRCNN.boxes.ridge_regression import RidgeRegression, _solved


@pytest.mark.parametrize("count", [30, 90])  # the smaller system is that of the rows, or of the features
def test_products_of_some_rows_are_as_if_there_were_no_others(count):
    rng = np.random.default_rng(count)
    rows = (20 + rng.normal(0, 3, (count, 50)) + np.linspace(-40, 30, 50)).astype(np.float32)
    chosen = np.sort(rng.permutation(count)[:25])
    alone = rows[chosen].astype(np.float64)
    alone -= alone.mean(axis=0)
    alone *= 10 / np.sqrt((alone**2).sum(axis=1).mean())
    regression = RidgeRegression(rows)
    assert regression.dual == (count == 30)
    np.testing.assert_allclose(regression.products(chosen), alone @ alone.T, atol=1e-3)
    np.testing.assert_allclose(np.trace(regression.products(np.arange(count))), 100 * count, rtol=1e-6)


@pytest.mark.parametrize("count", [30, 90])
def test_one_regression_gives_several_fits(count):
    rng = np.random.default_rng(count)
    rows = rng.normal(5, 2, (count, 50)).astype(np.float32)
    regression = RidgeRegression(rows)
    scaled = rows - rows.mean(axis=0)
    scaled *= 10 / np.sqrt((scaled**2).sum(axis=1).mean())
    for ridge in (2.0, 500.0):
        targets = rng.normal(0, 1, (count, 4))
        weights, biases = regression.fit(targets, ridge)
        expected = Ridge(alpha=ridge).fit(scaled, targets).predict(scaled)
        np.testing.assert_allclose(rows @ weights.T + biases, expected, atol=1e-4)


def test_equal_rows():
    regression = RidgeRegression(np.full((3, 5), 2, np.float32))
    assert not regression.products(np.array([0, 2])).any()
    weights, biases = regression.fit(np.array([[1.0, 2, 3, 4], [1, 2, 3, 4], [4, 5, 6, 7]]), 1.0)
    assert not weights.any() and biases.tolist() == [2, 3, 4, 5]


@pytest.mark.parametrize("ridge", [0.0, 3.0])
def test_a_system_is_solved_to_the_last_digits(ridge):
    """Without the ridge it is beyond float32: its numbers go from 1 to 1e9."""
    rng = np.random.default_rng(3)
    vectors, _ = np.linalg.qr(rng.normal(0, 1, (40, 40)))
    system = vectors * np.geomspace(1, 1e9 if ridge == 0 else 1e3, 40) @ vectors.T + ridge * np.eye(40)
    expected = rng.normal(0, 1, (40, 4))
    np.testing.assert_allclose(_solved((system + system.T) / 2, system @ expected), expected, atol=1e-6)
    assert not _solved(np.eye(3), np.zeros((3, 4))).any()
