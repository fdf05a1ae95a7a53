"""Calls run behind the work: all of them, few at a time, and no error is lost."""

import threading

import pytest

from helpers.write_behind import WriteBehind


def test_the_block_ends_when_all_is_written():
    gate, written = threading.Event(), []
    threading.Timer(0.05, gate.set).start()
    with WriteBehind() as behind:
        for number in range(2):
            behind.call(lambda n=number: (gate.wait(), written.append(n)))
    assert sorted(written) == [0, 1]


def test_only_so_many_wait():
    gate, started = threading.Event(), []

    def write(number):
        started.append(number)
        gate.wait(5)

    with WriteBehind() as behind:
        for number in range(2):
            behind.call(write, number)
        third = threading.Thread(target=behind.call, args=(write, 2))
        third.start()
        third.join(0.1)
        assert third.is_alive() and 2 not in started  # it holds the caller up, who would hand over more and more
        gate.set()
        third.join(5)
    assert sorted(started) == [0, 1, 2]


@pytest.mark.parametrize("later", [0, 5])
def test_an_error_is_raised_at_a_later_call_or_at_the_end(later):
    def fail():
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"), WriteBehind() as behind:
        behind.call(fail)
        for _ in range(later):
            behind.call(int)


def test_an_error_of_the_work_is_not_hidden_by_one_of_writing():
    def fail():
        raise OSError("disk full")

    with pytest.raises(ValueError, match="work"), WriteBehind() as behind:
        behind.call(fail)
        raise ValueError("work")
