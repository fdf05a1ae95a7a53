"""Annotation and ROI files: `<stem>.bboxes.tsv`, `<stem>.bboxes.labels.tsv`, `<stem>.roi.txt`.

Every fault is reported with file and line, and all faults of a file are collected before stopping.
Letters in shapes: G annotated boxes, R ROIs.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.artifacts import atomic_write
from helpers.boxes import as_boxes, clip_boxes
from helpers.errors import UserError, raise_collected

DROPPED_LABELS = ("EXCLUDE", "UNDECIDED")  # such boxes count neither in training nor in evaluation
_MAX_COORDINATE = 1_000_000
_WHOLE_NUMBERS = re.compile(r"(?:[0-9]{1,6}[\t ][0-9]{1,6}[\t ][0-9]{1,6}[\t ][0-9]{1,6}\r?\n)+")


@dataclass(frozen=True)
class Annotation:
    """The annotated objects of one picture: `boxes` (G, 4) int32 x1 y1 x2 y2 inclusive, `labels` G names."""

    boxes: NDArray[np.int32]
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.boxes.shape != (len(self.labels), 4):
            raise ValueError(f"boxes: expected shape ({len(self.labels)}, 4), got {self.boxes.shape}")


def boxes_path(image_path: Path) -> Path:
    """Return the path of the boxes of `image_path`: `<stem>.bboxes.tsv` beside it."""
    return image_path.with_name(image_path.stem + ".bboxes.tsv")


def labels_path(image_path: Path) -> Path:
    """Return the path of the labels of `image_path`: `<stem>.bboxes.labels.tsv` beside it."""
    return image_path.with_name(image_path.stem + ".bboxes.labels.tsv")


def read_boxes(path: Path, advice: str = "") -> NDArray[np.int32]:
    """Return the (G, 4) int32 boxes of a bboxes.tsv file; decimals are rounded half to even, as NumPy does.

    See `read_coordinates`.
    """
    return np.rint(read_coordinates(path, advice)).astype(np.int32)


def read_coordinates(path: Path, advice: str = "") -> NDArray[np.float64]:
    """Return the (G, 4) numbers of a bboxes.tsv file as they stand there.

    Accepts a byte-order mark, CRLF, trailing tabs, a missing last newline and empty lines at the end.
    Raises `UserError` that lists each bad line, with `advice` behind.
    """
    text = _text(path)
    if _WHOLE_NUMBERS.fullmatch(text):  # as the steps write them: twenty times faster than line by line
        return np.fromstring(text, np.float64, sep=" ").reshape(-1, 4)
    faults: list[str] = []
    rows: list[list[float]] = []
    for number, line in enumerate(text.rstrip().splitlines(), start=1):
        row, fault = _parse_box(line)
        if fault:
            faults.append(f"{path}:{number}: {fault}: {line.strip()!r}")
        else:
            rows.append(row)
    raise_collected(
        faults, f"{path}: {len(faults)} line(s) are no box:", f"Each line is x1<tab>y1<tab>x2<tab>y2 in pixels.{advice}"
    )
    return as_boxes(rows)


def read_labels(path: Path) -> list[str]:
    """Return the labels of a bboxes.labels.tsv file, one per line, spaces at both ends removed."""
    lines = _text(path).split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    faults = [f"{path}:{number}: the label is empty" for number, line in enumerate(lines, start=1) if not line.strip()]
    raise_collected(faults, f"{path}: {len(faults)} label(s) missing:", "Each line holds the label of one box.")
    return [line.strip() for line in lines]


def read_annotation(image_path: Path, width: int, height: int) -> Annotation:
    """Return the annotation of a picture of `width` x `height` pixels (upright), checked against that size.

    What reaches one pixel beyond the picture is cut. Raises `UserError` for a missing file, counts that differ, and
    boxes that leave the picture.
    """
    coordinates, labels = read_coordinates_and_labels(image_path)
    boxes, faults = fitted_boxes(coordinates, width, height)
    raise_collected(
        [f"{boxes_path(image_path)}:{row + 1}: {text} ({labels[row]})" for row, text in faults.items()],
        f"{image_path}: {len(faults)} box(es) do not fit the picture of {width}x{height} pixels:",
        "Was it annotated at another size or orientation, or are the columns x1 x2 y1 y2 (VoTT 2)? "
        "The tutorial's order is x1 y1 x2 y2.",
    )
    return Annotation(boxes, tuple(labels))


def read_coordinates_and_labels(image_path: Path) -> tuple[NDArray[np.float64], list[str]]:
    """Return the (G, 4) numbers and the G labels beside a picture, as they stand there.

    Raises `UserError` for a missing file, lines that are no box or no label, and counts that differ.
    """
    box_file, label_file = boxes_path(image_path), labels_path(image_path)
    for file in (box_file, label_file):
        if not file.is_file():
            raise UserError(
                f"{file}: missing, but {image_path.name} needs it. Annotate the picture, write an empty file if it "
                "shows no object, or move it to negative/"
            )
    coordinates, labels = read_coordinates(box_file), read_labels(label_file)
    if len(coordinates) != len(labels):
        raise UserError(f"{box_file} has {len(coordinates)} box(es), but {label_file.name} has {len(labels)} label(s)")
    return coordinates, labels


def fitted_boxes(coordinates: NDArray[np.float64], width: int, height: int) -> tuple[NDArray[np.int32], dict[int, str]]:
    """Return (G, 4) `coordinates` as whole pixels of a picture, and what is wrong with which of them, by row.

    Decimals are rounded half to even. What then reaches one pixel beyond the picture is cut, since other tools write
    x2 = width; a box of one pixel is a box.
    """
    rounded = np.rint(coordinates).astype(np.int32)
    faults = {
        row: f"box {' '.join(f'{value:g}' for value in coordinates[row].tolist())}: {fault}"
        for row, box in enumerate(rounded.tolist())
        if (fault := _box_fault(box, width, height))
    }
    return clip_boxes(rounded, width, height), faults


def alike_labels(names: Sequence[str]) -> list[str]:
    """Return each group of `names` that look alike, as text that tells them apart.

    >>> alike_labels(["cat", "Cat", "dog"])
    ["'cat', 'Cat'"]
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(unicodedata.normalize("NFKC", name).casefold().strip(), []).append(name)
    texts = []
    for group in (group for group in groups.values() if len(group) > 1):
        same = len({unicodedata.normalize("NFC", name) for name in group}) < len(group)
        texts.append(", ".join(f"{name!r} = {name!a}" if same else repr(name) for name in group))
    return texts


