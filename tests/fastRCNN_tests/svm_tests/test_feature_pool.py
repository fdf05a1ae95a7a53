"""The pool: every row once, slots used again, rows that stay what they are when it grows."""

import numpy as np

from fastRCNN.svm.feature_pool import FeaturePool, key_of, lots


def put(pool, features, rows, picture):
    """Put and use."""
    slots = pool.put(features, np.array(rows, np.int64), picture)
    pool.use(slots)
    return slots.tolist()


def check(pool, expected):
    """`expected`: slot -> embedding."""
    for slot, embedding in expected.items():
        np.testing.assert_array_equal(pool.rows[slot], embedding)


def test_rows_are_found_again_and_slots_are_used_again():
    rng = np.random.default_rng(0)
    pool = FeaturePool(5)
    pictures = [rng.normal(size=(9, 5)).astype(np.float32) for _ in range(3)]
    assert put(pool, pictures[0], [1, 4, 8], 0) == [0, 1, 2]
    check(pool, {slot: pictures[0][row] for slot, row in enumerate((1, 4, 8))})
    assert put(pool, pictures[0], [4, 5], 0) == [1, 3]
    assert pool.nr_used == 4
    pool.leave(np.array([0, 2, 1]))  # rows 1 and 8 of picture 0 have no user any more, row 4 has one left
    assert pool.nr_used == 2
    assert put(pool, pictures[1], [1, 2, 3], 1) == [0, 2, 4]
    check(pool, {1: pictures[0][4], 3: pictures[0][5], 0: pictures[1][1], 2: pictures[1][2], 4: pictures[1][3]})
    # a row without a user that is wanted again keeps its slot, while another unused one is given away
    pool.leave(np.array([1, 2]))
    assert put(pool, pictures[0], [0, 4], 0) == [2, 1]
    check(pool, {2: pictures[0][0], 1: pictures[0][4], 0: pictures[1][1], 3: pictures[0][5], 4: pictures[1][3]})
    assert pool.size == len(pool.rows) == pool.nr_used == 5
    # what was given away is read anew: row 8 of picture 0 is not in slot 2
    assert put(pool, pictures[0], [8, 0], 0) == [5, 2]
    check(pool, {5: pictures[0][8], 2: pictures[0][0]})


def test_it_holds_what_a_plain_dictionary_holds():
    """Rows come and go at random; whoever uses a slot finds its row there until the end."""
    rng = np.random.default_rng(1)
    pictures = [rng.normal(size=(30, 4)).astype(np.float32) for _ in range(6)]
    pool, users = FeaturePool(4), {}  # (picture, row) -> slot, of each user
    for _ in range(200):
        picture = int(rng.integers(6))
        rows = rng.permutation(30)[: rng.integers(0, 12)]
        rows = np.array([row for row in rows if (picture, row) not in users], np.int64)
        for row, slot in zip(rows.tolist(), put(pool, pictures[picture], rows, picture), strict=True):
            users[picture, row] = slot
        gone = [key for key in users if rng.random() < 0.3]
        pool.leave(np.array([users.pop(key) for key in gone], np.int64))
        assert len(set(users.values())) == len(users) == pool.nr_used
        for (of, row), slot in users.items():
            np.testing.assert_array_equal(pool.rows[slot], pictures[of][row])
    assert pool.size < 150  # of 180 rows: slots are used again


def test_two_users_of_a_slot():
    pool, rows = FeaturePool(2), np.ones((4, 2), np.float32)
    slots = np.array(put(pool, rows, [0, 1], 0))
    assert put(pool, rows, [0, 1], 0) == [0, 1]  # the second user
    pool.leave(slots)
    assert pool.nr_used == 2
    assert put(pool, rows, [2], 1) == [2]
    pool.leave(slots)
    assert pool.nr_used == 1
    assert put(pool, rows, [3, 2], 2) == [0, 1]


def test_rows_stay_when_the_pool_grows_by_much():
    """Large enough that the system gives whole pages, and more than once."""
    pictures = [np.full((700, 512), i, np.float32) + np.arange(700, dtype=np.float32)[:, None] / 1000 for i in range(4)]
    pool = FeaturePool(512)
    for i, picture in enumerate(pictures):
        assert put(pool, picture, range(700), i) == list(range(700 * i, 700 * (i + 1)))
    np.testing.assert_array_equal(pool.rows, np.vstack(pictures))


def test_nothing_to_put():
    pool = FeaturePool(3)
    assert put(pool, np.zeros((5, 3), np.float32), [], 0) == []
    assert pool.size == 0


def test_lots_are_even_and_depend_on_key_and_seed_alone():
    keys = np.concatenate([key_of(picture, np.arange(500)) for picture in range(40)])
    assert len(np.unique(keys)) == len(keys)
    drawn = lots(keys, 3)
    assert len(np.unique(drawn)) == len(keys) and drawn.min() >= 0 and drawn.max() < 1
    counts = np.histogram(drawn, 20, (0, 1))[0]
    assert abs(counts - 1000).max() < 150  # five standard deviations
    assert abs(np.corrcoef(drawn[1:], drawn[:-1])[0, 1]) < 0.05
    np.testing.assert_array_equal(lots(keys[::7], 3), drawn[::7])
    assert abs(np.corrcoef(drawn, lots(keys, 4))[0, 1]) < 0.05
