"""The pool: every row once, slots used again, inner products that fit the rows at any time."""

import numpy as np
import pytest

from fastRCNN.feature_pool import FeaturePool


def everything(pool):
    return np.ones(pool.size, bool)


def check(pool, expected):
    """`expected`: slot -> embedding."""
    for slot, embedding in expected.items():
        np.testing.assert_allclose(pool.rows[slot], embedding - pool.center, atol=1e-5)
    slots = np.array(list(expected))
    rows = np.array([expected[slot] for slot in slots]) - pool.center
    np.testing.assert_allclose(pool.gram[np.ix_(slots, slots)], rows @ rows.T, atol=1e-4)
    np.testing.assert_allclose(pool.moments[slots], rows @ pool.center, atol=1e-4)
    np.testing.assert_allclose(pool.squares[slots], (rows**2).sum(axis=1), atol=1e-4)


@pytest.mark.parametrize("small", [True, False])
def test_rows_are_found_again_and_slots_are_used_again(monkeypatch, small):
    if small:
        monkeypatch.setattr("fastRCNN.feature_pool._SMALLEST", 4)
        monkeypatch.setattr("fastRCNN.feature_pool._BLOCK", 2)
    rng = np.random.default_rng(0)
    pool = FeaturePool(rng.normal(size=5).astype(np.float32), gram_limit=40)
    pictures = [rng.normal(size=(9, 5)).astype(np.float32) for _ in range(3)]
    first = pool.put(pictures[0], np.array([1, 4, 8]), 0, everything(pool))
    assert first.tolist() == [0, 1, 2]
    pool.update_gram()
    check(pool, {slot: pictures[0][row] for slot, row in zip(first, (1, 4, 8), strict=True)})
    again = pool.put(pictures[0], np.array([4, 5]), 0, everything(pool))
    assert again.tolist() == [1, 3]
    used = everything(pool)
    used[[0, 2]] = False  # rows 1 and 8 of picture 0 have no user any more
    second = pool.put(pictures[1], np.array([1, 2, 3]), 1, used)
    assert second.tolist() == [0, 2, 4]
    pool.update_gram()
    check(pool, {1: pictures[0][4], 3: pictures[0][5], 0: pictures[1][1], 2: pictures[1][2], 4: pictures[1][3]})
    # a row without a user that is wanted again keeps its slot, while another unused one is given away
    used = everything(pool)
    used[[1, 2]] = False
    third = pool.put(pictures[0], np.array([0, 4]), 0, used)
    assert third.tolist() == [2, 1]
    pool.update_gram()
    check(pool, {2: pictures[0][0], 1: pictures[0][4], 0: pictures[1][1]})
    np.testing.assert_array_equal(pool.gram[:5, :5], pool.gram[:5, :5].T)


def test_above_the_limit_there_are_no_inner_products():
    pool = FeaturePool(np.zeros(3, np.float32), gram_limit=4)
    features = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    pool.put(features, np.arange(4), 0, everything(pool))
    pool.update_gram()
    assert pool.has_gram and pool.gram.shape == (4, 4)
    pool.put(features, np.arange(6), 0, everything(pool))
    pool.update_gram()
    assert not pool.has_gram and pool.gram.size == 0
    np.testing.assert_allclose(pool.rows[:6], features)


def test_combine_is_the_weighted_sum_of_embeddings():
    features = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
    pool = FeaturePool(np.array([0.5, 1], np.float32))
    slots = pool.put(features, np.arange(3), 0, everything(pool))
    np.testing.assert_allclose(pool.combine(slots, np.array([1.0, 0.0, -2.0])), [-9, -10])  # 1 - 2*5, 2 - 2*6


def test_nothing_to_put():
    pool = FeaturePool(np.zeros(3, np.float32))
    assert len(pool.put(np.zeros((5, 3), np.float32), np.zeros(0, np.int64), 0, everything(pool))) == 0
    pool.update_gram()
    assert pool.size == 0
