"""Many small line charts in one PNG file, set out by hand: where everything stands is known beforehand.

matplotlib's axes lay themselves out anew for each figure, and measure all of their ticks to do so: a tenth of a second
for each chart. A page of a chart per class is drawn here with its lines and texts alone, in some milliseconds each.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import Locator, LogLocator, MaxNLocator
from matplotlib.transforms import Bbox, IdentityTransform
from numpy.typing import ArrayLike, NDArray

from helpers.plots import FRAME, GRID, INK, Panel, as_it_stands, line_of, named, save_figure

_DPI = 110
_CELL = 2.9 * _DPI, 2.7 * _DPI  # pixels: a chart with its texts
_LEFT, _RIGHT, _TOP, _BOTTOM = (round(inches * _DPI) for inches in (0.58, 0.12, 0.3, 0.5))  # around its frame
_LOWEST, _HIGHEST = -0.02, 1.04  # of the y axis
_BESIDE = 0.02  # of the x axis, room on both sides
_PIXELS = IdentityTransform()


def small_charts(path: Path, panels: Sequence[Panel], *, columns: int = 4) -> None:
    """Write `panels` to the PNG file `path`, `columns` in a row; lines of a panel with several are named in it.

    Without `x_limits` the x axis goes as far as its numbers; ticks stand at whole numbers where all are whole.
    """
    columns = max(1, min(columns, len(panels)))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(columns * _CELL[0] / _DPI, rows * _CELL[1] / _DPI), dpi=_DPI)
    grid, frames = [], []
    for number, panel in enumerate(panels):
        row, column = divmod(number, columns)
        left, top = column * _CELL[0] + _LEFT, (rows - row) * _CELL[1] - _TOP
        chart = _Chart(panel, left, top - _CELL[1] + _TOP + _BOTTOM, column * _CELL[0] + _CELL[0] - _RIGHT, top)
        grid += chart.grid()
        frames.append(chart.frame())
        chart.draw(figure)
    for lines, color, order in ((grid, GRID, 0), (frames, FRAME, 3)):
        figure.add_artist(LineCollection(lines, colors=color, linewidths=0.8, transform=_PIXELS, zorder=order))
    save_figure(figure, path)


class _Chart:
    """One panel in the frame from `left`, `bottom` to `right`, `top`: pixels, from the picture's lower left corner."""

    def __init__(self, panel: Panel, left: float, bottom: float, right: float, top: float) -> None:
        self.panel, self.left, self.bottom, self.right, self.top = panel, left, bottom, right, top
        self.low, self.high = _limits(panel)
        self.ticks = _ticks(panel, self.low, self.high)

    def x(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return the pixels of numbers of the x axis."""
        numbers, low, high = (np.asarray(each, np.float64) for each in (values, self.low, self.high))
        if self.panel.log_x:
            numbers, low, high = np.log10(numbers), np.log10(low), np.log10(high)
        share = (numbers - low) / (high - low)
        return self.left + (self.right - self.left) * (share + _BESIDE) / (1 + 2 * _BESIDE)

    def y(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return the pixels of numbers of the y axis."""
        share = (np.asarray(values, np.float64) - _LOWEST) / (_HIGHEST - _LOWEST)
        return self.bottom + (self.top - self.bottom) * share

    def frame(self) -> NDArray[np.float64]:
        """Return the corners, (5, 2)."""
        x1, y1, x2, y2 = self.left, self.bottom, self.right, self.top
        return np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2), (x1, y1)])

    def grid(self) -> list[list[tuple[float, float]]]:
        """Return a line at each tick."""
        upright = [[(x, self.bottom), (x, self.top)] for x in self.x(self.ticks).tolist()]
        return upright + [[(self.left, y), (self.right, y)] for y in self.y(_SHARES).tolist()]

    def draw(self, figure: Figure) -> None:
        """Add lines and texts to `figure`."""
        box = Bbox.from_extents(self.left, self.bottom, self.right, self.top)
        lines = []
        for series in self.panel.series:
            line = line_of(series, self.x(series.x), self.y(series.y), transform=_PIXELS)
            figure.add_artist(line)
            line.set_clip_box(box)
            lines.append(line)
        if len(lines) > 1:  # a single line needs no name beside its title
            place: dict[str, Any] = {
                "bbox_to_anchor": (self.left, self.bottom),
                "bbox_transform": _PIXELS,
                "loc": "lower left",
            }
            named(figure, lines, self.panel.series, **place)
        middle, half = (self.left + self.right) / 2, (self.bottom + self.top) / 2
        for tick, x in zip(self.ticks.tolist(), self.x(self.ticks).tolist(), strict=True):
            self._text(figure, x, self.bottom - 5, f"{tick:g}", ha="center", va="top", fontsize=9)
        for tick, y in zip(_SHARES, self.y(_SHARES).tolist(), strict=True):
            self._text(figure, self.left - 5, y, f"{tick:g}", ha="right", va="center", fontsize=9)
        panel = self.panel
        self._text(figure, middle, self.top + 8, panel.title, ha="center", va="baseline", fontsize=11)
        self._text(figure, middle, self.bottom - 36, panel.x_label, ha="center", va="baseline", fontsize=9.5)
        self._text(figure, self.left - 40, half, panel.y_label, ha="center", va="center", fontsize=9.5, rotation=90)

    @staticmethod
    def _text(figure: Figure, x: float, y: float, text: str, **options) -> None:
        as_it_stands(figure.text(x, y, text, transform=_PIXELS, color=INK, **options))


_SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def _limits(panel: Panel) -> tuple[float, float]:
    """Return where the x axis begins and ends, which are not the same number."""
    numbers = [number for series in panel.series for number in np.asarray(series.x, np.float64).tolist()]
    low, high = panel.x_limits or (min(numbers, default=0.0), max(numbers, default=1.0))
    return (low, high) if high > low else (low, 10 * low if panel.log_x else low + 1)


def _ticks(panel: Panel, low: float, high: float) -> NDArray[np.float64]:
    """Return the numbers at the x axis."""
    locator: Locator
    if panel.log_x:
        locator = LogLocator(subs=(1,) if high >= 100 * low else (1, 2, 5))
    else:
        whole = panel.x_limits is None and all(np.equal(np.rint(s.x), s.x).all() for s in panel.series)
        locator = MaxNLocator(5, steps=[1, 2, 5, 10] if whole else [1, 2, 2.5, 5, 10], integer=whole)
    ticks = np.asarray(locator.tick_values(low, high), np.float64)
    return ticks[(ticks >= low - 1e-9 * abs(low)) & (ticks <= high + 1e-9 * abs(high))]
