"""Draw the first filters of a weight file and the curves of a training log.

    python -m resources.train_alexnet.picture FILE.npz FOLDER/log.jsonl

Writes `filters.png` and `curves.png` into this folder, beside the README that shows them.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fastRCNN.network.network import load_network

_HERE = Path(__file__).parent
_CURVES = (
    ("class", "class loss"),
    ("accuracy", "design accuracy"),
    ("overlap", "overlap loss"),
    ("overlap_error", "overlap error"),
)


def filter_picture(weight: NDArray, *, zoom: int = 5, columns: int = 16) -> NDArray:
    """Return the filters `weight` (F, 3, k, k) BGR as one picture, each scaled by its largest magnitude, grey = 0."""
    count, _, k, _ = weight.shape
    rows = -(-count // columns)
    cell = k * zoom + 3
    canvas = np.full((rows * cell + 3, columns * cell + 3, 3), 255, np.uint8)
    for number, item in enumerate(np.asarray(weight, np.float32)):
        tile = 127.5 + 127.5 * item / (np.abs(item).max() + 1e-12)
        tile = cv2.resize(
            np.round(tile).astype(np.uint8).transpose(1, 2, 0), None, fx=zoom, fy=zoom, interpolation=cv2.INTER_NEAREST
        )
        y, x = (number // columns) * cell + 3, (number % columns) * cell + 3
        canvas[y : y + k * zoom, x : x + k * zoom] = tile
    return canvas


def curve_picture(
    lines: list[dict], curves: Sequence[tuple[str, str]] = _CURVES, *, width: int = 420, height: int = 240
) -> NDArray:
    """Return four curves over the training steps as one picture; `lines` are those of log.jsonl.

    curves: the key of each in a line, and its title.
    """
    panels = []
    steps = np.array([line["step"] for line in lines], float)
    for key, title in curves:
        values = np.array([line[key] for line in lines], float)
        low, high = min(0.0, values.min()), values.max() * 1.05 + 1e-9
        panel = np.full((height, width, 3), 255, np.uint8)
        left, top, right, bottom = 50, 26, width - 14, height - 28
        for tick in np.linspace(low, high, 5):
            y = int(bottom - (tick - low) / (high - low) * (bottom - top))
            cv2.line(panel, (left, y), (right, y), (225, 225, 225), 1)
            label = f"{tick:.2f}" if high > 0.1 else f"{tick:.0e}"
            cv2.putText(panel, label, (6, y + 4), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (60, 60, 60), 1, cv2.LINE_AA)
        x = left + (steps / steps.max() * (right - left))
        y = bottom - (values - low) / (high - low) * (bottom - top)
        cv2.polylines(panel, [np.round(np.stack([x, y], 1)).astype(np.int32)], False, (160, 80, 20), 2, cv2.LINE_AA)
        cv2.putText(panel, title, (left, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.48, (0, 0, 0), 1, cv2.LINE_AA)
        cv2.putText(
            panel,
            f"step {steps.max():.0f}",
            (right - 80, height - 9),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.4,
            (60, 60, 60),
            1,
            cv2.LINE_AA,
        )
        panels.append(panel)
    return np.vstack([np.hstack(panels[:2]), np.hstack(panels[2:])])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("log", type=Path)
    arguments = parser.parse_args()
    cv2.imwrite(str(_HERE / "filters.png"), filter_picture(load_network(arguments.file).weight("conv1")))
    lines = [json.loads(line) for line in arguments.log.read_text().splitlines()]
    cv2.imwrite(str(_HERE / "curves.png"), curve_picture(lines))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
