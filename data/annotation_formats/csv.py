"""Tables, one row for each box: TensorFlow's, keras-frcnn's, Google's (AutoML, Vertex) and OpenImages'.

| flavour | columns | coordinates |
|---|---|---|
| tf | filename,width,height,class,xmin,ymin,xmax,ymax | pixels, 0-based edges |
| keras-frcnn | path,x1,y1,x2,y2,class without a header | pixels, 0-based edges |
| google | set,path,label,x1,y1,,,x2,y2,, without a header | fractions |
| openimages | ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,... | fractions |

Columns are found by their names. Tables without a header are told by what stands in their fields (`csv_rows`).
"""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from data.annotation_formats.csv_header import Columns
from data.annotation_formats.csv_rows import Row, rows_of, table_kind
from data.annotation_formats.log import Log
from data.annotation_formats.output import write_text
from data.annotation_formats.record import CROWD, OCCLUDED, TRUNCATED, Box, DataSet, Picture
from data.annotation_formats.sniff import Sniffed
from data.annotation_formats.source import Source, read_text, split_ending, subset_of
from data.annotation_formats.traits import FRACTIONS, PIXELS, Traits, holding
from data.annotation_formats.values import plain
from helpers.errors import UserError

TITLE = "tables (CSV)"
FLAVOURS = ("tf", "keras-frcnn", "google", "openimages")
_LARGEST_FRACTION = 1.5  # rounding and boxes over the border
_GOOGLE_SETS = {"train": "TRAIN", "val": "VALIDATION", "test": "TEST", "": "UNASSIGNED"}


def traits(flavour: str) -> Traits:
    """What a flavour can hold."""
    flavour = flavour or "tf"
    units = FRACTIONS if flavour in ("google", "openimages") else PIXELS
    marks = (OCCLUDED, TRUNCATED, CROWD) if flavour == "openimages" else ()
    empty = flavour == "google"
    return Traits(holding("subsets", *marks), units=units, inside=units == FRACTIONS, empty_pictures=empty)


def recognise(file: Sniffed) -> str:
    """Why a file is this format's, or ""."""
    return table_kind(file.lines) if file.name.endswith((".csv", ".txt", ".tsv")) else ""


def read(source: Source, log: Log, flavour: str = "") -> DataSet:
    """Read all tables below the source."""
    pictures: dict[str, Picture] = {}
    boxes: dict[str, list[Box]] = defaultdict(list)
    for path in source.with_ending(".csv", ".txt", ".tsv"):
        lines = [line for line in read_text(path).split("\n")[:50] if line.strip()]
        kind = table_kind(lines)
        if not kind:
            if path.suffix.lower() == ".csv":
                log.headline(f"{source.relative(path)}: no table of boxes, not read")
            continue
        log.headline(f"{source.relative(path)}: {kind}")
        rows = list(rows_of(path, source, log))
        relative = _are_fractions(rows, kind, path, log)
        for row in rows:
            _add(row, relative, path, source, log, pictures, boxes)
    if not pictures and not log.faults:
        raise UserError(f"{source.root}: no table of boxes (CSV) in it")
    return DataSet([_complete(picture, boxes[name]) for name, picture in pictures.items()])


def _complete(picture: Picture, boxes: Iterable[Box]) -> Picture:
    return Picture(picture.name, tuple(boxes), picture.size, picture.subset, picture.other_names, picture.beside)


def _are_fractions(rows: list[Row], kind: str, path: Path, log: Log) -> bool:
    """Whether the coordinates of a table are fractions: decided over all of it."""
    values = [value for row in rows if row.edges for value in row.edges]
    promised = "OpenImages" in kind or "Google" in kind
    largest = max(values, default=0)
    if promised and largest > _LARGEST_FRACTION:
        log.headline(f"{path.name}: pixels where fractions are promised (up to {largest:g}); taken as pixels")
        return False
    has_decimals = any(value != int(value) for value in values)
    if not promised and values and largest <= 1 and has_decimals:
        log.headline(f"{path.name}: no coordinate is above 1, taken as fractions of the picture")
        return True
    return promised


def _add(
    row: Row,
    relative: bool,
    path: Path,
    source: Source,
    log: Log,
    pictures: dict[str, Picture],
    boxes: dict[str, list[Box]],
) -> None:
    subset = row.subset or subset_of(source.relative(path))
    known = pictures.get(row.name)
    if known is None:
        pictures[row.name] = Picture(row.name, size=row.size, subset=subset, beside=path)
    elif known.subset != subset:
        log.remark("picture in two image sets, kept in the first", row.name)
    if row.edges is None:
        return
    left, top, right, bottom = row.edges
    if left > right or top > bottom:
        log.remark("box with its corners swapped, put in order", row.name)
        left, right, top, bottom = min(left, right), max(left, right), min(top, bottom), max(top, bottom)
    if left == right or top == bottom:
        log.remark("box without area left out", row.name)
        return
    boxes[row.name].append(
        Box(row.label, left, top, right, bottom, relative, row.marks, row.attributes, where=row.where)
    )


def place(picture: Picture) -> str:
    """Where the picture goes."""
    return "images"


def write(folder: Path, data: DataSet, flavour: str = "") -> None:
    """Write annotations_<image set>.csv, or one annotations.csv for Google, which has a column for the set."""
    flavour = flavour or "tf"
    tables: dict[str, list[list[object]]] = defaultdict(list)
    headers: dict[str, list[object]] = {
        "tf": ["filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax"],
        "openimages": list(Columns.OPENIMAGES),
    }
    for picture in data.pictures:
        subset = "" if flavour == "google" else picture.subset or "train"
        tables[subset] += [_row(picture, box, flavour) for box in picture.boxes]
        if flavour == "google" and not picture.boxes:
            tables[subset].append([_GOOGLE_SETS[picture.subset], f"images/{picture.name}", *[""] * 9])
    for subset, rows in tables.items():
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([headers[flavour]] if flavour in headers else [])
        writer.writerows(rows)
        name = {"openimages": f"{subset}-annotations-bbox.csv", "google": "annotations.csv"}.get(
            flavour, f"annotations_{subset}.csv"
        )
        write_text(folder / name, text.getvalue())


def _row(picture: Picture, box: Box, flavour: str) -> list[object]:
    width, height = (1, 1) if box.relative else picture.size or (1, 1)
    edges = [plain(value) for value in box.edges]
    left, top, right, bottom = (
        plain(value, 10) for value in (box.left / width, box.top / height, box.right / width, box.bottom / height)
    )
    if flavour == "keras-frcnn":
        return [f"images/{picture.name}", *edges, box.label]
    if flavour == "google":
        return [
            _GOOGLE_SETS[picture.subset],
            f"images/{picture.name}",
            box.label,
            left,
            top,
            "",
            "",
            right,
            bottom,
            "",
            "",
        ]
    if flavour == "openimages":
        flags = [int(mark in box.marks) for mark in (OCCLUDED, TRUNCATED, CROWD)]
        return [split_ending(picture.name)[0], "xclick", box.label, 1, left, right, top, bottom, *flags, 0, 0]
    return [picture.name, *(picture.size or ("", "")), box.label, *edges]
