"""Charts of the report: SVG text that takes its colours from the page, so that it follows a dark or light scheme."""

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import ArrayLike

from helpers.drawing import class_color

_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 8, 8, 26


def line_chart(
    lines: Sequence[tuple[str, ArrayLike, ArrayLike]],
    *,
    label: str,
    x_label: str,
    width: int = 260,
    height: int = 190,
    x_limits: tuple[float, float] = (0.0, 1.0),
    marker: float | None = None,
    fill: bool = False,
    nested: bool = False,
) -> str:
    """Return an SVG chart with y from 0 to 1.

    lines: CSS colour, x and y, (N,) each; NaN leaves a gap. label: what it shows, read to those who cannot see it.
    marker: draws an upright line at this x. fill: shades the area below the first line. nested: each line is thinner
    than the one before, so that equal lines do not hide each other.
    """
    low, high = x_limits
    span = (high - low) or 1.0

    def at(x: float, y: float) -> str:
        px = _LEFT + (x - low) / span * (width - _LEFT - _RIGHT)
        return f"{px:.1f},{_TOP + (1 - y) * (height - _TOP - _BOTTOM):.1f}"

    parts = []
    for y in (0.0, 0.25, 0.5, 0.75, 1.0):
        begin, end = at(low, y).split(","), at(high, y).split(",")
        parts.append(f'<line class="grid" x1="{begin[0]}" y1="{begin[1]}" x2="{end[0]}" y2="{end[1]}"/>')
        if y in (0.0, 0.5, 1.0):
            parts.append(f'<text x="{_LEFT - 5}" y="{float(begin[1]) + 3.5:.1f}" text-anchor="end">{y:g}</text>')
    for x in (low, (low + high) / 2, high):
        place = float(at(x, 0).split(",")[0])
        anchor = "start" if x == low else "end" if x == high else "middle"
        parts.append(f'<text x="{place:.1f}" y="{height - 12}" text-anchor="{anchor}">{x:g}</text>')
    parts.append(
        f'<text x="{(_LEFT + width - _RIGHT) / 2:.1f}" y="{height - 1}" text-anchor="middle">{escape(x_label)}</text>'
    )
    if marker is not None and low <= marker <= high:
        top, bottom = at(marker, 1).split(","), at(marker, 0).split(",")
        parts.append(f'<line class="mark" x1="{top[0]}" y1="{top[1]}" x2="{bottom[0]}" y2="{bottom[1]}"/>')
    for number, (color, xs, ys) in enumerate(lines):
        for run in _runs(np.asarray(xs, dtype=float), np.asarray(ys, dtype=float)):
            points = " ".join(at(x, y) for x, y in run)
            if fill and number == 0:
                closed = f"{at(run[0][0], 0)} {points} {at(run[-1][0], 0)}"
                parts.append(f'<polygon points="{closed}" fill="{color}" fill-opacity="0.18" stroke="none"/>')
            width_of = f' style="stroke-width:{2 + 3 * (len(lines) - 1 - number)}"' if nested else ""
            parts.append(f'<polyline points="{points}" stroke="{color}"{width_of}/>')
    return (
        f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">'
        + "".join(parts)
        + "</svg>"
    )


def _runs(xs: np.ndarray, ys: np.ndarray) -> list[list[tuple[float, float]]]:
    """Return the stretches of points without NaN."""
    runs: list[list[tuple[float, float]]] = [[]]
    for x, y in zip(xs.tolist(), ys.tolist(), strict=True):
        if np.isnan(x) or np.isnan(y):
            runs.append([])
        else:
            runs[-1].append((x, y))
    return [run for run in runs if run]


def css_color(number: int) -> str:
    """Return the colour of class `number` for CSS and SVG."""
    blue, green, red = class_color(number)
    return f"#{red:02x}{green:02x}{blue:02x}"


def thinned(xs: ArrayLike, ys: ArrayLike, maximum: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Return at most about `maximum` of (N,) points, evenly spread, the last one always."""
    xs, ys = np.asarray(xs, dtype=float), np.asarray(ys, dtype=float)
    if len(xs) <= maximum:
        return xs, ys
    chosen = np.unique(np.linspace(0, len(xs) - 1, maximum).round().astype(int))
    return xs[chosen], ys[chosen]
