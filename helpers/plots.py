"""Line charts and heat maps as PNG files: matplotlib without display, the same bytes for the same numbers.

Colours are blue, green, red in 0..255, as in `helpers.drawing`.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike
from PIL import Image

from helpers.artifacts import atomic_write
from helpers.fonts import bundled_font, font_for

_DPI = 110
INK, GRID, FRAME = "#1f2933", "#e4e7eb", "#9aa5b1"
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


def line_charts(path: Path, panels: Sequence[Panel]) -> None:
    """Write `panels` side by side to the PNG file `path`."""
    beside = [len(panel.series) > 3 for panel in panels]  # a long legend stands beside its chart
    size = sum(5.4 + 1.6 * outside for outside in beside) + 0.4, 4.4
    figure = Figure(figsize=size, dpi=_DPI, layout="constrained")
    for place, panel in enumerate(panels, start=1):
        axes = figure.add_subplot(1, len(panels), place)
        if panel.log_x:
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter("{x:g}")
        lines = [axes.add_line(line_of(series, series.x, series.y)) for series in panel.series]
        axes.autoscale_view()
        axes.set_ylim(-0.02, 1.04)
        if panel.x_limits is not None:
            low, high = panel.x_limits
            axes.set_xlim(low - 0.02 * (high - low), high + 0.02 * (high - low))
        elif not panel.log_x and all(np.equal(np.rint(line.x), line.x).all() for line in panel.series):
            whole = MaxNLocator(nbins="auto", steps=[1, 2, 5, 10], integer=True)  # there is no epoch 2.5
            axes.xaxis.set_major_locator(whole)
        axes.grid(True, color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
        _dress(axes, panel.title, panel.x_label, panel.y_label)
        if lines:
            outside: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0)} if len(lines) > 3 else {}
            named(axes, lines, panel.series, **outside)
    save_figure(figure, path)


def line_of(series: Series, x: ArrayLike, y: ArrayLike, **options: Any) -> Line2D:
    """Return the line of `series` through the places x and y, (N,) each."""
    blue, green, red = series.color
    return Line2D(
        np.asarray(x, dtype=float),
        np.asarray(y, dtype=float),
        color=(red / 255, green / 255, blue / 255),
        linewidth=1.8,
        linestyle=(0, (5, 2)) if series.dashed else "-",
        marker="o" if series.marks else "None",
        markersize=3.5,
        **options,
    )


def named(on: Any, lines: Sequence[Line2D], series: Sequence[Series], **place: Any) -> None:
    """Put a legend of the `lines` of `series` on axes or a figure; `place`: where, as `legend` takes it."""
    legend = on.legend(lines, [str(i) for i in range(len(lines))], fontsize=8.5, framealpha=0.9, **place)
    legend.get_frame().set_edgecolor(GRID)
    for text, each in zip(legend.get_texts(), series, strict=True):
        text.set_text(shortened(each.name))  # set afterwards: matplotlib hides names that start with "_"
        as_it_stands(text)


def heat_map(
    path: Path, matrix: ArrayLike, row_names: Sequence[str], column_names: Sequence[str],
    *, title: str, row_label: str, column_label: str,
) -> None:  # fmt: skip
    """Write (R, C) counts to the PNG file `path`; each row is coloured by its shares, numbers are the counts.

    The picture grows with the matrix, so R and C should be some dozens at most.
    """
    counts = np.asarray(matrix)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Figure(dpi=_DPI)
    axes = figure.add_subplot()
    axes.imshow(shares, cmap=_HEAT, vmin=0, vmax=1, aspect="auto")
    for row, column in np.argwhere(counts > 0):
        ink = "white" if shares[row, column] > 0.45 else INK
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=9, color=ink)
    slant: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(range(len(column_names)), [shortened(name) for name in column_names], fontsize=9, **slant)
    axes.set_yticks(range(len(row_names)), [shortened(name) for name in row_names], fontsize=9)
    for text in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        as_it_stands(text)
    rows, columns = counts.shape
    borders: dict[str, Any] = {"colors": GRID, "linewidth": 0.8, "zorder": 1}
    axes.hlines(np.arange(rows + 1) - 0.5, -0.5, columns - 0.5, **borders)
    axes.vlines(np.arange(columns + 1) - 0.5, -0.5, rows - 0.5, **borders)
    _dress(axes, title, column_label, row_label)
    _fit(figure, axes, 0.55 * columns, 0.55 * rows)
    save_figure(figure, path)


def _fit(figure: Figure, axes: Axes, width: float, height: float) -> None:
    """Make `figure` as large as `axes` of this size, in inches, need it with the names and the texts beside them.

    A layout of matplotlib's would draw all of it several times to find that out.
    """
    renderer = FigureCanvasAgg(figure).get_renderer()
    with _any_letters():
        names = [text.get_window_extent(renderer) for text in axes.get_yticklabels()]
        names_below = [text.get_window_extent(renderer) for text in axes.get_xticklabels()]
    left = 0.45 + max((box.width for box in (*names, *names_below)), default=0) / _DPI  # slanting names reach there
    below = 0.4 + max((box.height for box in names_below), default=0) / _DPI
    title = axes.title.get_window_extent(renderer).width / _DPI
    size = max(left + width, title) + 0.15, below + height + 0.35
    figure.set_size_inches(size)
    axes.set_position((left / size[0], below / size[1], width / size[0], height / size[1]))


def shortened(name: str, most: int = 32) -> str:
    """Return `name` with at most `most` characters, without its middle: a name must leave room for the chart.

    >>> shortened("a jar of strawberry jam, the large one", 16)
    'a jar of…rge one'
    """
    if len(name) <= most:
        return name
    return name[: most // 2] + "…" + name[len(name) - (most - 1 - most // 2) :]


def _dress(axes, title: str, x_label: str, y_label: str) -> None:
    for text, size in ((axes.set_title(title), 11), (axes.set_xlabel(x_label), 9.5), (axes.set_ylabel(y_label), 9.5)):
        text.set(fontsize=size, color=INK)
        as_it_stands(text)
    for spine in axes.spines.values():
        spine.set_color(FRAME)
    axes.tick_params(colors=INK, labelsize=9)


def as_it_stands(text: Text) -> None:
    """Let `text` be no formula, and be set in a font that has its letters, where there is one."""
    text.set_parse_math(False)
    font = font_for(text.get_text())
    if font not in (None, bundled_font()):
        text.set_fontproperties(FontProperties(fname=font, size=text.get_fontsize()))


def save_figure(figure: Figure, path: Path) -> None:
    """Write without date and version, so that the same figure gives the same bytes; each artist is drawn once."""
    canvas = FigureCanvasAgg(figure)
    with _any_letters():
        canvas.draw()
    picture = Image.fromarray(np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3]))
    with atomic_write(path) as temporary:
        picture.save(temporary, format="png")


@contextmanager
def _any_letters() -> Iterator[None]:
    """Let text be measured and drawn that no font has the letters of, without a warning for each."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield
