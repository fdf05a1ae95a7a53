"""The solver: liblinear (scikit-learn, run to a tight tolerance) is the oracle, in all three of its ways to work."""

import logging

import numpy as np
import pytest
from sklearn.svm import LinearSVC

from fastRCNN.feature_pool import FeaturePool
from fastRCNN.linear_svm import solve

SCALE = 0.4


def make_problem(seed: int, n: int = 120, features: int = 30, positives: int = 15):
    """Return (n, features) float32 embeddings of similar direction that overlap, signs, and balanced weights."""
    rng = np.random.default_rng(seed)
    rows = (np.abs(rng.normal(3, 1, features)) + rng.normal(0, 1, (n, features))).astype(np.float32)
    signs = np.where(np.arange(n) < positives, 1.0, -1.0)
    rows[:positives] += 0.5
    weights = np.where(signs > 0, n / (2 * positives), n / (2 * (n - positives)))
    return rows, signs, weights


def pool_of(rows, gram_limit=1000):
    pool = FeaturePool(rows.mean(axis=0), gram_limit)
    slots = pool.put(rows, np.arange(len(rows)), 0, np.zeros(0, bool))
    pool.update_gram()
    return pool, slots


def weights_and_bias(pool, slots, solution, intercept_scaling=10.0):
    return SCALE * pool.combine(slots, solution.duals), intercept_scaling**2 * solution.duals.sum()


@pytest.mark.parametrize("C", [1e-4, 1e-2, 1.0])
@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
@pytest.mark.parametrize("seed", [0, 1])
def test_same_weights_as_liblinear(seed, loss, C):
    rows, signs, weights = make_problem(seed)
    oracle = LinearSVC(C=C, loss=loss, class_weight="balanced", intercept_scaling=10, tol=1e-9, max_iter=10**7,
                       random_state=3, dual=True).fit(rows.astype(np.float64) * SCALE, signs)  # fmt: skip
    pool, slots = pool_of(rows)
    solution = solve(pool, slots, signs, C * weights, scale=SCALE, loss=loss)
    w, b = weights_and_bias(pool, slots, solution)
    np.testing.assert_allclose(w, oracle.coef_[0], atol=2e-5 * np.linalg.norm(oracle.coef_))
    np.testing.assert_allclose(b, oracle.intercept_[0], atol=2e-5)
    np.testing.assert_allclose(solution.margins, rows.astype(np.float64) * SCALE @ w + b, atol=2e-5)
    assert solution.violation <= 1e-6


@pytest.mark.parametrize("limit", [0, 119])
@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
def test_without_shared_inner_products_the_result_is_the_same(limit, loss):
    """limit 119: a pool of 120 rows is too large, a class of 100 is not; limit 0: both are, the rows are used."""
    rows, signs, weights = make_problem(2)
    chosen = np.arange(20, 120)[::-1] if limit else np.arange(120)
    signs = np.where(chosen % 5 == 0, 1.0, -1.0)
    expected_pool, slots = pool_of(rows)
    expected = solve(expected_pool, slots[chosen], signs, 0.01 * weights[chosen], scale=SCALE, loss=loss)
    pool, slots = pool_of(rows, gram_limit=limit)
    assert not pool.has_gram
    assert pool.gram.size == 0
    solution = solve(pool, slots[chosen], signs, 0.01 * weights[chosen], scale=SCALE, loss=loss)
    np.testing.assert_allclose(solution.margins, expected.margins, atol=2e-5)
    w, b = weights_and_bias(pool, slots[chosen], solution)
    expected_w, expected_b = weights_and_bias(expected_pool, slots[chosen], expected)
    np.testing.assert_allclose(w, expected_w, atol=1e-5)
    np.testing.assert_allclose(b, expected_b, atol=1e-5)


def test_by_hand():
    """Two examples x = +1 and -1, B = 1: K = [[2, 0], [0, 2]], so z = +-1/2, w = 1, b = 0, or z = +-c when c < 1/2."""
    pool, slots = pool_of(np.array([[1.0], [-1.0]], np.float32))
    for cost, expected in ((10.0, 0.5), (0.1, 0.1)):
        solution = solve(pool, slots, np.array([1.0, -1.0]), np.full(2, cost), scale=1.0, intercept_scaling=1.0)
        np.testing.assert_allclose(solution.duals, [expected, -expected], atol=1e-7)
        np.testing.assert_allclose(solution.margins, [2 * expected, -2 * expected], atol=1e-6)


def test_a_row_that_counts_twice_has_twice_the_cost():
    rows, signs, weights = make_problem(3)
    pool, slots = pool_of(np.vstack([rows, rows[-40:]]))
    doubled = solve(pool, slots, np.append(signs, signs[-40:]), 0.01 * np.append(weights, weights[-40:]), scale=SCALE)
    costs = 0.01 * weights * np.where(np.arange(120) >= 80, 2, 1)
    counted = solve(pool, slots[:120], signs, costs, scale=SCALE)
    np.testing.assert_allclose(counted.margins, doubled.margins[:120], atol=1e-5)


def test_start_changes_nothing_but_the_time():
    rows, signs, weights = make_problem(4)
    pool, slots = pool_of(rows)
    cold = solve(pool, slots, signs, 0.01 * weights, scale=SCALE)
    start = np.random.default_rng(0).normal(size=120)
    warm = solve(pool, slots, signs, 0.01 * weights, scale=SCALE, start=start)
    np.testing.assert_allclose(warm.margins, cold.margins, atol=1e-5)
    again = solve(pool, slots, signs, 0.01 * weights, scale=SCALE, start=cold.duals)
    np.testing.assert_allclose(again.duals, cold.duals, atol=1e-9)


def test_arguments_stay_as_they_are():
    rows, signs, weights = make_problem(5)
    pool, slots = pool_of(rows)
    costs, start = 0.01 * weights, np.zeros(120)
    before = [array.copy() for array in (slots, signs, costs, start)]
    solve(pool, slots, signs, costs, scale=SCALE, start=start)
    for array, old in zip((slots, signs, costs, start), before, strict=True):
        np.testing.assert_array_equal(array, old)


def test_equal_rows_with_opposite_signs():
    """Q is singular: nothing tells the examples apart, so every margin is the same number."""
    pool, slots = pool_of(np.ones((6, 4), np.float32))
    solution = solve(pool, slots, np.array([1.0, -1, 1, -1, 1, -1]), np.ones(6), scale=1.0)
    assert solution.violation <= 1e-6
    np.testing.assert_allclose(solution.margins, np.zeros(6), atol=1.01)


@pytest.mark.parametrize("limit", [1000, 0])
def test_running_out_of_steps_is_said(caplog, monkeypatch, limit):
    rows, signs, weights = make_problem(6)
    pool, slots = pool_of(rows, limit)
    monkeypatch.setattr("fastRCNN.linear_svm._MAX_SWEEPS", 1)
    with caplog.at_level(logging.WARNING, "fastRCNN.linear_svm"):
        solution = solve(pool, slots, signs, weights, scale=SCALE, max_steps=3)
    assert "SVM: stopped with margins up to" in caplog.text
    assert solution.violation > 1e-6


def test_unknown_loss():
    pool, slots = pool_of(np.ones((2, 2), np.float32))
    with pytest.raises(ValueError, match="expected 'hinge' or 'squared_hinge', got 'l1'"):
        solve(pool, slots, np.ones(2), np.ones(2), scale=1.0, loss="l1")
