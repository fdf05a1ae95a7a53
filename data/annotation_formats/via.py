"""VGG Image Annotator (VIA): JSON of its versions 1 to 3, projects and annotations, and the CSV of versions 1 and 2.

A rect is x, y, width, height: 0-based edges. The class is one of the region's attributes.
"""

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from data.annotation_formats.geometry import Edges, around_ellipse, around_points
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
from data.annotation_formats.source import Source, read_text, subset_of
from data.annotation_formats.traits import Traits, holding
from data.annotation_formats.values import entries_of, fields_of, listing, mapping, number, optional_text, plain, text
from helpers.errors import UserError

TITLE = "VGG Image Annotator"
TRAITS = Traits(holding(DIFFICULT, OCCLUDED, TRUNCATED, "attributes", "subsets"))
_LABEL_NAMES = (
    "label",
    "labels",
    "class",
    "classes",
    "name",
    "category",
    "type",
    "object",
    "tag",
    "class_name",
    "objectclass",
)
_COLUMNS = ("filename", "region_shape_attributes", "region_attributes")
_SHAPES_3 = {1: "point", 2: "rect", 3: "circle", 4: "ellipse", 5: "polyline", 6: "polyline", 7: "polygon"}
Where = str | Callable[[], str]
Region = tuple[Mapping[str, Any], Mapping[str, Any], Where]  # shape, attributes, file and line


def recognise(file: Sniffed) -> str:
    """Why a file is this format's, or ""."""
    if "_via_img_metadata" in file.fields or _is_version_3(file.fields):
        return "a VIA project"
    entries = list(file.fields.values())[:5]
    if entries and all(isinstance(entry, Mapping) and "filename" in entry and "regions" in entry for entry in entries):
        return 'JSON entries with "filename" and "regions"'
    is_csv = bool(file.lines) and all(column in file.lines[0] for column in _COLUMNS)
    return "CSV with region_shape_attributes" if is_csv else ""


def _is_version_3(root: Mapping[str, Any]) -> bool:
    return {"metadata", "file", "view"} <= root.keys()


def read(source: Source, log: Log, flavour: str = "") -> DataSet:
    """Read all VIA files below the source; the class is the attribute that is called so, or that most regions have."""
    images: dict[str, tuple[str, list[Region], Path]] = {}
    for path in source.with_ending(".json", ".csv"):
        if not recognise(Sniffed(path)):
            log.headline(f"{source.relative(path)}: no VIA file, not read")
        elif path.suffix.lower() == ".csv":
            _read_csv(path, images, log)
        else:
            _read_json(JsonFile(path), images, log)
    if not images and not log.faults:
        raise UserError(f"{source.root}: no VIA file that names a picture")
    label_name = _label_name([attributes for _, regions, _ in images.values() for _, attributes, _ in regions], log)
    pictures = []
    for name, (subset, regions, path) in images.items():
        boxes: list[Box] = []
        incomplete = False
        for shape, attributes, where in regions:
            with log.part(name, where):
                box, lost = _read_region(shape, attributes, label_name, name, where, log)
                boxes += [box] if box else []
                incomplete |= lost
        subset = subset or subset_of(source.relative(path))
        pictures.append(Picture(name, tuple(boxes), None, subset, beside=path, incomplete=incomplete))
    return DataSet(pictures)


def _read_json(file: JsonFile, images: dict[str, tuple[str, list[Region], Path]], log: Log) -> None:
    root = fields_of(file.value)
    if _is_version_3(root):
        return _read_version_3(root, file, images, log)
    way = ("_via_img_metadata",) if "_via_img_metadata" in root else ()
    for key, entry in fields_of(root["_via_img_metadata"] if way else root).items():
        name = str(key)
        with log.part(name, file.place(*way, key)):
            name = text(mapping(entry, "entry").get("filename"), "filename")
        with log.part(name, file.place(*way, key)):
            entry = fields_of(entry)
            if "filename" not in entry:
                continue
            subset = subset_of(optional_text(fields_of(entry.get("file_attributes")).get("subset")))
            regions = images.setdefault(name, (subset, [], file.path))[1]
            found = entry.get("regions")
            keys: Sequence[str | int] = list(found) if isinstance(found, Mapping) else range(len(entries_of(found)))
            for region_key, region in zip(keys, entries_of(found), strict=True):
                region = mapping(region, "region")
                shape = mapping(region.get("shape_attributes"), "shape_attributes")
                place = file.place(*way, key, "regions", region_key)
                regions.append((shape, fields_of(region.get("region_attributes")), place))
    return None


