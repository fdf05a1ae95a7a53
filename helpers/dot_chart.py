"""A dot chart in a PNG file: many values under each other, each with its spread, in groups with a name."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from matplotlib.figure import Figure

from helpers.plots import FRAME, GRID, INK, as_it_stands, save_figure, shortened

_WIDTH, _ROW, _DPI = 8.0, 0.19, 110  # inches, dots per inch
_LEFT, _RIGHT, _TOP, _BOTTOM = 3.4, 0.25, 0.4, 0.5  # inches around the dots
_DOT, _CHOSEN = "#145078", "#c8500a"


@dataclass(frozen=True)
class Dot:
    """A value in a row of its own: the group and the row have names; spread: how far the bar reaches to both sides."""

    group: str
    name: str
    value: float
    spread: float = 0.0
    chosen: bool = False


def dot_chart(path: Path, dots: Sequence[Dot], *, title: str, x_label: str, mark: float | None = None) -> None:
    """Write `dots`, at least one, to the PNG file `path`, those next to each other with the same group together.

    mark: where a dashed line goes down. What is chosen is in another colour.
    """
    if not dots:
        raise ValueError("dots: expected at least one")
    places, names, at = [], [], 0.0
    for group, members in groupby(dots, key=lambda dot: dot.group):
        for number, dot in enumerate(members):
            places.append(at)
            names.append((at, group if number == 0 else "", dot.name))
            at += 1
        at += 0.5  # a little room between groups
    height = _TOP + _BOTTOM + _ROW * at
    figure = Figure(figsize=(_WIDTH, height), dpi=_DPI)
    axes = figure.add_axes(
        (_LEFT / _WIDTH, _BOTTOM / height, 1 - (_LEFT + _RIGHT) / _WIDTH, 1 - (_TOP + _BOTTOM) / height)
    )
    for place, dot in zip(places, dots, strict=True):
        color = _CHOSEN if dot.chosen else _DOT
        axes.plot(
            [dot.value - dot.spread, dot.value + dot.spread], [place, place], color=color, alpha=0.35, linewidth=3
        )
        axes.plot(dot.value, place, "o", color=color, markersize=6 if dot.chosen else 4.5)
    if mark is not None:
        axes.axvline(mark, color=INK, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
    axes.set_ylim(at - 0.9, -0.9)
    axes.set_yticks([])
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, labelsize=9)
    for spine in axes.spines.values():
        spine.set_color(FRAME)
    low, high = axes.get_xlim()
    per_inch = (high - low) / (_WIDTH - _LEFT - _RIGHT)
    for place, group, name in names:
        for text, inches, side in ((group, _LEFT - 0.1, "left"), (name, 0.08, "right")):
            as_it_stands(
                axes.text(
                    low - inches * per_inch, place, shortened(text), ha=side, va="center", fontsize=8.5, color=INK
                )
            )
    axes.set_xlim(low, high)
    as_it_stands(axes.set_title(title, fontsize=11, color=INK))
    as_it_stands(axes.set_xlabel(x_label, fontsize=9.5, color=INK))
    save_figure(figure, path)
