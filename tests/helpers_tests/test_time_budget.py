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


def test_what_takes_too_long_ends_when_six_items_have_told_so(clock):
    seen = []
    with pytest.raises(TooLong) as error:  # the first three are not counted: two seconds each, 94 to go
        for item in TimeBudget(100).watching(items(clock, [9, 1, 1, 1, 2, 3, 1]), 100):
            seen.append(item)
    assert seen == [9, 1, 1, 1, 2, 3]
    assert error.value.seconds == pytest.approx(2 * 94)


def test_what_has_to_be_done_several_times(clock):
    assert len(list(TimeBudget(40).watching(items(clock, [2] * 10), 10, times=2))) == 10
    with pytest.raises(TooLong) as error:  # 12 s are over, 28 are left, 8 to go and three times 20
        list(TimeBudget(40).watching(items(clock, [2] * 10), 10, times=4))
    assert error.value.seconds == pytest.approx(8 + 60)


def test_time_that_is_over_ends_it_at_once(clock):
    with pytest.raises(TooLong):
        list(TimeBudget(4).watching(items(clock, [5, 1]), 2))


def test_what_is_finished_is_given_although_time_is_over(clock):
    assert list(TimeBudget(4).watching(items(clock, [3, 2]), 2)) == [3, 2]
    with pytest.raises(TooLong):
        list(TimeBudget(4).watching(items(clock, [3, 2]), 2, times=2))


def test_how_long_it_would_take_is_guessed_from_few_items_when_time_is_over(clock):
    with pytest.raises(TooLong) as error:  # 60 s for one of five
        list(TimeBudget(50).watching(items(clock, [60] * 5), 5))
    assert error.value.seconds == pytest.approx(4 * 60)


def test_what_fits_is_given_whole(clock):
    assert list(TimeBudget(16).watching(items(clock, [9, 1, 1, 1, 1, 1, 1, 1]), 8)) == [9, 1, 1, 1, 1, 1, 1, 1]
