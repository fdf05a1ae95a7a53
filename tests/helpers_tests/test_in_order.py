"""Results in the order of the items, errors where they belong, few items ahead."""

import threading
from itertools import count

import pytest

from helpers.in_order import in_order


@pytest.mark.parametrize("jobs", [0, 1, 3])
def test_order_and_errors(jobs: int) -> None:
    assert list(in_order(lambda n: n * n, range(50), jobs)) == [n * n for n in range(50)]
    assert list(in_order(str, [], jobs)) == []
    found = in_order(lambda n: 1 // (n - 2), range(5), jobs)
    assert next(found) == -1 and next(found) == -1
    with pytest.raises(ZeroDivisionError):
        next(found)


def test_few_are_taken_ahead() -> None:
    taken: list[int] = []
    found = in_order(lambda n: n, (taken.append(n) or n for n in count()), 2)
    assert next(found) == 0 and len(taken) <= 6


def test_several_at_once() -> None:
    """Each waits for the other: one at a time would never end."""
    both = threading.Barrier(2, timeout=10)
    assert sorted(in_order(lambda n: both.wait() * 0 + n, range(2), 2)) == [0, 1]
