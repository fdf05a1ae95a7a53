"""A time budget: what is begun, and what is stopped as soon as its end can be foreseen. The clock is turned by hand."""

import pytest

from helpers import time_budget
from helpers.time_budget import TimeBudget, TooLong


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time_budget.time, "monotonic", lambda: now[0])
    return now


def items(clock, seconds):
    for each in seconds:
        clock[0] += each
        yield each


def test_what_is_left(clock):
    budget = TimeBudget(60)
    clock[0] += 45
    assert budget.left == 15
    budget.require(15)
    with pytest.raises(TooLong) as error:
        budget.require(15.1)
    assert error.value.seconds == pytest.approx(15.1)


def test_what_takes_too_long_ends_after_three_items(clock):
    seen = []
    with pytest.raises(TooLong) as error:  # after three items 6 s are over: two a second each, 97 to go
        for item in TimeBudget(100).watching(items(clock, [4, 1, 1, 1, 1]), 100):
            seen.append(item)
    assert seen == [4, 1, 1]
    assert error.value.seconds == pytest.approx(2 * 97)


def test_what_fits_is_given_whole(clock):
    assert list(TimeBudget(10).watching(items(clock, [2, 2, 2, 2, 2]), 5)) == [2] * 5
    assert list(TimeBudget(1).watching(items(clock, [5, 5]), 2)) == [5, 5], "two items tell nothing"
