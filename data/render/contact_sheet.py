#!/usr/bin/env python3
"""All pictures of a data set on one sheet, with their boxes.

python data/render/contact_sheet.py data/grocery contact_sheet.png
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

COLORS = (
    (60, 220, 0),
    (0, 160, 255),
    (255, 120, 0),
    (60, 60, 255),
    (200, 0, 200),
    (0, 220, 220),
    (220, 220, 0),
    (120, 60, 200),
    (150, 150, 150),
)


def annotated(path, colors):
    """(H, W, 3) uint8 BGR picture with its boxes. colors: dict label -> BGR, filled in place as labels turn up."""
    picture = cv2.imread(str(path))
    if picture is None:
        raise FileNotFoundError(f"not a readable picture: {path}")
    boxes = path.with_name(path.stem + ".bboxes.tsv")
    if boxes.exists():
        labels = path.with_name(path.stem + ".bboxes.labels.tsv").read_text(encoding="utf-8").split()
        corners = np.loadtxt(boxes, dtype=int, ndmin=2).reshape(-1, 4).tolist()
        for label, (x1, y1, x2, y2) in zip(labels, corners, strict=True):
            color = colors.setdefault(label, COLORS[len(colors) % len(COLORS)])
            # Drawn one pixel outside the box, so that the sheet shows whether the box is tight.
            cv2.rectangle(picture, (x1 - 1, y1 - 1), (x2 + 1, y2 + 1), color, 1)
            cv2.putText(picture, label, (x1, y1 - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.5, color, 1, cv2.LINE_AA)
    cv2.putText(
        picture,
        f"{path.parent.name}/{path.stem}",
        (8, 20),
        cv2.FONT_HERSHEY_SIMPLEX,
        0.6,
        (255, 255, 255),
        1,
        cv2.LINE_AA,
    )
    return picture


def sheet(pictures, columns, width):
    """Grid of (H, W, 3) pictures, each made `width` pixels wide, on black."""
    tiles = [
        cv2.resize(p, (width, round(p.shape[0] * width / p.shape[1])), interpolation=cv2.INTER_AREA) for p in pictures
    ]
    height = max(tile.shape[0] for tile in tiles)
    rows = -(-len(tiles) // columns)
    canvas = np.zeros((rows * height, min(columns, len(tiles)) * width, 3), np.uint8)
    for i, tile in enumerate(tiles):
        y, x = i // columns * height, i % columns * width
        canvas[y : y + tile.shape[0], x : x + width] = tile
    return canvas


def main(argv=None):
    """Write the sheet; exit status 1 with one line when there is nothing to show."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="data set folder: with positive/, testImages/ and negative/")
    parser.add_argument("output", type=Path, help="picture to write, ending in .png or .jpg")
    parser.add_argument("--columns", type=int, default=8, help="pictures side by side (%(default)s)")
    parser.add_argument("--width", type=int, default=375, help="of one picture in pixels (%(default)s)")
    parser.add_argument("--only", default="", help="only pictures whose folder/name contains this")
    options = parser.parse_args(argv)
    try:
        paths = [
            p
            for name in ("positive", "testImages", "negative")
            for p in sorted((options.folder / name).glob("*.jpg"))
            if options.only in f"{name}/{p.stem}"
        ]
        if not paths:
            raise FileNotFoundError(f"no pictures in {options.folder}")
        colors = {}
        if not cv2.imwrite(
            str(options.output), sheet([annotated(p, colors) for p in paths], options.columns, options.width)
        ):
            raise OSError(f"can not write {options.output}")
    except (OSError, ValueError, cv2.error) as error:
        print(f"error: {str(error).strip()}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
