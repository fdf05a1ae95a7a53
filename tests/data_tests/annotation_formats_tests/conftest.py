"""Shared: a small data set in the tutorial's layout, and conversions without the command line."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from data.annotation_formats.conversion import Request, Result, convert
from helpers.annotations import read_boxes, read_labels

SIZES = {
    "one": (64, 48),
    "two words": (50, 70),
    "straße #3": (40, 40),
    "none": (30, 20),
    "test_1": (80, 60),
    "empty": (33, 44),
}
BOXES = {
    "one": [(0, 0, 63, 47, "orange"), (10, 12, 30, 40, "egg box")],
    "two words": [(5, 6, 7, 8, "orange"), (5, 6, 7, 8, "EXCLUDE"), (20, 30, 49, 69, "café")],
    "straße #3": [(1, 2, 3, 39, "egg box")],
    "test_1": [(40, 1, 79, 59, "orange")],
    "empty": [],
}
FOLDERS = {"none": "negative", "test_1": "testImages", "empty": "testImages"}


def write_picture(path: Path, width: int, height: int, seed: int = 0) -> None:
    """Write a picture of noise, in the format that the ending says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    path.write_bytes(cv2.imencode(path.suffix, pixels)[1].tobytes())


def tutorial_boxes(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """What a data set in the tutorial's layout holds: name of the picture's place -> boxes with labels."""
    found = {}
    for path in sorted(folder.rglob("*.bboxes.tsv")):
        stem = path.name.removesuffix(".bboxes.tsv")
        labels = read_labels(path.with_name(f"{stem}.bboxes.labels.tsv"))
        boxes = [(*box, label) for box, label in zip(read_boxes(path).tolist(), labels, strict=True)]
        found[f"{path.parent.name}/{stem}"] = sorted(boxes, key=str)
    return found


@pytest.fixture
def tutorial_set(tmp_path: Path) -> Path:
    """A data set of six pictures in the tutorial's layout."""
    root = tmp_path / "tutorial_set"
    for number, (stem, (width, height)) in enumerate(SIZES.items()):
        folder = root / FOLDERS.get(stem, "positive")
        write_picture(folder / f"{stem}.png", width, height, number)
        if stem in BOXES:
            rows = ["\t".join(map(str, box[:4])) + "\n" for box in BOXES[stem]]
            (folder / f"{stem}.bboxes.tsv").write_text("".join(rows), encoding="utf-8")
            labels = "".join(f"{box[4]}\n" for box in BOXES[stem])
            (folder / f"{stem}.bboxes.labels.tsv").write_text(labels, encoding="utf-8")
    return root


Converter = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Converter:
    """`run(source, "format", target, **of Request)`."""

    def call(source: Path, target_format: str, target: Path, **options: object) -> Result:
        return convert(Request(source, target, target_format=target_format, **options))  # type: ignore[arg-type]

    return call
