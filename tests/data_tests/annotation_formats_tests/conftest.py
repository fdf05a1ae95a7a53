"""Shared: a small data set in the tutorial's layout, and conversions without the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from data.annotation_formats.conversion import Request, Result, convert, read
from data.annotation_formats.locating import locate
from data.annotation_formats.log import Log
from data.annotation_formats.record import Picture
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


class Folder:
    """A folder of files made in a test, and what is read from it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log = Log()

    def add(self, name: str, content: str | bytes | object) -> "Folder":
        """Write a file: text, bytes, or anything else as JSON."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(content, str | bytes):
            content = json.dumps(content)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return self

    def picture(self, name: str, width: int = 100, height: int = 80, seed: int = 0) -> "Folder":
        """Write a picture."""
        write_picture(self.root / name, width, height, seed)
        return self

    def read(self, source_format: str = "auto", only: str = "") -> dict[str, Picture]:
        """Read the folder or one of its files; faults are left in `log`."""
        self.log = Log()
        request = Request(self.root / only, self.root.parent / "unused", source_format)
        data, source, _, _ = read(request, self.log)
        return {picture.name: picture for picture in locate(data, source, self.log, required=False).pictures}

    def boxes(self, source_format: str = "auto", only: str = "") -> list[tuple[object, ...]]:
        """Edges and label of all boxes, rounded."""
        pictures = self.read(source_format, only).values()
        return [(*(round(edge, 6) for edge in box.edges), box.label) for picture in pictures for box in picture.boxes]

    @property
    def remarks(self) -> dict[str, int]:
        """How often each remark was made."""
        return {kind: sum(counts.values()) for kind, counts in self.log.remarks.items()}

    @property
    def faults(self) -> list[str]:
        """All faults."""
        return [text for texts in self.log.faults.values() for text in texts]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An empty `Folder`."""
    (tmp_path / "source").mkdir()
    return Folder(tmp_path / "source")
