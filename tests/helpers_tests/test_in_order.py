"""The same work on many items, in threads: results in order, errors in their turn, few items ahead."""

import threading

import pytest

from helpers.in_order import in_order


@pytest.mark.parametrize("threads", [0, 1, 3])
@pytest.mark.parametrize("ahead", [None, 0, 2, 50])
def test_all_in_order(threads, ahead):
    assert list(in_order(lambda n: n * n, range(20), threads=threads, ahead=ahead)) == [n * n for n in range(20)]
    assert list(in_order(lambda n: n, [], threads=threads, ahead=ahead)) == []


def test_only_so_far_ahead():
    asked = []
    results = in_order(lambda n: n, (asked.append(n) or n for n in range(20)), threads=2, ahead=3)
    assert next(results) == 0 and asked == [0, 1, 2, 3]
    assert next(results) == 1 and asked == [0, 1, 2, 3, 4]
    results.close()
    assert len(asked) == 5


def test_without_threads_each_in_its_turn_and_here():
    seen = []
    results = in_order(lambda n: seen.append(threading.get_ident()), range(3), threads=0)
    next(results)
    assert seen == [threading.get_ident()]


def test_threads_begin_with_what_they_are_told():
    begun = []
    list(in_order(lambda n: n, range(9), threads=2, begin=lambda: begun.append(threading.get_ident())))
    assert 1 <= len(begun) <= 2 and threading.get_ident() not in begun


def test_an_error_comes_in_its_turn():
    results = in_order(lambda n: 1 // (2 - n), range(5), threads=2)
    assert next(results) == 0 and next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


@pytest.mark.parametrize("threads", [0, 2])
def test_an_error_of_the_items_comes_after_what_was_before(threads):
    results = in_order(lambda n: n, (1 // (3 - n) for n in range(9)), threads=threads)
    assert [next(results) for _ in range(3)] == [0, 0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_several_at_once():
    """Each waits for the other: one at a time would never end."""
    both = threading.Barrier(2, timeout=10)
    assert sorted(in_order(lambda n: both.wait() * 0 + n, range(2), threads=2)) == [0, 1]
