"""Drawing a few of many."""

import numpy as np

from fastRCNN.rpn.sampling import draw


def test_all_where_there_are_few() -> None:
    assert draw(np.array([3, 5]), 2, np.random.default_rng(0)).tolist() == [3, 5]
    assert draw(np.array([], np.int64), 2, None).tolist() == []


def test_without_random_numbers() -> None:
    assert draw(np.arange(5), 2, None).tolist() == [0, 1]
    assert draw(np.arange(5), 2, None, last=True).tolist() == [3, 4]
    assert draw(np.arange(5), 0, None, last=True).tolist() == []


def test_no_repeats_and_every_one_has_its_turn() -> None:
    rng = np.random.default_rng(1)
    seen: set[int] = set()
    for _ in range(100):
        drawn = draw(np.arange(10, 20), 4, rng).tolist()
        assert len(set(drawn)) == 4 and drawn == sorted(drawn)
        seen |= set(drawn)
    assert seen == set(range(10, 20))