def write_annotation(image_path: Path, boxes: ArrayLike, labels: Sequence[str]) -> None:
    """Write (G, 4) `boxes` and G `labels` beside `image_path`, both files atomically."""
    array = as_boxes(boxes, np.int64)
    if len(array) != len(labels):
        raise ValueError(f"{len(array)} boxes but {len(labels)} labels")
    _write_lines(boxes_path(image_path), ("\t".join(map(str, box)) for box in array.tolist()))
    _write_lines(labels_path(image_path), labels)


def read_rois(path: Path) -> NDArray[np.int32]:
    """Return the (R, 4) int32 ROIs of a roi.txt file, original picture's pixels; one ROI or none are fine."""
    return read_boxes(path, " Mend it, or delete the file and run 1_computeRois.py again")


def write_rois(path: Path, rois: ArrayLike) -> None:
    """Write (R, 4) integer `rois` as `x1 y1 x2 y2` lines, separated by one space, atomically."""
    numbers = as_boxes(rois, np.int64)
    text = "%d %d %d %d\n" * len(numbers) % tuple(numbers.ravel().tolist())  # five times as fast as line by line
    with atomic_write(path) as temporary:
        temporary.write_bytes(text.encode())


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    with atomic_write(path) as temporary:
        temporary.write_bytes("".join(f"{line}\n" for line in lines).encode())


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a UTF-8 text file (byte {error.start}); save it as UTF-8") from None


def _parse_box(line: str) -> tuple[list[float], str]:
    """Return the four numbers and "", or what is wrong with the line."""
    fields = re.split(r"[\t ]+", line.strip())
    if fields == [""]:  # skipping it would shift the boxes against the labels, and the lines that faults name
        return [], "the line is empty"
    if len(fields) == 1 and line.count(",") == 3:
        return [], "commas between the numbers; write tabs"
    if len(fields) != 4:
        return [], f"expected 4 numbers, found {len(fields)} column(s)"
    if any(re.fullmatch(r"[+-]?\d+,\d+", field) for field in fields):
        return [], "decimal comma; write a decimal point"
    try:
        numbers = [float(field.replace("_", "?")) for field in fields]  # Python would take 1_000
    except ValueError:
        return [], "not a number (a header line?)"
    if not all(abs(number) < _MAX_COORDINATE for number in numbers):  # also false for NaN
        return [], "not a pixel coordinate"
    return numbers, ""


def _box_fault(box: Sequence[int], width: int, height: int) -> str:
    x1, y1, x2, y2 = box
    if x2 < x1 or y2 < y1:
        return "right/bottom must not be less than left/top"
    if x1 < -1 or y1 < -1:
        return "a coordinate is negative"
    if x2 > width or y2 > height or x1 >= width or y1 >= height:
        return "reaches beyond the picture"
    return ""
