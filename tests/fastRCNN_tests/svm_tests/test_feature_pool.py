"""The pool: every row once, slots used again, rows that stay what they are when it grows."""

import numpy as np

from fastRCNN.svm.feature_pool import FeaturePool


def everything(pool):
    return np.ones(pool.size, bool)


def check(pool, expected):
    """`expected`: slot -> embedding."""
    for slot, embedding in expected.items():
        np.testing.assert_array_equal(pool.rows[slot], embedding)


def test_rows_are_found_again_and_slots_are_used_again():
    rng = np.random.default_rng(0)
    pool = FeaturePool(5)
    pictures = [rng.normal(size=(9, 5)).astype(np.float32) for _ in range(3)]
    first = pool.put(pictures[0], np.array([1, 4, 8]), 0, everything(pool))
    assert first.tolist() == [0, 1, 2]
    check(pool, {slot: pictures[0][row] for slot, row in zip(first, (1, 4, 8), strict=True)})
    again = pool.put(pictures[0], np.array([4, 5]), 0, everything(pool))
    assert again.tolist() == [1, 3]
    used = everything(pool)
    used[[0, 2]] = False  # rows 1 and 8 of picture 0 have no user any more
    second = pool.put(pictures[1], np.array([1, 2, 3]), 1, used)
    assert second.tolist() == [0, 2, 4]
    check(pool, {1: pictures[0][4], 3: pictures[0][5], 0: pictures[1][1], 2: pictures[1][2], 4: pictures[1][3]})
    # a row without a user that is wanted again keeps its slot, while another unused one is given away
    used = everything(pool)
    used[[1, 2]] = False
    third = pool.put(pictures[0], np.array([0, 4]), 0, used)
    assert third.tolist() == [2, 1]
    check(pool, {2: pictures[0][0], 1: pictures[0][4], 0: pictures[1][1], 3: pictures[0][5], 4: pictures[1][3]})
    assert pool.size == len(pool.rows) == 5


def test_rows_stay_when_the_pool_grows_by_much():
    """Large enough that the system gives whole pages, and more than once."""
    pictures = [np.full((700, 512), i, np.float32) + np.arange(700, dtype=np.float32)[:, None] / 1000 for i in range(4)]
    pool = FeaturePool(512)
    for i, picture in enumerate(pictures):
        slots = pool.put(picture, np.arange(700), i, everything(pool))
        assert slots.tolist() == list(range(700 * i, 700 * (i + 1)))
    np.testing.assert_array_equal(pool.rows, np.vstack(pictures))


def test_nothing_to_put():
    pool = FeaturePool(3)
    assert len(pool.put(np.zeros((5, 3), np.float32), np.zeros(0, np.int64), 0, everything(pool))) == 0
    assert pool.size == 0
