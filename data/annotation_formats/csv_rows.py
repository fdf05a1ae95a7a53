"""Rows of tables: what kind a table is, and its rows as a name, a label and four edges."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from data.annotation_formats.csv_header import Columns, columns_of
from data.annotation_formats.geometry import Edges
from data.annotation_formats.log import Damaged, Log
from data.annotation_formats.record import CROWD, DIFFICULT, NO_LABEL, OCCLUDED, TRUNCATED, as_attributes, marks_of
from data.annotation_formats.source import Source, read_text, split_ending, subset_of
from data.annotation_formats.values import number, size_of

_SETS = ("TRAIN", "TRAINING", "VALIDATE", "VALIDATION", "VALID", "TEST", "UNASSIGNED")
_KERAS_YOLO = re.compile(r"\S.*?\.\w{3,4}(?:\s+-?[\d.]+(?:,-?[\d.]+){4})*\s*")


@dataclass(frozen=True)
class Row:
    """One row: a picture and at most one box; edges in the table's unit, None for a picture without objects."""

    name: str
    label: str
    edges: Edges | None
    size: tuple[int, int] | None
    subset: str
    marks: frozenset[str]
    attributes: tuple[tuple[str, str], ...]
    where: str


def table_kind(lines: list[str]) -> str:
    """What kind of table the first lines are, "" for none."""
    if not lines:
        return ""
    delimiter = _delimiter(lines[0])
    header = next(csv.reader([lines[0]], delimiter=delimiter), [])
    if "region_shape_attributes" in header:
        return ""
    if columns := columns_of(header):
        return "OpenImages' table" if header[columns.at["name"]].strip().lower() == "imageid" else "table with a header"
    rows = [[field.strip() for field in row] for row in csv.reader(lines, delimiter=delimiter)]
    if all(row and row[0].upper() in _SETS for row in rows) and any(len(row) >= 4 for row in rows):
        return "Google's table (set, path, label, corners)"
    if all(len(row) == 10 and "/" in row[0] for row in rows) and any(_are_numbers(row[2:4]) for row in rows):
        return "Google's table (path, label, corners)"
    if all(len(row) == 6 and row[0] for row in rows) and any(_are_numbers(row[1:5]) for row in rows):
        return "keras-frcnn's table (path, x1, y1, x2, y2, class)"
    if all(len(row) == 6 and row[0] and _are_numbers(row[2:]) for row in rows):
        return "table (path, class, x1, y1, x2, y2)"
    if all(_KERAS_YOLO.fullmatch(line) for line in lines) and any("," in line for line in lines):
        return "keras-yolo3's list (path, then x1,y1,x2,y2,class)"
    return ""


def _are_numbers(fields: list[str]) -> bool:
    return all(re.fullmatch(r"[-+]?[\d.]+(?:[eE][-+]?\d+)?", field) for field in fields)


def _delimiter(line: str) -> str:
    return max(",;\t", key=line.count)


def rows_of(path: Path, source: Source, log: Log) -> Iterator[Row]:
    """The rows of a table of any kind; those that cannot be read become faults."""
    text = read_text(path)
    first = next(line for line in text.split("\n") if line.strip())
    kind = table_kind([line for line in text.split("\n")[:50] if line.strip()])
    if kind.startswith("keras-yolo3"):
        yield from _keras_yolo_rows(text, path, source, log)
        return
    delimiter = _delimiter(first)
    reader = csv.reader(text.split("\n"), delimiter=delimiter)
    columns = columns_of(next(csv.reader([first], delimiter=delimiter)))
    names = _machine_names(source) if kind.startswith("OpenImages") else {}
    seen_header = columns is None
    try:
        for fields in reader:
            if not any(field.strip() for field in fields):
                continue
            if not seen_header:
                seen_header = True
                continue
            where = f"{path}:{reader.line_num}"
            at = columns.at["name"] if columns else 1 if "(set" in kind else 0
            with log.part(fields[at].strip() if at < len(fields) else path.name, where):
                if columns:
                    yield _named_row(fields, columns, names, delimiter, where, log)
                elif kind.startswith("Google"):
                    no_set = [] if "(set" in kind else ["UNASSIGNED"]
                    yield _google_row([*no_set, *(field.strip() for field in fields)], where, log)
                elif kind.startswith("table (path, class"):
                    name, label, *corners = (field.strip() for field in fields)
                    yield _keras_frcnn_row([name, *corners, label], where, log)
                else:
                    yield _keras_frcnn_row([field.strip() for field in fields], where, log)
    except csv.Error as error:
        log.fault(path.name, f"{path}:{reader.line_num}: {error}")


