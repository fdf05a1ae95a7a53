#!/usr/bin/env python3
"""Percentiles of the annotated objects' size and shape, of several data sets side by side.

python data/render/box_statistics.py data/grocery data/groceryPhotos
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

PERCENTILES = (5, 25, 50, 75, 95)
MEASURES = ("width", "height", "area", "aspect")


def read_boxes(folder):
    """dict label -> (N, 4) of width, height and area as shares of the picture, and width : height in pixels."""
    found = {}
    for path in sorted(Path(folder).glob("*/*.bboxes.tsv")):
        picture = cv2.imread(str(path.with_name(path.name.replace(".bboxes.tsv", ".jpg"))))
        if picture is None:
            raise FileNotFoundError(f"no readable picture for {path}")
        labels = path.with_name(path.name.replace(".bboxes.", ".bboxes.labels.")).read_text().split()
        boxes = np.loadtxt(path, ndmin=2).reshape(-1, 4)
        if len(labels) != len(boxes):
            raise ValueError(f"{path}: expected one label per box, got {len(labels)} for {len(boxes)}")
        for label, row in zip(labels, measure(boxes, *picture.shape[1::-1]), strict=True):
            found.setdefault(label, []).append(row)
    return {label: np.array(rows) for label, rows in found.items() if label not in ("EXCLUDE", "UNDECIDED")}


def measure(boxes, width, height):
    """(N, 4) inclusive x1 y1 x2 y2 -> (N, 4) relative width, relative height, relative area, aspect."""
    w, h = boxes[:, 2] - boxes[:, 0] + 1, boxes[:, 3] - boxes[:, 1] + 1
    return np.c_[w / width, h / height, w * h / (width * height), w / h]


def table(sets):
    """Lines of text: the percentiles of every set for each label and measure. sets: name -> label -> rows."""
    lines = [f"{'label':10s}{'measure':8s}{'set':>16s}{'n':>5s}" + "".join(f"{f'{p} %':>9s}" for p in PERCENTILES)]
    labels = sorted(set().union(*sets.values()))
    for label in [*labels, "all"]:
        for column, name in enumerate(MEASURES):
            for set_name, rows in sets.items():
                values = np.concatenate(list(rows.values())) if label == "all" else rows.get(label)
                if values is not None and len(values):
                    numbers = "".join(f"{v:9.3f}" for v in np.percentile(values[:, column], PERCENTILES))
                    lines.append(f"{label:10s}{name:8s}{set_name:>16s}{len(values):5d}{numbers}")
    return lines


def main(argv=None):
    """Print the table; exit status 1 with one line when a folder can not be read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", help="data set folders: with positive/ and testImages/")
    folders = parser.parse_args(argv).folders
    try:
        sets = {Path(folder).resolve().name: read_boxes(folder) for folder in folders}
        if not all(sets.values()):
            raise ValueError(f"no annotated pictures in {next(n for n, rows in sets.items() if not rows)}")
        print("\n".join(table(sets)))
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
