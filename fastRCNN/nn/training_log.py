"""What a training leaves to look at: one line of numbers for each epoch, as tsv and as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from helpers.artifacts import atomic_write
from helpers.plots import Panel, Series, line_charts

COLUMNS = ("epoch", "loss", "error", "box_loss", "rate", "pictures", "rois", "seconds")
CURVES = ("loss", "error", "box_loss", "rate")
_COLOURS = ((200, 120, 30), (40, 40, 200), (160, 60, 140), (60, 140, 40), (30, 160, 220), (120, 120, 40), (90, 90, 90))


def write_log(path: Path, history: Sequence[Mapping[str, Any]], columns: Sequence[str] = COLUMNS) -> None:
    """Write the tsv `path`. By default: means over ROIs of cross entropy, wrong classes and box loss; the rate per
    image."""
    lines = ["\t".join(columns), *("\t".join(_cell(row[column]) for column in columns) for row in history)]
    with atomic_write(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def draw_log(path: Path, history: Sequence[Mapping[str, Any]], curves: Sequence[str] = CURVES) -> None:
    """Draw `curves` over the epochs to the PNG `path`, each relative to its largest value; what is 0 is left out."""
    epochs = [row["epoch"] for row in history]
    series: list[Series] = []
    for name, color in zip(curves, _COLOURS, strict=False):
        values = [row[name] for row in history]
        if not any(values) and len(series) > 1:
            continue
        top = max(values, default=0) or 1
        series.append(Series(f"{name} (1 = {top:.3g})", epochs, [value / top for value in values], color, marks=True))
    line_charts(path, [Panel("Training", "epoch", "share of the largest value", series, x_limits=None)])


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"
