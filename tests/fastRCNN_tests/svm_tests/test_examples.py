"""Examples of a class: counted, dropped, and thinned out where they do not fit."""

import numpy as np

from fastRCNN.svm.examples import Examples, make_fit
from fastRCNN.svm.feature_pool import FeaturePool


def pool_of(size):
    pool = FeaturePool(2)
    slots = pool.put(np.zeros((size, 2), np.float32), np.arange(size), 0)
    return pool, slots


def test_rows_are_used_by_the_classes_that_have_them():
    pool, slots = pool_of(6)
    one, two = Examples(pool), Examples(pool)
    one.add_positives(slots[:2])
    one.add_negatives(slots[2:5])
    one.add_negatives(slots[4:])
    two.add_negatives(slots[2:4])
    assert pool.nr_used == 6
    assert np.flatnonzero(one.positive).tolist() == [0, 1]
    assert one.counts[:6].tolist() == [0, 0, 1, 1, 2, 1]
    assert (one.most(), two.most()) == (4, 2)
    one.drop_negatives(slots[3:])
    assert one.counts[:6].tolist() == [0, 0, 1, 0, 0, 0]
    assert pool.nr_used == 4  # the other class has slot 3 still
    two.drop_negatives(slots[2:4])
    assert pool.nr_used == 3


def test_thinning_keeps_the_lowest_lots_and_says_which_part_that_is():
    pool, slots = pool_of(100)
    examples = Examples(pool)
    examples.add_positives(slots[:10])
    examples.add_negatives(slots[10:])
    examples.add_negatives(slots[10:20])
    lots = np.arange(100) / 100
    examples.thin(45, lots)
    assert (examples.positive_share, examples.negative_share) == (1.0, 0.5)
    assert np.flatnonzero(examples.positive).tolist() == list(range(10))
    assert np.flatnonzero(examples.counts).tolist() == list(range(10, 50))
    assert examples.counts[10:20].tolist() == [2] * 10
    assert pool.nr_used == 50
    examples.thin(20, lots)
    assert examples.negative_share == 0.25
    examples.thin(5, lots)
    assert examples.positive_share == 0.5 and np.flatnonzero(examples.positive).tolist() == list(range(10))


def test_positives_are_thinned_like_negatives():
    pool, slots = pool_of(20)
    examples = Examples(pool)
    examples.add_positives(slots)
    lots = np.arange(20)[::-1] / 20  # the last ones are the lowest
    examples.thin(20, lots)
    assert examples.positive_share == 1.0 and pool.nr_used == 20
    examples.thin(5, lots)
    assert (examples.positive_share, examples.negative_share) == (0.25, 1.0)
    assert np.flatnonzero(examples.positive).tolist() == [15, 16, 17, 18, 19]
    assert pool.nr_used == 5


def test_the_largest_classes_make_room():
    pool, slots = pool_of(1000)
    lots = np.random.default_rng(0).random(1000)
    few, many = Examples(pool), Examples(pool)
    few.add_negatives(slots[:100])
    many.add_negatives(slots[50:])
    make_fit([few, many], pool, 1000, lots)
    assert pool.nr_used == 1000  # all fit
    make_fit([few, many], pool, 500, lots)
    assert few.negative_share == 1.0 and np.count_nonzero(few.counts) == 100
    assert 0.3 < many.negative_share < 0.6
    assert 300 < pool.nr_used <= 500
    make_fit([few, many], pool, 20, lots)
    assert pool.nr_used <= 20 and few.negative_share < 1.0
