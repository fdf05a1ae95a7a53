"""Timing several programs side by side (same inputs, in turns, warm, medians), and the tables that come of it.

CPU time (all threads of a process) is what a busy machine changes least; it is what most tables show.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

SUMMARY = "summary: "  # begins the lines that run_all.py gathers into the table at the top of its page
Programs = Mapping[str, Callable[[Any], Any]]


def cpu_milliseconds(
    programs: Programs,
    inputs: Sequence[Any],
    *,
    rounds: int = 3,
    patience: float = np.inf,
    answers: dict[str, list[Any]] | None = None,
) -> dict[str, float]:
    """Return the median CPU milliseconds of one call of each program, all threads of this process together.

    A program that works in another process says itself how long it took: in its attribute `seconds`, after each call.
    patience: a program that has taken this many seconds sits out the rounds that follow.
    answers: filled with what each program returned for each input.
    """
    return _medians(programs, inputs, rounds, time.process_time, patience, answers)


def wall_milliseconds(programs: Programs, inputs: Sequence[Any], *, rounds: int = 3) -> dict[str, float]:
    """Return the median milliseconds that pass during one call of each program: for what runs on several threads."""
    return _medians(programs, inputs, rounds, time.perf_counter)


def _medians(
    programs: Programs,
    inputs: Sequence[Any],
    rounds: int,
    clock: Callable[[], float],
    patience: float = np.inf,
    answers: dict[str, list[Any]] | None = None,
) -> dict[str, float]:
    """Return the median milliseconds of one call of each program by `clock`.

    Each program is called once with the first input, not timed (it compiles, loads, warms up), then, `rounds` times
    over, all programs take turns on each of the inputs, so that a busy minute of the machine hits all of them.
    """
    for program in programs.values():
        program(inputs[0])
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for number in range(rounds):
        taking_part = [name for name in programs if number == 0 or sum(seconds[name]) < patience]
        for one in inputs:
            for name in taking_part:
                start = clock()
                answer = programs[name](one)
                passed = clock() - start
                seconds[name].append(getattr(programs[name], "seconds", passed))
                if answers is not None and number == 0:
                    answers.setdefault(name, []).append(answer)
    return {name: 1000 * float(np.median(values)) for name, values in seconds.items()}


def exponent(sizes: Sequence[float], times: Sequence[float]) -> float:
    """Return p of time = c * size ** p, fitted to the logarithms by least squares: 1 is linear, 2 quadratic."""
    return float(np.polyfit(np.log(sizes), np.log(times), 1)[0])


def growth_table(
    what: str, sizes: Sequence[float], unit: str, times: Mapping[str, Sequence[float]], digits: int = 1
) -> str:
    """Return a markdown table: a row for each of `times`, a column for each of `sizes`, and how time grows with size.

    what: the head of the first column. unit: of the sizes, for their heads; may be empty.
    """
    headers = [what, *(f"{size:,.0f} {unit}".strip() for size in sizes), "grows as"]
    rows = [
        [name, *(f"{value:.{digits}f}" for value in values), f"n^{round(exponent(sizes, values), 1) + 0.0:.1f}"]
        for name, values in times.items()
    ]
    return markdown_table(headers, rows)


def markdown_table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a small markdown table."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def summary(what: str, peer: str, ours: str, ratio: str) -> str:
    """Return a line to print for the table at the top of benchmarks/README.md: "proposals", "dlib: 30 ms", "10 ms",
    "3.0" (times as fast). The program's own text does not show it there.
    """
    return SUMMARY + " | ".join((what, peer, ours, ratio))
