"""What a training leaves to look at: one line of numbers for each epoch, as tsv and as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from helpers.artifacts import atomic_write
from helpers.plots import Panel, Series, line_charts

COLUMNS = ("epoch", "loss", "error", "box_loss", "rate", "pictures", "rois", "seconds")
_BLUE, _RED, _GREEN = (200, 120, 30), (40, 40, 200), (60, 140, 40)


def write_log(path: Path, history: Sequence[Mapping[str, Any]]) -> None:
    """Write the tsv `path`: means over ROIs of cross entropy, wrong classes and box loss; the rate per image."""
    lines = ["\t".join(COLUMNS), *("\t".join(f"{row[column]:.6g}" for column in COLUMNS) for row in history)]
    with atomic_write(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def draw_log(path: Path, history: Sequence[Mapping[str, Any]]) -> None:
    """Draw loss, error and rate over the epochs to the PNG `path`, each relative to its largest value."""
    epochs = [row["epoch"] for row in history]
    curves = [("loss", _BLUE), ("error", _RED), ("rate", _GREEN)]
    if any(row["box_loss"] for row in history):
        curves.insert(2, ("box_loss", (160, 60, 140)))
    series = []
    for name, color in curves:
        values = [row[name] for row in history]
        top = max(values, default=0) or 1
        series.append(Series(f"{name} (1 = {top:.3g})", epochs, [value / top for value in values], color, marks=True))
    line_charts(path, [Panel("Training", "epoch", "share of the largest value", series, x_limits=None)])
