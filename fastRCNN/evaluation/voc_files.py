"""Detection files of Pascal VOC's devkit: `comp4_det_<list>_<class>.txt`, written and read.

One line for each detection: the picture's name, score, x1 y1 x2 y2, counted from 1. As py-faster-rcnn writes them
(`lib/datasets/pascal_voc.py`), but for the digits of the score: nine, where three there make ties of what is ranked.
"comp4": trained on whatever data.
Letters in shapes: N detections.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastRCNN.evaluation.kept_detections import KeptDetections
from helpers.artifacts import atomic_write
from helpers.errors import UserError, raise_collected


class VocDetections(NamedTuple):
    """The content of one file: names of pictures, scores (N,) float64, boxes (N, 4) float64 x1 y1 x2 y2, 0-based."""

    names: list[str]
    scores: NDArray[np.float64]
    boxes: NDArray[np.float64]


def detection_file(folder: Path, list_name: str, class_name: str) -> Path:
    """Return the file of one class in `folder`, the devkit's results/<set>/Main."""
    return folder / f"comp4_det_{list_name}_{class_name.replace('/', '_')}.txt"


def write_detection_files(
    folder: Path, list_name: str, kept: KeptDetections, names: Mapping[int, str], class_names: tuple[str, ...]
) -> list[Path]:
    """Write one file for each class into `folder` and return them; a class without detections has an empty one.

    names: those of the pictures by their numbers; other pictures are left out. class_names: background first.
    """
    wanted = np.isin(kept.pictures, list(names))
    files = []
    for number, class_name in enumerate(class_names):
        if number == 0:
            continue
        rows = np.flatnonzero(wanted & (kept.classes == number))
        path = detection_file(folder, list_name, class_name)
        lines = (
            f"{names[picture]} {score:.9f} {x1:.1f} {y1:.1f} {x2:.1f} {y2:.1f}\n"
            for picture, score, (x1, y1, x2, y2) in zip(
                kept.pictures[rows].tolist(), kept.scores[rows].tolist(), (kept.boxes[rows] + 1).tolist(), strict=True
            )
        )
        with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)
        files.append(path)
    return files


def read_detection_file(path: Path) -> VocDetections:
    """Return what a detection file holds; `UserError` that collects all faulty lines."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from None
    names: list[str] = []
    numbers: list[list[float]] = []
    faults = []
    for place, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        name, *values = line.strip().rsplit(maxsplit=5)  # names may hold spaces
        try:
            row = [float(value) for value in values]
        except ValueError:
            row = []
        if len(row) != 5 or not np.isfinite(row).all():
            faults.append(f"{path}:{place}: expected name, score, x1 y1 x2 y2, found {line.strip()[:80]!r}")
            continue
        names.append(name)
        numbers.append(row)
    raise_collected(faults, f"{len(faults)} fault(s) in a detection file:")
    table = np.array(numbers, np.float64).reshape(-1, 5)
    return VocDetections(names, table[:, 0], table[:, 1:] - 1)
