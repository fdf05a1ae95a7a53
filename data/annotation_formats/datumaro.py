"""Datumaro: annotations/<image set>.json with items; bbox is x, y, width, height; a size is [height, width]."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data.annotation_formats.geometry import Edges, around_points, around_rotated, around_run_lengths, point_pairs
from data.annotation_formats.json_files import JsonFile
from data.annotation_formats.log import Damaged, Log
from data.annotation_formats.output import write_json
from data.annotation_formats.record import (
    CROWD,
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
from data.annotation_formats.values import (
    entries_of,
    fields_of,
    key_of,
    mapping,
    number,
    numbers,
    optional_text,
    plain,
    size_of,
    text,
)
from helpers.errors import UserError

TITLE = "Datumaro JSON"
TRAITS = Traits(holding(CROWD, DIFFICULT, OCCLUDED, TRUNCATED, "attributes", "tracks", "subsets"))
_MARKS = {"is_crowd": CROWD, "difficult": DIFFICULT, "occluded": OCCLUDED, "truncated": TRUNCATED}


def recognise(file: Sniffed) -> str:
    """Why a file is this format's, or ""."""
    is_datumaro = isinstance(file.fields.get("items"), list) and isinstance(file.fields.get("categories"), Mapping)
    return 'JSON with "items" and "categories"' if is_datumaro else ""


def read(source: Source, log: Log, flavour: str = "") -> DataSet:
    """Read all Datumaro files; their names are image sets."""
    data = DataSet()
    found = False
    for path in source.with_ending(".json"):
        file = JsonFile(path)
        root = fields_of(file.value)
        if not isinstance(root.get("items"), list):
            log.headline(f'{source.relative(path)}: no "items", not read')
            continue
        found = True
        labels = fields_of(fields_of(root.get("categories")).get("label")).get("labels")
        names = [optional_text(fields_of(label).get("name")) for label in entries_of(labels)]
        data.classes += [name for name in names if name]
        for index, item in enumerate(root["items"]):
            with log.part(f"item {index}", file.place("items", index)):
                data.pictures.append(_read_item(mapping(item, "item"), names, file, index, subset_of(path.name), log))
    if not found:
        raise UserError(f"{source.root}: no Datumaro file in it")
    return data


def _read_item(item: Mapping[str, Any], names: list[str], file: JsonFile, index: int, subset: str, log: Log) -> Picture:
    identity = text(item.get("id"), "id")
    image = fields_of(item.get("image")) or fields_of(item.get("media"))
    name = optional_text(image.get("path")) or identity
    boxes: list[Box] = []
    incomplete = False
    for count, annotation in enumerate(entries_of(item.get("annotations"))):
        with log.part(name, file.place("items", index, "annotations", count)):
            box, lost = _read_annotation(mapping(annotation, "annotation"), names, name, log)
            boxes += [box] if box else []
            incomplete |= lost
    size = entries_of(image.get("size"))
    known = size_of(size[1], size[0]) if len(size) >= 2 else None
    return Picture(name, tuple(boxes), known, subset, (identity,), file.path, incomplete)


def _read_annotation(annotation: Mapping[str, Any], names: list[str], name: str, log: Log) -> tuple[Box | None, bool]:
    kind = optional_text(annotation.get("type"))
    if kind in ("label", "caption"):
        log.remark(f"{kind} of a whole picture left out", name)
        return None, False
    edges = _edges(annotation, kind, name, log)
    if edges is None:
        log.remark(f"{kind or 'annotation without type'} left out: no area", name)
        return None, True
    if edges[0] >= edges[2] or edges[1] >= edges[3]:
        log.remark("box without area left out", name)
        return None, False
    number_ = key_of(annotation.get("label_id"))
    if number_ and not (number_.isdigit() and int(number_) < len(names)):
        raise Damaged(f"label_id {number_} is none of the {len(names)} labels")
    if not number_:
        log.remark("box without a label, called UNDECIDED", name)
    attributes = dict(fields_of(annotation.get("attributes")))
    rotation = number(attributes.pop("rotation", 0) or 0, "rotation") % 360
    if rotation:
        log.remark("rotated box became the upright box around it", name)
        edges = around_rotated(edges, rotation)
    marks = frozenset(mark for key, mark in _MARKS.items() if is_true(attributes.pop(key, False)))
    track = key_of(attributes.pop("track_id", ""))
    attributes.pop("keyframe", None)
    label = names[int(number_)] if number_ else NO_LABEL
    return Box(label, *edges, marks=marks, attributes=as_attributes(attributes.items()), track=track), False


def _edges(annotation: Mapping[str, Any], kind: str, name: str, log: Log) -> Edges | None:
    if kind == "bbox":
        x, y, width, height = numbers(annotation.get("bbox"), 4, "bbox")
        if width < 0 or height < 0:
            log.remark("box with its corners swapped, put in order", name)
        return min(x, x + width), min(y, y + height), max(x, x + width), max(y, y + height)
    if kind == "rotated_bbox":
        x, y, width, height, degrees = numbers(annotation.get("rbox", annotation.get("points")), 5, "rbox")
        log.remark("rotated box became the upright box around it", name)
        return around_rotated((x - width / 2, y - height / 2, x + width / 2, y + height / 2), degrees)
    if kind == "ellipse":  # its points are the corners of the box around it
        log.remark("ellipse became the box around it", name)
        return around_points(point_pairs(annotation.get("points"), "points"))
    if kind == "polygon":
        log.remark("polygon became the box around it", name)
        return around_points(point_pairs(annotation.get("points"), "points"))
    if kind == "mask" and isinstance(annotation.get("rle"), dict):
        log.remark("mask became the box around it", name)
        return around_run_lengths(annotation["rle"])
    return None


def place(picture: Picture) -> str:
    """Where the picture goes."""
    return f"images/{picture.subset or 'default'}"


def write(folder: Path, data: DataSet, flavour: str = "") -> None:
    """Write annotations/<image set>.json, version 1.0."""
    classes = data.all_classes()
    ids = {name: index for index, name in enumerate(classes)}
    sets: dict[str, list[object]] = defaultdict(list)
    for picture in data.pictures:
        width, height = picture.size or (0, 0)
        annotations = [_annotation(box, index, ids[box.label]) for index, box in enumerate(picture.boxes)]
        image = {"path": picture.name, "size": [height, width]}
        item = {"id": split_ending(picture.name)[0], "annotations": annotations, "attr": {}, "image": image}
        sets[picture.subset or "default"].append(item)
    labels = [{"name": name, "parent": "", "attributes": []} for name in classes]
    for subset, items in sets.items():
        categories = {"label": {"labels": labels, "attributes": []}}
        value = {"dm_format_version": "1.0", "info": {}, "categories": categories, "items": items}
        write_json(folder / "annotations" / f"{subset}.json", value)


def _annotation(box: Box, number_: int, label_id: int) -> dict[str, object]:
    attributes: dict[str, object] = {key: mark in box.marks for key, mark in _MARKS.items()}
    attributes |= dict(box.attributes) | ({"track_id": box.track} if box.track else {})
    bbox = [plain(box.left), plain(box.top), plain(box.right - box.left), plain(box.bottom - box.top)]
    shared = {"id": number_, "type": "bbox", "group": 0, "z_order": 0}
    return {**shared, "attributes": attributes, "label_id": label_id, "bbox": bbox}
