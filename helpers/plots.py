"""Line charts and heat maps as PNG files: matplotlib without display, the same bytes for the same numbers.

Colours are blue, green, red in 0..255, as in `helpers.drawing`.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from helpers.artifacts import atomic_write
from helpers.fonts import bundled_font, font_for

_INK, _GRID, _FRAME = "#1f2933", "#e4e7eb", "#9aa5b1"
_HEAT = LinearSegmentedColormap.from_list("heat", ["#ffffff", "#cfe3f4", "#5aa0d0", "#0b5a9a", "#062f55"])


@dataclass(frozen=True)
class Series:
    """One line: x and y, both (N,); NaN leaves a gap. `marks` draws a dot at each number."""

    name: str
    x: ArrayLike
    y: ArrayLike
    color: tuple[int, int, int]
    dashed: bool = False
    marks: bool = False


@dataclass(frozen=True)
class Panel:
    """One chart of a figure; the y axis goes from 0 to 1, and so does the x axis unless `x_limits` says otherwise."""

    title: str
    x_label: str
    y_label: str
    series: Sequence[Series]
    x_limits: tuple[float, float] | None = (0.0, 1.0)
    log_x: bool = False


def line_charts(path: Path, panels: Sequence[Panel], *, columns: int | None = None) -> None:
    """Write `panels` side by side to the PNG file `path`; with `columns` as small charts, so many in a row."""
    if columns is None:
        beside = [len(panel.series) > 3 for panel in panels]  # a long legend stands beside its chart
        rows, columns, size = 1, len(panels), (sum(5.4 + 1.6 * outside for outside in beside) + 0.4, 4.4)
    else:
        columns = min(columns, len(panels))
        rows = -(-len(panels) // columns)
        size = (2.9 * columns + 0.4, 2.7 * rows + 0.2)
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    for place, panel in enumerate(panels, start=1):
        axes = figure.add_subplot(rows, columns, place)
        if panel.log_x:
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter("{x:g}")
        lines = [
            axes.plot(
                np.asarray(line.x, dtype=float),
                np.asarray(line.y, dtype=float),
                color=_rgb(line.color),
                linewidth=1.8,
                linestyle=(0, (5, 2)) if line.dashed else "-",
                marker="o" if line.marks else None,
                markersize=3.5,
            )[0]
            for line in panel.series
        ]
        axes.set_ylim(-0.02, 1.04)
        if panel.x_limits is not None:
            low, high = panel.x_limits
            axes.set_xlim(low - 0.02 * (high - low), high + 0.02 * (high - low))
        elif not panel.log_x and all(np.equal(np.rint(line.x), line.x).all() for line in panel.series):
            whole = MaxNLocator(nbins="auto", steps=[1, 2, 5, 10], integer=True)  # there is no epoch 2.5
            axes.xaxis.set_major_locator(whole)
        axes.grid(True, color=_GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        _dress(axes, panel.title, panel.x_label, panel.y_label)
        if len(lines) > 1 or (lines and rows == 1):  # a single line needs no name beside its title
            outside: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0)} if len(lines) > 3 else {}
            names = [str(i) for i in range(len(lines))]
            legend = axes.legend(lines, names, fontsize=8.5, framealpha=0.9, **outside)
            legend.get_frame().set_edgecolor(_GRID)
            for text, line in zip(legend.get_texts(), panel.series, strict=True):
                text.set_text(shortened(line.name))  # set afterwards: matplotlib hides names that start with "_"
                _as_it_stands(text)
    _save(figure, path)


def heat_map(
    path: Path, matrix: ArrayLike, row_names: Sequence[str], column_names: Sequence[str],
    *, title: str, row_label: str, column_label: str,
) -> None:  # fmt: skip
    """Write (R, C) counts to the PNG file `path`; each row is coloured by its shares, numbers are the counts.

    The picture grows with the matrix, so R and C should be some dozens at most.
    """
    counts = np.asarray(matrix)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 0.55
    figure = Figure(figsize=(2.4 + side * counts.shape[1], 2.2 + side * counts.shape[0]), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.imshow(shares, cmap=_HEAT, vmin=0, vmax=1, aspect="equal")
    for row, column in np.argwhere(counts > 0):
        ink = "white" if shares[row, column] > 0.45 else _INK
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=9, color=ink)
    axes.set_xticks(
        range(len(column_names)),
        [shortened(name) for name in column_names],
        rotation=45,
        ha="right",
        rotation_mode="anchor",
        fontsize=9,
    )
    axes.set_yticks(range(len(row_names)), [shortened(name) for name in row_names], fontsize=9)
    for text in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        _as_it_stands(text)
    axes.set_xticks(np.arange(len(column_names) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(row_names) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color=_GRID, linewidth=0.8)
    axes.tick_params(which="minor", length=0)
    _dress(axes, title, column_label, row_label)
    _save(figure, path)


def shortened(name: str, most: int = 32) -> str:
    """Return `name` with at most `most` characters, without its middle: a name must leave room for the chart.

    >>> shortened("a jar of strawberry jam, the large one", 16)
    'a jar of…rge one'
    """
    if len(name) <= most:
        return name
    return name[: most // 2] + "…" + name[len(name) - (most - 1 - most // 2) :]


def _rgb(color: tuple[int, int, int]) -> NDArray:
    return np.array(color[::-1]) / 255


def _dress(axes, title: str, x_label: str, y_label: str) -> None:
    for text, size in ((axes.set_title(title), 11), (axes.set_xlabel(x_label), 9.5), (axes.set_ylabel(y_label), 9.5)):
        text.set(fontsize=size, color=_INK)
        _as_it_stands(text)
    for spine in axes.spines.values():
        spine.set_color(_FRAME)
    axes.tick_params(colors=_INK, labelsize=9)


def _as_it_stands(text: Text) -> None:
    """Let `text` be no formula, and be set in a font that has its letters, where there is one."""
    text.set_parse_math(False)
    font = font_for(text.get_text())
    if font not in (None, bundled_font()):
        text.set_fontproperties(FontProperties(fname=font, size=text.get_fontsize()))


def _save(figure: Figure, path: Path) -> None:
    """Write without date and version, so that the same figure gives the same bytes."""
    with atomic_write(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(temporary, format="png", metadata={"Software": None})
