"""labelme: one JSON file beside each picture, with shapes in 0-based pixel coordinates, decimals allowed."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data.annotation_formats.geometry import Edges, around_ellipse, around_points, point_pairs
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
from data.annotation_formats.source import Source, base_name, split_ending, subset_of
from data.annotation_formats.traits import Traits, holding
from data.annotation_formats.values import fields_of, key_of, mapping, optional_text, plain, size_of
from helpers.console import progress
from helpers.errors import UserError

TITLE = "labelme JSON"
TRAITS = Traits(holding(DIFFICULT, TRUNCATED, OCCLUDED, "subsets"))


def recognise(file: Sniffed) -> str:
    """Why a file is this format's, or ""."""
    is_labelme = isinstance(file.fields.get("shapes"), list) and bool(
        {"imagePath", "imageHeight", "flags"} & file.fields.keys()
    )
    return 'JSON with "shapes" and "imagePath"' if is_labelme else ""


def read(source: Source, log: Log, flavour: str = "") -> DataSet:
    """Read all labelme files below the source."""
    pictures = []
    for path in progress(source.with_ending(".json"), "reading JSON"):
        with log.whole_file(source.relative(path)):
            file = JsonFile(path)
            if not isinstance(fields_of(file.value).get("shapes"), list):
                log.headline(f'{source.relative(path)}: no "shapes", not read')
                continue
            pictures.append(_read_file(file, source, log))
    if not pictures and not log.faults:
        raise UserError(f"{source.root}: no labelme file in it")
    return DataSet(pictures)


def _read_file(file: JsonFile, source: Source, log: Log) -> Picture:
    path, root = file.path, file.value
    name = optional_text(root.get("imagePath")).strip()
    others: tuple[str, ...] = ()
    if name and not base_name(name).lower().endswith(".json"):
        own = path.stem + split_ending(base_name(name))[1]
        beside = path.with_name(own)
        if source.holds(beside) and base_name(name) != own:
            log.remark("imagePath is another than the JSON file's name, which was taken", path.stem)
            name = own
        others = (own,)
    else:  # some versions name the JSON file itself
        stem = base_name(name)[: -len(".json")] if name else path.stem
        found = source.find_picture([stem, path.stem], path)
        name = found.name if found else stem + ".jpg"
    flags = [flag for flag, value in fields_of(root.get("flags")).items() if is_true(value)]
    log.remark("flag of a whole picture left out", name, len(flags))
    boxes: list[Box] = []
    incomplete = False
    for index, shape in enumerate(root["shapes"]):
        with log.part(name, file.place("shapes", index)):
            box, lost = _read_shape(mapping(shape, "shape"), name, log)
            boxes += [box] if box else []
            incomplete |= lost
    size = size_of(root.get("imageWidth"), root.get("imageHeight"))
    return Picture(name, tuple(boxes), size, subset_of(source.relative(path.parent)), others, path, incomplete)


def _read_shape(shape: Mapping[str, Any], name: str, log: Log) -> tuple[Box | None, bool]:
    kind = optional_text(shape.get("shape_type")) or "polygon"  # versions before 3.17 know polygons only
    edges = _edges(shape, kind, name, log)
    if edges is None:
        return None, True
    if edges[0] >= edges[2] or edges[1] >= edges[3]:
        log.remark("box without area left out", name)
        return None, False
    label = optional_text(shape.get("label"))
    if not label.strip():
        log.remark("box without a label, called UNDECIDED", name)
    flags = {flag: value for flag, value in fields_of(shape.get("flags")).items() if is_true(value)}
    marks = frozenset(flag for flag in (DIFFICULT, TRUNCATED, OCCLUDED) if flag in flags)
    if is_true(shape.get("difficult")):  # X-AnyLabeling
        marks |= {DIFFICULT}
    pairs = [(flag, value) for flag, value in flags.items() if flag not in marks]
    pairs += list(fields_of(shape.get("attributes")).items()) + [("description", shape.get("description"))]
    track = key_of(shape.get("group_id"))
    return Box(label or NO_LABEL, *edges, marks=marks, attributes=as_attributes(pairs), track=track), False


def _edges(shape: Mapping[str, Any], kind: str, name: str, log: Log) -> Edges | None:
    points = point_pairs(shape.get("points"), "points")
    if kind == "rectangle":
        if len(points) < 2:
            raise Damaged(f"a rectangle with {len(points)} point(s)")
        return around_points(points)
    if kind == "circle":
        if len(points) != 2:
            raise Damaged(f"a circle with {len(points)} point(s)")
        (x, y), edge = points
        radius = math.dist((x, y), edge)
        log.remark("circle became the box around it", name)
        return around_ellipse(x, y, radius, radius)
    if kind in ("polygon", "mask", "rotation"):
        log.remark(f"{'rotated box' if kind == 'rotation' else kind} became the box around it", name)
        return around_points(points)
    log.remark(f"{kind} left out: no area", name)
    return None


def place(picture: Picture) -> str:
    """Where the picture goes: beside its JSON file."""
    return picture.subset or "."


def write(folder: Path, data: DataSet, flavour: str = "") -> None:
    """Write <stem>.json beside each picture."""
    for picture in data.pictures:
        width, height = picture.size or (0, 0)
        shapes = [_shape(box) for box in picture.boxes]
        value: dict[str, object] = {
            "version": "5.4.1", "flags": {}, "shapes": shapes, "imagePath": picture.name, "imageData": None,
            "imageHeight": height, "imageWidth": width,
        }  # fmt: skip
        write_json(folder / place(picture) / f"{split_ending(picture.name)[0]}.json", value)


def _shape(box: Box) -> dict[str, object]:
    return {
        "label": box.label,
        "points": [[plain(box.left), plain(box.top)], [plain(box.right), plain(box.bottom)]],
        "group_id": None,
        "description": "",
        "shape_type": "rectangle",
        "flags": dict.fromkeys(sorted(box.marks), True),
    }
