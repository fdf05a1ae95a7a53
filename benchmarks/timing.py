"""Timing several programs side by side: same inputs, in turns, warm, medians.

CPU time (all threads of this process) is what a busy machine changes least; it is what the tables show.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np


def cpu_milliseconds(
    programs: Mapping[str, Callable[[Any], Any]], inputs: Sequence[Any], *, rounds: int = 3
) -> dict[str, float]:
    """Return the median CPU milliseconds of one call of each program.

    Each program is called once with the first input, not timed (it compiles, loads, warms up), then, `rounds` times
    over, all programs take turns on each of the inputs, so that a busy minute of the machine hits all of them.
    """
    for program in programs.values():
        program(inputs[0])
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds):
        for one in inputs:
            for name, program in programs.items():
                start = time.process_time()
                program(one)
                seconds[name].append(time.process_time() - start)
    return {name: 1000 * float(np.median(values)) for name, values in seconds.items()}


def markdown_table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a small markdown table."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
