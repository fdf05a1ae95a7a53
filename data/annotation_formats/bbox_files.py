"""`*.bboxes.tsv` with `*.bboxes.labels.tsv`: the tutorial's pair of files, which VoTT writes too, in two column orders.

x1 y1 x2 y2 in the tutorial and VoTT 1, x1 x2 y1 y2 in VoTT 2. Which it is cannot be seen in one box: it is decided over
the whole set, by the order under which every box has its right side right of its left, and lies in its picture.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from data.annotation_formats.log import Damaged, Log
from data.annotation_formats.record import Box, DataSet, Picture
from data.annotation_formats.source import Source, read_text, split_ending
from data.annotation_formats.values import number
from helpers.console import progress
from helpers.errors import UserError
from helpers.images import image_size

BOXES, LABELS = ".bboxes.tsv", ".bboxes.labels.tsv"
_SUBSETS = {"positive": "train", "negative": "train", "testimages": "test"}
Row = tuple[float, float, float, float]


@dataclass(frozen=True)
class _Pair:
    """The two files of a picture: (line, numbers, label) of each box."""

    path: Path
    rows: list[tuple[int, Row, str]]
    file: Path | None


def has_picture_ending(path: Path) -> bool:
    """Whether the name is VoTT's `photo.jpg.bboxes.tsv`, not the tutorial's `photo.bboxes.tsv`."""
    return split_ending(path.name[: -len(BOXES)])[1] != ""


def as_pixels(box: Box) -> tuple[int, int, int, int]:
    """The edges of a box as x1 y1 x2 y2, whole pixels, inclusive: each edge to the nearest, halves up."""
    left, top, right, bottom = (int(edge + 0.5) if edge >= 0 else -int(0.5 - edge) for edge in box.edges)
    return left, top, right - 1, bottom - 1


def read_bbox_files(source: Source, log: Log, *, order: str = "") -> DataSet:
    """Read all pairs below the source. `order` is "xyxy", "xxyy" or "", which decides over the whole set."""
    paths = source.with_ending(BOXES)
    if source.only:  # one file of a pair means its folder
        paths = [path for path in source.all_files if path.name.lower().endswith(BOXES)]
    pairs = []
    for path in progress(paths, "reading tsv"):
        with log.whole_file(source.relative(path)):
            pairs.append(_read_pair(path, source, log))
    if not pairs and not log.faults:
        raise UserError(f"{source.root}: no *.bboxes.tsv in it")
    order = order or _order(pairs, log)
    pictures = []
    for pair in pairs:
        if source.relative(pair.path) in log.faults:
            continue
        name = pair.path.name[: -len(BOXES)]
        boxes = []
        for line, row, label in pair.rows:
            x1, y1, x2, y2 = row if order == "xyxy" else (row[0], row[2], row[1], row[3])
            if x2 < x1 or y2 < y1:
                log.remark("box with its corners swapped, put in order", name)
                x1, x2, y1, y2 = min(x1, x2), max(x1, x2), min(y1, y2), max(y1, y2)
            if order == "xyxy":  # inclusive pixels; VoTT 2 writes edges
                x2, y2 = x2 + 1, y2 + 1
            if x2 > x1 and y2 > y1:
                boxes.append(Box(label, x1, y1, x2, y2, where=f"{pair.path}:{line}"))
            else:
                log.remark("box without area left out", name)
        subset = _SUBSETS.get(pair.path.parent.name.lower(), "")
        if pair.file is None and not has_picture_ending(pair.path):
            name += ".jpg"
        pictures.append(
            Picture(source.relative(pair.path.with_name(name)), tuple(boxes), None, subset, beside=pair.path)
        )
    taken = {picture.name for picture in pictures} | {source.relative(pair.file) for pair in pairs if pair.file}
    for file in source.pictures if not source.only else []:
        if file.parent.name.lower() == "negative" and source.relative(file) not in taken:
            pictures.append(Picture(source.relative(file), subset="train", beside=file))
    return DataSet(pictures)


def _read_pair(path: Path, source: Source, log: Log) -> _Pair:
    name = path.name[: -len(BOXES)]
    labels_path = path.with_name(name + LABELS)
    rows: list[tuple[int, Row, str]] = []
    lines = _lines(path)
    if lines and not source.holds(labels_path):
        raise UserError(f"{path}: {len(lines)} box(es), but {labels_path.name} is missing")
    labels = _lines(labels_path) if source.holds(labels_path) else []
    if len(lines) != len(labels):
        raise UserError(f"{path}: {len(lines)} box(es), but {len(labels)} label(s) in {labels_path.name}")
    for (line, entry), (_, label) in zip(lines, labels, strict=True):
        with log.part(source.relative(path), f"{path}:{line}"):
            fields = re.split(r"[\t ]+", entry.strip())
            if len(fields) != 4:
                raise Damaged(f"expected 4 numbers, found {len(fields)} column(s): {entry.strip()!r}")
            x1, y1, x2, y2 = (number(field, "a coordinate") for field in fields)
            rows.append((line, (x1, y1, x2, y2), label.strip()))
    return _Pair(path, rows, source.find_picture([name], path))


def _lines(path: Path) -> list[tuple[int, str]]:
    """(line number, text) of the lines that are not empty."""
    return [(number, line) for number, line in enumerate(read_text(path).split("\n"), 1) if line.strip()]


def _order(pairs: list[_Pair], log: Log) -> str:
    """The column order that fits all boxes; where both fit, VoTT 2's only for its names with decimals."""
    fits = _count_fits(pairs, {})
    if fits["xyxy"] == fits["xxyy"]:  # then the pictures' sizes may tell
        fits = _count_fits(pairs, {pair.file: size for pair in pairs if pair.file and (size := _size(pair.file))})
    total = sum(len(pair.rows) for pair in pairs)
    decimals = any(value != int(value) for pair in pairs for _, row, _ in pair.rows for value in row)
    named = bool(pairs) and all(has_picture_ending(pair.path) for pair in pairs)
    if fits["xxyy"] > fits["xyxy"]:
        order, reason = "xxyy", f"{fits['xxyy']} of {total} boxes fit so, {fits['xyxy']} as x1 y1 x2 y2"
    elif fits["xyxy"] > fits["xxyy"] or not total:
        order, reason = "xyxy", f"{fits['xyxy']} of {total} boxes fit so, {fits['xxyy']} as x1 x2 y1 y2"
    else:
        order = "xxyy" if named and decimals else "xyxy"
        reason = "both orders fit all boxes; names and numbers " + (
            "are VoTT 2's" if order == "xxyy" else "are not VoTT 2's"
        )
    if order == "xxyy" or (named and total):
        columns = "x1 x2 y1 y2 (VoTT 2)" if order == "xxyy" else "x1 y1 x2 y2"
        log.headline(f"columns taken as {columns}: {reason}. Otherwise: --from vott:cntk1 or --from vott:cntk2")
    return order


def _count_fits(pairs: list[_Pair], sizes: dict[Path, tuple[int, int]]) -> dict[str, int]:
    fits = {"xyxy": 0, "xxyy": 0}
    for pair in pairs:
        size = sizes.get(pair.file) if pair.file else None
        for _, (a, b, c, d), _ in pair.rows:
            fits["xyxy"] += _fits(a, b, c, d, size)
            fits["xxyy"] += _fits(a, c, b, d, size)
    return fits


def _size(path: Path) -> tuple[int, int] | None:
    try:
        return image_size(path)
    except UserError:  # told later, when all pictures are measured
        return None


def _fits(x1: float, y1: float, x2: float, y2: float, size: tuple[int, int] | None) -> bool:
    width, height = size or (float("inf"), float("inf"))
    return 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height
