"""benchmarks/timing.py: turns, medians, programs that time themselves, and the tables."""

import numpy as np
import pytest

from benchmarks import timing
from benchmarks.timing import cpu_milliseconds, exponent, growth_table, markdown_table, summary


class Clock:
    """A processor clock that only `work` moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def work(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(timing.time, "process_time", made)
    return made


def test_the_median_of_the_turns_without_the_first_call(clock):
    spent = iter([9.0, 1.0, 2.0, 6.0])  # the first call compiles
    times = cpu_milliseconds({"a": lambda _: clock.work(next(spent))}, [None], rounds=3)
    assert times == {"a": 2000.0}


def test_programs_take_turns_on_each_input(clock):
    calls = []
    programs = {name: lambda one, name=name: calls.append(name + str(one)) for name in "ab"}
    cpu_milliseconds(programs, [1, 2], rounds=2)
    assert calls == ["a1", "b1", *["a1", "b1", "a2", "b2"] * 2]


def test_a_program_that_times_itself_is_believed(clock):
    class Elsewhere:
        seconds = 0.0

        def __call__(self, one: float) -> None:
            clock.work(100)  # of this process; the work was done in another one
            self.seconds = one

    assert cpu_milliseconds({"peer": Elsewhere()}, [3.0, 5.0], rounds=1) == {"peer": 4000.0}


def test_who_used_up_the_patience_sits_out(clock):
    calls = {"slow": 0, "quick": 0}

    def work(name: str, seconds: float) -> None:
        calls[name] += 1
        clock.work(seconds)

    programs = {"slow": lambda _: work("slow", 2.0), "quick": lambda _: work("quick", 0.5)}
    cpu_milliseconds(programs, [None, None], rounds=3, patience=3.0)
    assert calls == {"slow": 1 + 2, "quick": 1 + 6}


def test_answers_are_those_of_one_round(clock):
    answers: dict = {}
    cpu_milliseconds({"double": lambda one: 2 * one}, [1, 2, 3], rounds=2, answers=answers)
    assert answers == {"double": [2, 4, 6]}


def test_exponent_of_power_laws():
    sizes = np.array([100.0, 200.0, 400.0])
    assert exponent(sizes, 3 * sizes) == pytest.approx(1)
    assert exponent(sizes, 0.1 * sizes**2) == pytest.approx(2)


def test_tables():
    assert markdown_table(["a", "b"], [[1, "x"]]) == "| a | b |\n| --- | --- |\n| 1 | x |"
    table = growth_table("ms by boxes", [1000, 1_000_000], "boxes", {"ours": [0.5, 0.499], "peer": [1, 1000]})
    assert table.splitlines() == [
        "| ms by boxes | 1,000 boxes | 1,000,000 boxes | grows as |",
        "| --- | --- | --- | --- |",
        "| ours | 0.5 | 0.5 | n^0.0 |",  # never n^-0.0
        "| peer | 1.0 | 1000.0 | n^1.0 |",
    ]
    assert summary("nms", "OpenCV: 4 ms", "1 ms", "4.0") == "summary: nms | OpenCV: 4 ms | 1 ms | 4.0"
