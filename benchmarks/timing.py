"""Timing several programs side by side: same inputs, in turns, warm, medians.

CPU time (all threads of this process) is what a busy machine changes least; it is what most tables show.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np


def cpu_milliseconds(
    programs: Mapping[str, Callable[[Any], Any]], inputs: Sequence[Any], *, rounds: int = 3
) -> dict[str, float]:
    """Return the median CPU milliseconds of one call of each program, all threads of this process together."""
    return _medians(programs, inputs, rounds, time.process_time)


def wall_milliseconds(
    programs: Mapping[str, Callable[[Any], Any]], inputs: Sequence[Any], *, rounds: int = 3
) -> dict[str, float]:
    """Return the median milliseconds that pass during one call of each program: for what runs on several threads."""
    return _medians(programs, inputs, rounds, time.perf_counter)


def _medians(
    programs: Mapping[str, Callable[[Any], Any]], inputs: Sequence[Any], rounds: int, clock: Callable[[], float]
) -> dict[str, float]:
    """Return the median milliseconds of one call of each program by `clock`.

    Each program is called once with the first input, not timed (it compiles, loads, warms up), then, `rounds` times
    over, all programs take turns on each of the inputs, so that a busy minute of the machine hits all of them.
    """
    for program in programs.values():
        program(inputs[0])
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds):
        for one in inputs:
            for name, program in programs.items():
                start = clock()
                program(one)
                seconds[name].append(clock() - start)
    return {name: 1000 * float(np.median(values)) for name, values in seconds.items()}


def markdown_table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a small markdown table."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