def _named_row(fields: list[str], columns: Columns, names: dict[str, str], delimiter: str, where: str, log: Log) -> Row:
    name = columns.field(fields, "name")
    if not name:
        raise Damaged("the picture's name is missing")

    def value(meaning: str) -> float:
        text = columns.field(fields, meaning)
        return number(text.replace(",", ".") if delimiter == ";" else text, meaning)

    corners = ("x1", "y1", "x2", "y2")
    sides = ("x", "y", "box_width", "box_height")
    edges: Edges | None = None
    if any(columns.filled(fields, meaning) for meaning in (*corners, *sides, "bbox")):
        if set(corners) <= columns.at.keys():
            edges = (value("x1"), value("y1"), value("x2"), value("y2"))
        elif set(sides) <= columns.at.keys():
            x, y, width, height = (value(side) for side in sides)
            edges = (x, y, x + width, y + height)
        else:
            parts = re.findall(r"[-+]?[\d.]+(?:[eE][-+]?\d+)?", columns.field(fields, "bbox"))
            if len(parts) != 4:
                raise Damaged(f"bbox holds {len(parts)} number(s), expected x, y, width, height")
            x, y, width, height = (number(part, "bbox") for part in parts)
            edges = (x, y, x + width, y + height)
    label = columns.field(fields, "label")
    if edges and not label:
        log.remark("box without a label, called UNDECIDED", name)
    flags = {mark: columns.field(fields, mark) for mark in (OCCLUDED, TRUNCATED, CROWD, DIFFICULT)}
    attributes = as_attributes((key, fields[i]) for key, i in columns.others.items() if i < len(fields))
    size = size_of(columns.field(fields, "width"), columns.field(fields, "height"))
    subset = subset_of(columns.field(fields, "subset"))
    return Row(name, names.get(label, label) or NO_LABEL, edges, size, subset, marks_of(**flags), attributes, where)


def _google_row(fields: list[str], where: str, log: Log) -> Row:
    fields += [""] * (11 - len(fields))
    subset, name, label, corners = fields[0], fields[1], fields[2], fields[3:11]
    if not name:
        raise Damaged("the picture's path is missing")
    points = [(number(x, "x"), number(y, "y")) for x, y in zip(corners[::2], corners[1::2], strict=True) if x or y]
    if len(points) not in (0, 2, 4):
        raise Damaged(f"expected two or four corners, found {len(points)}")
    edges = None
    if points:
        xs, ys = [x for x, _ in points], [y for _, y in points]
        edges = (min(xs), min(ys), max(xs), max(ys))
        if not label:
            log.remark("box without a label, called UNDECIDED", name)
    elif label:
        log.remark("label of a whole picture left out", name)
    word = {"validate": "val"}.get(subset.lower(), subset.lower())
    return Row(name, label or NO_LABEL, edges, None, subset_of(word), frozenset(), (), where)


def _keras_frcnn_row(fields: list[str], where: str, log: Log) -> Row:
    if len(fields) != 6:
        raise Damaged(f"expected path,x1,y1,x2,y2,class, found {len(fields)} field(s)")
    name, *corners, label = fields
    if not any(corners):  # keras-retinanet's way to say "no objects"
        return Row(name, "", None, None, "", frozenset(), (), where)
    x1, y1, x2, y2 = (number(corner, side) for corner, side in zip(corners, ("x1", "y1", "x2", "y2"), strict=True))
    if not label:
        log.remark("box without a label, called UNDECIDED", name)
    return Row(name, label or NO_LABEL, (x1, y1, x2, y2), None, "", frozenset(), (), where)


def _keras_yolo_rows(text: str, path: Path, source: Source, log: Log) -> Iterator[Row]:
    """A line for each picture; classes are numbers, their names in _classes.txt or classes.txt."""
    lists = [
        p for p in source.all_files if p.name.lower() in ("_classes.txt", "classes.txt") and p.parent == path.parent
    ]
    names = read_text(lists[0]).rstrip("\n").split("\n") if lists else []
    for line, entry in enumerate(text.split("\n"), start=1):
        boxes = re.findall(r"\s(-?[\d.]+(?:,-?[\d.]+){4})(?=\s|$)", entry)
        name = entry[: entry.index(boxes[0])].strip() if boxes else entry.strip()
        where = f"{path}:{line}"
        if not name:
            continue
        if not boxes:
            if split_ending(name)[1]:
                yield Row(name, "", None, None, "", frozenset(), (), where)
            continue
        for box in boxes:
            with log.part(name, where):
                x1, y1, x2, y2, label = (number(part, "a coordinate") for part in box.split(","))
                if names and not 0 <= label < len(names):
                    raise Damaged(f"class number {label:g}, but there are names for {len(names)} classes")
                title = names[int(label)].strip() if names else f"class{label:g}"
                yield Row(name, title, (x1, y1, x2, y2), None, "", frozenset(), (), where)


def _machine_names(source: Source) -> dict[str, str]:
    """OpenImages' /m/0cmf2 -> Airplane, from class-descriptions*.csv where it lies beside."""
    names: dict[str, str] = {}
    for path in source.all_files:
        if path.name.lower().startswith("class-descriptions") and path.suffix.lower() == ".csv":
            names |= {row[0]: row[1] for row in csv.reader(read_text(path).split("\n")) if len(row) >= 2}
    return names
