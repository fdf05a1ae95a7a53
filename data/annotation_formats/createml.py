"""Create ML: a JSON list of pictures with annotations; x, y are the centre of the box, in pixels."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data.annotation_formats.json_files import JsonFile
from data.annotation_formats.log import Log
from data.annotation_formats.output import write_json
from data.annotation_formats.record import NO_LABEL, Box, DataSet, Picture
from data.annotation_formats.sniff import Sniffed
from data.annotation_formats.source import Source, subset_of
from data.annotation_formats.traits import Traits, holding
from data.annotation_formats.values import entries_of, fields_of, mapping, number, optional_text, plain, text
from helpers.errors import UserError

TITLE = "Create ML JSON"
TRAITS = Traits(holding("subsets"))
_IMAGE = ("image", "imagefilename", "filename", "file_name")
_SIDES = ("x", "y", "width", "height")


def recognise(file: Sniffed) -> str:
    """Why a file is this format's, or ""."""
    for entry in file.entries:
        annotations = [fields_of(each) for each in entries_of(_annotations(entry))]
        if _name(entry) and any("coordinates" in each for each in annotations):
            return 'JSON list with "image" and "coordinates"'
    return ""


def _name(entry: Mapping[str, Any]) -> str:
    return next((optional_text(entry[key]) for key in _IMAGE if optional_text(entry.get(key))), "")


def _annotations(entry: Mapping[str, Any]) -> Any:
    return entry.get("annotations", entry.get("annotation"))


def read(source: Source, log: Log, flavour: str = "") -> DataSet:
    """Read all Create ML files below the source."""
    data = DataSet()
    for path in source.with_ending(".json"):
        file = JsonFile(path)
        if not recognise(Sniffed(path, file.value)):
            log.headline(f"{source.relative(path)}: no Create ML list, not read")
            continue
        relative = _are_fractions(file.value)
        if relative:
            log.headline(f"{path.name}: all coordinates are at most 1, taken as fractions of the picture")
        for index, entry in enumerate(file.value):
            with log.part(f"picture {index}", file.place(index)):
                name = text(_name(mapping(entry, "entry")), "image")
                boxes = []
                for count, annotation in enumerate(entries_of(_annotations(entry))):
                    key = "annotations" if "annotations" in entry else "annotation"
                    with log.part(name, file.place(index, key, count)):
                        box = _read_box(mapping(annotation, "annotation"), relative, name, log)
                        boxes += [box] if box else []
                data.pictures.append(Picture(name, tuple(boxes), None, subset_of(source.relative(path)), beside=path))
    if not data.pictures and not log.faults:
        raise UserError(f"{source.root}: no Create ML list in it")
    return data


def _are_fractions(entries: Any) -> bool:
    boxes = [
        fields_of(fields_of(each).get("coordinates"))
        for entry in entries
        for each in entries_of(_annotations(fields_of(entry)))
    ]
    values = [box.get(side) for box in boxes for side in _SIDES]
    return bool(values) and all(isinstance(value, int | float) and abs(value) <= 1 for value in values)


def _read_box(annotation: Mapping[str, Any], relative: bool, name: str, log: Log) -> Box | None:
    coordinates = mapping(annotation.get("coordinates"), "coordinates")
    x, y, width, height = (number(coordinates.get(side), side) for side in _SIDES)
    if width == 0 or height == 0:
        log.remark("box without area left out", name)
        return None
    width, height = abs(width), abs(height)
    label = optional_text(annotation.get("label"))
    if not label.strip():
        log.remark("box without a label, called UNDECIDED", name)
    edges = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    return Box(label if label.strip() else NO_LABEL, *edges, relative=relative)


def place(picture: Picture) -> str:
    """Where the picture goes: beside its JSON file."""
    return picture.subset or "train"


def write(folder: Path, data: DataSet, flavour: str = "") -> None:
    """Write <image set>/_annotations.createml.json."""
    sets: dict[str, list[object]] = defaultdict(list)
    for picture in data.pictures:
        annotations = []
        for box in picture.boxes:
            width, height = box.right - box.left, box.bottom - box.top
            values = (box.left + width / 2, box.top + height / 2, width, height)
            coordinates = {side: plain(value) for side, value in zip(_SIDES, values, strict=True)}
            annotations.append({"label": box.label, "coordinates": coordinates})
        sets[place(picture)].append({"image": picture.name, "annotations": annotations})
    for subset, entries in sets.items():
        write_json(folder / subset / "_annotations.createml.json", entries)