def _read_version_3(
    root: Mapping[str, Any], file: JsonFile, images: dict[str, tuple[str, list[Region], Path]], log: Log
) -> None:
    """Version 3: regions point to a view, a view to a file; attributes and their options have numbers."""
    names = {key: optional_text(fields_of(value).get("fname")) for key, value in fields_of(root["file"]).items()}
    views = {
        key: [names.get(str(n), "") for n in entries_of(fields_of(value).get("fid_list"))]
        for key, value in fields_of(root["view"]).items()
    }
    for name in names.values():
        images.setdefault(name, ("", [], file.path))
    kinds = fields_of(root.get("attribute"))
    for key, entry in fields_of(root["metadata"]).items():
        name = next(iter(views.get(optional_text(fields_of(entry).get("vid")), [])), "")
        place = file.place("metadata", key)
        with log.part(name or key, place):
            entry = mapping(entry, f"metadata {key}")
            if not name:
                raise Damaged(f"metadata {key} belongs to no picture")
            xy = [number(value, "xy") for value in listing(entry.get("xy"), "xy")]
            if not xy:
                log.remark("label of a whole picture or a time left out", name)
                continue
            attributes = {}
            for number_, value in fields_of(entry.get("av")).items():
                kind = fields_of(kinds.get(number_))
                options = fields_of(kind.get("options"))
                attributes[optional_text(kind.get("aname")) or number_] = (
                    optional_text(options.get(str(value))) or value
                )
            images[name][1].append((_shape_3(xy), attributes, place))


def _shape_3(xy: Sequence[float]) -> dict[str, Any]:
    kind, rest = _SHAPES_3.get(int(xy[0]), "unknown shape"), list(xy[1:])
    fields = {
        "rect": ("x", "y", "width", "height"),
        "circle": ("cx", "cy", "r"),
        "ellipse": ("cx", "cy", "rx", "ry"),
    }.get(kind, ())
    return {
        "name": kind,
        "all_points_x": rest[::2],
        "all_points_y": rest[1::2],
        **dict(zip(fields, rest, strict=False)),
    }


def _read_csv(path: Path, images: dict[str, tuple[str, list[Region], Path]], log: Log) -> None:
    reader = csv.DictReader(io.StringIO(read_text(path)))
    for row in reader:
        where = f"{path}:{reader.line_num}"
        name = (row.get("filename") or row.get("#filename") or "").strip()
        with log.part(name or path.name, where):
            if not name:
                raise Damaged("filename is missing")
            subset = subset_of(optional_text(_json_field(row, "file_attributes").get("subset")))
            regions = images.setdefault(name, (subset, [], path))[1]
            shape = _json_field(row, "region_shape_attributes")
            if shape:
                regions.append((shape, _json_field(row, "region_attributes"), where))


def _json_field(row: Mapping[str, str | None], name: str) -> Mapping[str, Any]:
    value = (row.get(name) or "").strip()
    try:
        return fields_of(json.loads(value)) if value else {}
    except (ValueError, RecursionError):
        raise Damaged(f"{name} is no JSON: {value[:60]!r}") from None


def _label_name(regions: Sequence[Mapping[str, Any]], log: Log) -> str:
    """The attribute that holds the class: one that is called so, else the one that most regions have."""
    counts = Counter(str(name) for attributes in regions for name in attributes)
    named = [
        name
        for name in counts
        if name.lower().replace(" ", "").replace("_", "") in _LABEL_NAMES or name.lower() in _LABEL_NAMES
    ]
    ranked = sorted(named, key=lambda name: (-counts[name], _rank(name))) or [name for name, _ in counts.most_common(1)]
    if len(counts) > 1:
        log.headline(
            f"the class is the region attribute {ranked[0]!r}; there are also {sorted(set(counts) - {ranked[0]})}"
        )
    return ranked[0] if ranked else ""


def _rank(name: str) -> int:
    return _LABEL_NAMES.index(name.lower()) if name.lower() in _LABEL_NAMES else len(_LABEL_NAMES)


