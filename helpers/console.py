"""What a person sees in the terminal: messages and progress on stderr, results on stdout, mistakes as one line."""

import logging
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import numpy as np

from helpers.endings import leave, outcome_of
from helpers.threads import wait_without_spinning

T = TypeVar("T")


def setup_logging(quiet: bool = False) -> None:
    """Send the log messages of the project to stderr: from INFO on, or with `quiet` from WARNING on."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr, force=True)
    for name in ("helpers", "fastRCNN", "steps"):
        logging.getLogger(name).setLevel(logging.WARNING if quiet else logging.INFO)


def progress(iterable: Iterable[T], description: str, total: int | None = None) -> Iterable[T]:
    """Return `iterable` with a progress bar on stderr; no bar when quiet or when stderr is no terminal."""
    if not logging.getLogger("steps").isEnabledFor(logging.INFO) or not sys.stderr.isatty():
        return iterable
    from tqdm import tqdm  # only where somebody watches

    return tqdm(iterable, description, total, file=sys.stderr, leave=False)


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a text table: first column left-aligned, the others right-aligned."""
    cells = [list(headers), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headers))]

    def line(row: list[str]) -> str:
        return "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])

    return "\n".join([line(cells[0]), "  ".join("-" * width for width in widths), *(line(row) for row in cells[1:])])


def timing_summary(seconds: Sequence[float]) -> str:
    """Return median, standard deviation and 90th percentile of `seconds` (one number per picture) as one phrase."""
    if len(seconds) == 0:
        return "none, nothing was left to compute"
    milliseconds = np.asarray(seconds, dtype=np.float64) * 1000
    if len(seconds) == 1:
        return f"{milliseconds[0]:.0f} ms for one picture"
    return (
        f"median {np.median(milliseconds):.0f} ms, std {np.std(milliseconds):.0f} ms, "
        f"90th percentile {np.percentile(milliseconds, 90):.0f} ms per picture"
    )


def in_words(seconds: float) -> str:
    """Return a time as a person says it.

    >>> [in_words(seconds) for seconds in (0.4, 44.6, 89, 5400, 86400)]
    ['1 s', '45 s', '1 min', '1.5 h', '24 h']
    """
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.2g} h"


def run_script(main: Callable[[], int | None]) -> None:
    """Run `main` and leave the process: 0 done, 1 with one clear message, 130 after Ctrl-C (`helpers.endings`)."""
    wait_without_spinning()
    leave(*outcome_of(main))
