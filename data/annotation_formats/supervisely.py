"""Supervisely: <data set>/ann/<picture>.json beside <data set>/img/, and meta.json with the classes.

A rectangle's two points are pixels, 0-based, both inside the object.
"""

import base64
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data.annotation_formats.geometry import Edges, around_points, point_pairs
from data.annotation_formats.json_files import JsonFile
from data.annotation_formats.log import Damaged, Log
from data.annotation_formats.output import write_json
from data.annotation_formats.record import (
    DIFFICULT,
    NO_LABEL,
    OCCLUDED,
    TRUNCATED,
    Box,
    DataSet,
    Picture,
    as_attributes,
    is_true,
)  # fmt: skip
from data.annotation_formats.sniff import Sniffed
from data.annotation_formats.source import Source, split_ending, subset_of
from data.annotation_formats.traits import Traits, holding
from data.annotation_formats.values import entries_of, fields_of, mapping, numbers, optional_text, plain, size_of
from helpers.console import progress
from helpers.errors import UserError

TITLE = "Supervisely"
TRAITS = Traits(holding(DIFFICULT, OCCLUDED, TRUNCATED, "attributes", "subsets"), size_required=True)


def recognise(file: Sniffed) -> str:
    """Why a file is this format's, or ""."""
    if isinstance(file.fields.get("objects"), list) and isinstance(file.fields.get("size"), Mapping):
        return 'JSON with "size" and "objects"'
    return ""


def read(source: Source, log: Log, flavour: str = "") -> DataSet:
    """Read all annotation files below the source, and the classes of meta.json."""
    data = DataSet()
    for path in progress(source.with_ending(".json"), "reading JSON"):
        with log.whole_file(source.relative(path)):
            file = JsonFile(path)
            root = fields_of(file.value)
            if isinstance(root.get("objects"), list):
                data.pictures.append(_read_file(file, source, log))
            elif path.name == "meta.json":
                data.classes += [
                    optional_text(fields_of(each).get("title")) for each in entries_of(root.get("classes"))
                ]
            else:
                log.headline(f'{source.relative(path)}: no "objects", not read')
    if not data.pictures and not log.faults:
        raise UserError(f"{source.root}: no Supervisely annotation in it")
    data.classes = [name for name in data.classes if name]
    return data


def _read_file(file: JsonFile, source: Source, log: Log) -> Picture:
    """A file is named after its picture: photo.jpg.json, in early versions photo.json."""
    path, root = file.path, file.value
    name = path.name[: -len(".json")]
    if not split_ending(name)[1]:
        found = source.find_picture([name], path)
        name = found.name if found else name
    log.remark("tag of a whole picture left out", name, len(entries_of(root.get("tags"))))
    boxes: list[Box] = []
    incomplete = False
    for index, entry in enumerate(root["objects"]):
        with log.part(name, file.place("objects", index)):
            box, lost = _read_object(mapping(entry, "object"), name, log)
            boxes += [box] if box else []
            incomplete |= lost
    size = fields_of(root.get("size"))
    known = size_of(size.get("width"), size.get("height"))
    return Picture(name, tuple(boxes), known, subset_of(source.relative(path.parent)), (), path, incomplete)


def _read_object(entry: Mapping[str, Any], name: str, log: Log) -> tuple[Box | None, bool]:
    kind = optional_text(entry.get("geometryType")) or ("bitmap" if entry.get("bitmap") else "rectangle")
    edges = _edges(entry, kind, name, log)
    if edges is None:
        return None, True
    if edges[0] >= edges[2] or edges[1] >= edges[3]:
        log.remark("box without area left out", name)
        return None, False
    label = optional_text(entry.get("classTitle"))
    if not label.strip():
        log.remark("box without a label, called UNDECIDED", name)
    tags = {
        optional_text(fields_of(tag).get("name")): fields_of(tag).get("value") for tag in entries_of(entry.get("tags"))
    }
    marks = frozenset(
        mark
        for mark in (DIFFICULT, OCCLUDED, TRUNCATED)
        if mark in tags and (tags[mark] is None or is_true(tags[mark]))
    )
    pairs = [(tag, "true" if value is None else value) for tag, value in tags.items() if tag and tag not in marks]
    return Box(label if label.strip() else NO_LABEL, *edges, marks=marks, attributes=as_attributes(pairs)), False


def _edges(entry: Mapping[str, Any], kind: str, name: str, log: Log) -> Edges | None:
    if kind == "bitmap" and (bitmap := _around_bitmap(fields_of(entry.get("bitmap")))):
        log.remark("mask became the box around it", name)
        return bitmap
    if kind not in ("rectangle", "polygon"):
        log.remark(f"{kind} left out", name)
        return None
    points = point_pairs(mapping(entry.get("points"), "points").get("exterior"), "points.exterior")
    if kind == "polygon":
        log.remark("polygon became the box around it", name)
    elif len(points) != 2:
        raise Damaged(f"a rectangle with {len(points)} point(s)")
    left, top, right, bottom = around_points(points)
    return left, top, right + 1, bottom + 1  # the last pixel is inside


def _around_bitmap(bitmap: Mapping[str, Any]) -> Edges | None:
    """The box of a mask: its PNG picture, packed as text, is cut to the object. None where it is damaged."""
    try:
        packed = base64.b64decode(optional_text(bitmap.get("data")), validate=True)
        head = zlib.decompressobj().decompress(packed, 24)
    except (ValueError, zlib.error):
        return None
    if len(head) < 24 or not head.startswith(b"\x89PNG"):
        return None
    width, height = struct.unpack(">II", head[16:24])
    left, top = numbers(bitmap.get("origin"), 2, "bitmap.origin")
    return left, top, left + width, top + height


def place(picture: Picture) -> str:
    """Where the picture goes."""
    return f"{picture.subset or 'ds'}/img"


def write(folder: Path, data: DataSet, flavour: str = "") -> None:
    """Write <image set>/ann/<picture>.json and meta.json."""
    for picture in data.pictures:
        width, height = picture.size or (0, 0)
        objects = [_object(box, index) for index, box in enumerate(picture.boxes, 1)]
        value = {"description": "", "tags": [], "size": {"height": height, "width": width}, "objects": objects}
        write_json(folder / (picture.subset or "ds") / "ann" / f"{picture.name}.json", value)
        (folder / place(picture)).mkdir(parents=True, exist_ok=True)
    classes = [{"title": name, "shape": "rectangle", "color": "#0F8A0F"} for name in data.all_classes()]
    boxes = [box for picture in data.pictures for box in picture.boxes]
    tags = {name for box in boxes for name, _ in box.attributes} | {mark for box in boxes for mark in box.marks}
    meta = [{"name": tag, "value_type": "any_string", "color": "#8A0F59"} for tag in sorted(tags)]
    write_json(folder / "meta.json", {"classes": classes, "tags": meta, "projectType": "images"})


def _object(box: Box, number_: int) -> dict[str, object]:
    tags: list[dict[str, object]] = [{"name": name, "value": value} for name, value in box.attributes]
    tags += [{"name": mark, "value": None} for mark in sorted(box.marks)]
    exterior = [
        [plain(box.left), plain(box.top)],
        [plain(max(box.right - 1, box.left)), plain(max(box.bottom - 1, box.top))],
    ]
    return {
        "id": number_, "classTitle": box.label, "description": "", "geometryType": "rectangle", "tags": tags,
        "points": {"exterior": exterior, "interior": []},
    }  # fmt: skip
