"""Azure Custom Vision: the answers of GetTaggedImages, and the lists from which pictures are uploaded.

left, top, width, height are fractions of the picture.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from data.annotation_formats.json_files import JsonFile
from data.annotation_formats.log import Log
from data.annotation_formats.output import write_json
from data.annotation_formats.record import NO_LABEL, Box, DataSet, Picture
from data.annotation_formats.sniff import Sniffed
from data.annotation_formats.source import Source, base_name, subset_of
from data.annotation_formats.traits import FRACTIONS, Traits
from data.annotation_formats.values import (
    entries_of,
    fields_of,
    key_of,
    mapping,
    number,
    optional_text,
    plain,
    size_of,
    text,
)
from helpers.errors import UserError

TITLE = "Custom Vision JSON"
TRAITS = Traits(units=FRACTIONS, inside=True)
_NAMES = ("filename", "fileName", "file_name", "name", "originalImageFileName")
_ADDRESSES = ("originalImageUri", "imageUri", "url", "resizedImageUri")
_SIDES = ("left", "top", "width", "height")


def recognise(file: Sniffed) -> str:
    """Why a file is this format's, or ""."""
    for entry in _entries(file.json)[:1000]:
        marked = [fields_of(each) for key in ("regions", "tags") for each in entries_of(fields_of(entry).get(key))]
        if any("left" in each and "top" in each for each in marked) or any(
            {"tagId", "tagName"} <= each.keys() for each in marked
        ):
            return "JSON of pictures with tags or regions"
    return ""


def _entries(value: object) -> list[Any]:
    if isinstance(value, list):
        return value
    root = fields_of(value)
    return next((list(root[key]) for key in ("files", "images", "value") if isinstance(root.get(key), list)), [])


def read(source: Source, log: Log, flavour: str = "") -> DataSet:
    """Read all Custom Vision lists below the source."""
    data = DataSet()
    for path in source.with_ending(".json"):
        file = JsonFile(path)
        if not recognise(Sniffed(path, file.value)):
            log.headline(f"{source.relative(path)}: no Custom Vision list, not read")
            continue
        root = fields_of(file.value)
        tags = {
            key_of(fields_of(tag).get("id")): optional_text(fields_of(tag).get("name"))
            for tag in entries_of(root.get("tags"))
        }
        key = next((key for key in ("files", "images", "value") if isinstance(root.get(key), list)), None)
        for index, entry in enumerate(_entries(file.value)):
            with log.part(f"picture {index}", file.place(*([key] if key else []), index)):
                picture = _read_entry(mapping(entry, "entry"), tags, file, log)
                data.pictures.append(replace(picture, subset=subset_of(source.relative(path))))
    if not data.pictures and not log.faults:
        raise UserError(f"{source.root}: no Custom Vision list in it")
    return data


def _read_entry(entry: Mapping[str, Any], tags: dict[str, str], file: JsonFile, log: Log) -> Picture:
    names = [optional_text(entry[key]) for key in _NAMES if optional_text(entry.get(key))]
    metadata = fields_of(entry.get("metadata"))
    names += [optional_text(metadata[key]) for key in _NAMES if optional_text(metadata.get(key))]
    names += [optional_text(entry.get("id"))] if entry.get("id") else []
    addresses = [base_name(optional_text(entry[key])) for key in _ADDRESSES if optional_text(entry.get(key))]
    name = text(next(iter([*names, *addresses]), ""), "filename")
    boxes: list[Box] = []
    whole = 0
    for key in ("regions", "tags"):
        for region in entries_of(entry.get(key)):
            region = fields_of(region)
            if not {"left", "top"} & region.keys():
                whole += key == "tags"
                continue
            left, top, width, height = (number(region.get(side), side) for side in _SIDES)
            if width == 0 or height == 0:
                log.remark("box without area left out", name)
                continue
            label = optional_text(region.get("tagName") or region.get("tag")) or tags.get(
                key_of(region.get("tagId")), ""
            )
            if not label.strip():
                log.remark("box without a label, called UNDECIDED", name)
            edges = (min(left, left + width), min(top, top + height), max(left, left + width), max(top, top + height))
            boxes.append(Box(label if label.strip() else NO_LABEL, *edges, relative=True))
    if not boxes:  # with regions, GetTaggedImages repeats their tags for the whole picture
        log.remark("tag of a whole picture left out", name, whole)
    size = size_of(entry.get("width"), entry.get("height"))
    return Picture(name, tuple(boxes), size, "", (*names[1:], *addresses), file.path)


def place(picture: Picture) -> str:
    """Where the picture goes."""
    return "images"


def write(folder: Path, data: DataSet, flavour: str = "") -> None:
    """Write tagged-images.json, the list that Custom Vision's samples upload."""
    files = []
    for picture in data.pictures:
        tags = []
        for box in picture.boxes:
            width, height = (1, 1) if box.relative else picture.size or (1, 1)
            values = (
                box.left / width,
                box.top / height,
                (box.right - box.left) / width,
                (box.bottom - box.top) / height,
            )
            tags.append(
                {"tag": box.label} | {side: plain(value, 10) for side, value in zip(_SIDES, values, strict=True)}
            )
        size = {"width": picture.size[0], "height": picture.size[1]} if picture.size else {}
        files.append({"filename": picture.name, **size, "tags": tags})
    write_json(folder / "tagged-images.json", {"files": files})