def _read_region(
    shape: Mapping[str, Any], attributes: Mapping[str, Any], label_name: str, name: str, where: Where, log: Log
) -> tuple[Box | None, bool]:
    edges = _edges(shape, name, log)
    if edges is None:
        return None, True
    if edges[0] >= edges[2] or edges[1] >= edges[3]:
        log.remark("box without area left out", name)
        return None, False
    value = attributes.get(label_name)
    if isinstance(value, Mapping):  # a checkbox
        chosen = [str(option) for option, is_on in value.items() if is_true(is_on)]
        if len(chosen) > 1:
            log.remark("box with several labels, the first one taken", name)
        value = chosen[0] if chosen else ""
    label = optional_text(value)
    if not label.strip():
        log.remark("box without a label, called UNDECIDED", name)
    flags = {str(key).lower(): value for key, value in attributes.items()}
    marks = frozenset(mark for mark in (DIFFICULT, OCCLUDED, TRUNCATED) if is_true(flags.get(mark)))
    pairs = [(key, value) for key, value in attributes.items() if key != label_name and str(key).lower() not in marks]
    return Box(
        label if label.strip() else NO_LABEL,
        *edges,
        marks=marks,
        attributes=as_attributes(pairs),
        where=where if isinstance(where, str) else "",
    ), False


def _edges(shape: Mapping[str, Any], name: str, log: Log) -> Edges | None:
    kind = optional_text(shape.get("name")).lower()
    if kind == "rect":
        x, y, width, height = (number(shape.get(field), field) for field in ("x", "y", "width", "height"))
        if width < 0 or height < 0:
            log.remark("box with its corners swapped, put in order", name)
        return min(x, x + width), min(y, y + height), max(x, x + width), max(y, y + height)
    if kind in ("circle", "ellipse"):
        x, y = number(shape.get("cx"), "cx"), number(shape.get("cy"), "cy")
        log.remark(f"{kind} became the box around it", name)
        if kind == "circle":
            radius = number(shape.get("r"), "r")
            return around_ellipse(x, y, radius, radius)
        degrees = math.degrees(number(shape.get("theta") or 0, "theta"))
        return around_ellipse(x, y, number(shape.get("rx"), "rx"), number(shape.get("ry"), "ry"), degrees)
    if kind == "polygon":
        xs = [number(value, "all_points_x") for value in listing(shape.get("all_points_x"), "all_points_x")]
        ys = [number(value, "all_points_y") for value in listing(shape.get("all_points_y"), "all_points_y")]
        if len(xs) != len(ys):
            raise Damaged(f"{len(xs)} all_points_x, but {len(ys)} all_points_y")
        log.remark("polygon became the box around it", name)
        return around_points(list(zip(xs, ys, strict=True)))
    if not kind:
        raise Damaged("shape_attributes has no name")
    log.remark(f"{kind} left out: no area", name)
    return None


def place(picture: Picture) -> str:
    """Where the picture goes."""
    return "."


def write(folder: Path, data: DataSet, flavour: str = "") -> None:
    """Write via_project.json, a project of VIA 2 that opens with all pictures."""
    entries = {}
    names = sorted(
        {name for picture in data.pictures for box in picture.boxes for name, _ in box.attributes} - {"label"}
    )
    for picture in data.pictures:
        path = folder / picture.name
        size = path.stat().st_size if path.is_file() else -1
        entries[f"{picture.name}{size}"] = {
            "filename": picture.name,
            "size": size,
            "regions": [_region(box) for box in picture.boxes],
            "file_attributes": {"subset": picture.subset} if picture.subset else {},
        }
    options = dict.fromkeys(data.all_classes(), "")
    region = {"label": {"type": "dropdown", "description": "", "options": options, "default_options": {}}}
    region |= {name: {"type": "text", "description": "", "default_value": ""} for name in names}
    settings = {"core": {"buffer_size": 18, "filepath": {}, "default_filepath": ""}, "project": {"name": "converted"}}
    value = {
        "_via_settings": settings,
        "_via_img_metadata": entries,
        "_via_attributes": {
            "region": region,
            "file": {"subset": {"type": "text", "description": "", "default_value": ""}},
        },
        "_via_data_format_version": "2.0.10",
        "_via_image_id_list": list(entries),
    }
    write_json(folder / "via_project.json", value)


def _region(box: Box) -> dict[str, object]:
    sides = {"x": box.left, "y": box.top, "width": box.right - box.left, "height": box.bottom - box.top}
    shape: dict[str, object] = {"name": "rect"} | {side: plain(value) for side, value in sides.items()}
    marks = dict.fromkeys(sorted(box.marks), "true")
    others = {name: value for name, value in box.attributes if name != "label"}
    return {"shape_attributes": shape, "region_attributes": others | marks | {"label": box.label}}
