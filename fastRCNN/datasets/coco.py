"""COCO's layout, read in place: annotations/instances_<list>.json, and the pictures of a list in a folder beside it.

The pictures of list "train2017" are looked for in train2017/, images/train2017/, images/ and the folder itself, and a
Roboflow export (train/_annotations.coco.json beside its pictures) is such a list as well. The JSON file is read once:
segmentations, the larger part by far, are dropped while it is parsed, and boxes end in flat arrays.

Boxes are x y width height there, in pixels from 0, as edges; here right and bottom are the last pixel that belongs to
the box: x + width - 1. Crowds (`iscrowd`) become ignored boxes of their class. Category ids may have gaps; classes are
numbered in the order of the ids. Lin et al.: Microsoft COCO: Common Objects in Context, 2014.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np

from fastRCNN.boxes.ignored import IgnoredBoxes
from fastRCNN.datasets.class_names import UNKNOWN_ADVICE, unknown_labels, with_background
from fastRCNN.datasets.imdb import Dataset, ImageRecord
from fastRCNN.datasets.record_table import RecordTable
from helpers.errors import UserError, raise_collected
from helpers.images import image_size

_SLACK = 1.0  # pixels that a box may leave its picture by, from rounding
_DEFAULT_LISTS = {"train": ("train2017", "train2014", "train"), "test": ("val2017", "val2014", "valid", "val", "test")}


@dataclass
class _Instances:
    """What is kept of a JSON file: lists side by side, one entry for each annotation with a box."""

    categories: dict[int, str] = field(default_factory=dict)
    pictures: dict[int, tuple[str, int, int]] = field(default_factory=dict)  # file name, width, height; 0 if not said
    image_ids: list[int] = field(default_factory=list)
    category_ids: list[int] = field(default_factory=list)
    boxes: list[tuple[float, ...]] = field(default_factory=list)  # x y width height
    crowds: list[bool] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def recognises(folder: Path) -> bool:
    """Return whether `folder` is laid out like this."""
    return bool(_lists_of(folder))


def read(folder: Path, image_set: str, classes: Sequence[str] = (), lists: Mapping[str, str] | None = None) -> Dataset:
    """Return the pictures of `image_set` ("train" or "test") in the order of their file.

    lists: names like "train2017", several with "+", by image set; for a missing one the usual name that is there.
    Without `classes` these are the categories of the file, in the order of their ids. Raises `UserError` that collects
    every fault.
    """
    files = annotation_files(folder, image_set, (lists or {}).get(image_set, ""))
    first = _read_instances(next(iter(files.values())))
    names = with_background(classes or tuple(first.categories[number] for number in sorted(first.categories)))
    return RecordTable(image_set, names, _records_of_all(files, first, names))


def _records_of_all(
    files: Mapping[str, Path], instances: _Instances | None, classes: Sequence[str]
) -> Iterator[ImageRecord]:
    """Yield the records of all `files`; `instances`: what the first of them holds."""
    start = 0
    for name, path in files.items():
        instances = instances or _read_instances(path)
        yield from _records(instances, path, name, classes, start)
        start += len(instances.pictures)
        instances = None


def annotation_files(folder: Path, image_set: str, wanted: str = "") -> dict[str, Path]:
    """Return the JSON files of the lists that `wanted` names, by their names: of "" the usual one of `image_set`."""
    there = _lists_of(folder)
    chosen = wanted.split("+") if wanted else [next((n for n in _DEFAULT_LISTS[image_set] if n in there), "")]
    missing = [name for name in chosen if name not in there]
    if missing:
        raise UserError(
            f"{folder}: no annotations of list {missing[0]!r} for {image_set}; there: {', '.join(sorted(there))}. "
            "trainSets and testSets in PARAMETERS.py name the lists"
        )
    return {name: there[name] for name in chosen}


def read_truth(path: Path) -> dict[str, Any]:
    """Return the content of an annotation file as COCO's own evaluation wants it; outlines are left out."""
    content = json.loads(path.read_bytes(), object_hook=_without_outline)
    return {name: content[name] for name in ("images", "annotations", "categories")}


def _without_outline(entry: dict[str, Any]) -> dict[str, Any]:
    entry.pop("segmentation", None)
    return entry


def _lists_of(folder: Path) -> dict[str, Path]:
    """Return the JSON files of a data set by the names of their lists."""
    found = {path.stem.removeprefix("instances_"): path for path in folder.glob("annotations/instances_*.json")}
    found |= {path.parent.name: path for path in folder.glob("*/_annotations.coco.json")}
    return dict(sorted(found.items()))


def _read_instances(path: Path) -> _Instances:
    """Read a JSON file; what is wrong with single annotations is collected."""
    instances = _Instances()
    try:
        content = json.loads(path.read_bytes(), object_hook=lambda entry: _take(entry, instances, path))
    except json.JSONDecodeError as error:
        raise UserError(f"{path}:{error.lineno}: no JSON from column {error.colno} on: {error.msg}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from None
    if not isinstance(content, dict) or not {"images", "annotations", "categories"} <= content.keys():
        raise UserError(f"{path}: expected COCO's images, annotations and categories in it. Is it a results file?")
    for entry in content["categories"]:  # licences have id and name as well, so not while it is parsed
        try:
            instances.categories[int(entry["id"])] = str(entry["name"])
        except (KeyError, ValueError, TypeError):
            instances.faults.append(f"a category: expected id and name, found {str(entry)[:60]}")
    raise_collected(instances.faults, f"{path}: {len(instances.faults)} fault(s):")
    return instances


def _take(entry: dict[str, Any], instances: _Instances, path: Path) -> Any:
    """Keep what is needed of an object as soon as it is parsed, and let go of the rest."""
    try:
        if "image_id" in entry and "category_id" in entry:
            box = entry.get("bbox")
            if not isinstance(box, list) or len(box) != 4:
                raise ValueError(f"expected a bbox of four numbers, found {str(box)[:60]}")
            numbers = tuple(float(number) for number in box)
            if not all(map(math.isfinite, numbers)) or numbers[2] < 0 or numbers[3] < 0:
                raise ValueError(f"expected x y width height, found {box}")
            instances.image_ids.append(int(entry["image_id"]))
            instances.category_ids.append(int(entry["category_id"]))
            instances.boxes.append(numbers)
            instances.crowds.append(bool(int(entry.get("iscrowd") or 0)))
            return None
        if "file_name" in entry and "id" in entry:
            inside = PureWindowsPath(str(entry["file_name"]))  # knows the separators of all systems
            if inside.anchor or ".." in inside.parts:
                raise ValueError(f"file_name {entry['file_name']!r} leads out of the folder of the pictures")
            size = int(entry.get("width") or 0), int(entry.get("height") or 0)
            instances.pictures[int(entry["id"])] = (str(entry["file_name"]), *size)
            return None
    except (ValueError, TypeError) as error:
        instances.faults.append(f"{entry.get('id', 'an entry')}: {error}")
        return None
    return entry


def _records(instances: _Instances, path: Path, name: str, classes: Sequence[str], first: int) -> Iterator[ImageRecord]:
    """Yield the records of one file, numbered from `first` on; `UserError` at the end that collects all faults."""
    numbers = {label: number for number, label in enumerate(classes)}
    of_category = {number: numbers.get(label, -1) for number, label in instances.categories.items()}
    labels = np.array([of_category.get(number, -2) for number in instances.category_ids], np.int64)
    faults = []
    if (labels == -2).any():
        faults.append(f"{path}: {(labels == -2).sum()} annotation(s) of categories that are not listed in it")
    counts = Counter(instances.categories[instances.category_ids[row]] for row in np.flatnonzero(labels == -1))
    faults += unknown_labels({label: [str(path)] * count for label, count in counts.items()}, classes)
    image_ids = np.array(instances.image_ids, np.int64)
    order = np.argsort(image_ids, kind="stable")
    bounds = np.searchsorted(image_ids[order], np.array(list(instances.pictures), np.int64), side="left")
    ends = np.searchsorted(image_ids[order], np.array(list(instances.pictures), np.int64), side="right")
    boxes = np.array(instances.boxes, np.float64).reshape(-1, 4)
    crowds = np.array(instances.crowds, np.bool_)
    strangers = len(set(instances.image_ids) - instances.pictures.keys())
    if strangers:
        faults.append(f"{path}: annotations of {strangers} picture(s) that are not listed in it")
    folder = _folder_of_pictures(path, name, instances)
    for index, (begin, end, (file, width, height)) in enumerate(
        zip(bounds.tolist(), ends.tolist(), instances.pictures.values(), strict=True), start=first
    ):
        picture = folder / file
        if not (width and height):
            try:
                width, height = image_size(picture)
            except UserError as error:
                faults.append(str(error))
                continue
        rows = order[begin:end]
        rows = rows[labels[rows] > 0]
        corners = boxes[rows]
        corners = np.concatenate([corners[:, :2], corners[:, :2] + np.maximum(corners[:, 2:], 1) - 1], axis=1)
        limits = np.array([width, height, width, height]) - 1.0
        for row in rows[((corners < -_SLACK) | (corners > limits + _SLACK)).any(axis=1)]:
            faults.append(f"{path}: bbox {boxes[row].tolist()} is not inside {file} of {width}x{height} pixels")
        corners = np.clip(corners, 0, limits)
        crowd, classes_of = crowds[rows], labels[rows]
        hidden = IgnoredBoxes.of(corners[crowd], classes_of[crowd], np.ones(int(crowd.sum()), np.bool_))
        key = f"{name}/{Path(file).with_suffix('').as_posix()}"
        yield ImageRecord(index, key, picture, width, height, corners[~crowd], classes_of[~crowd], hidden)
    advice = UNKNOWN_ADVICE if counts else ""
    raise_collected(faults, f"{len(faults)} fault(s) in the pictures and annotations:", advice)


def _folder_of_pictures(path: Path, name: str, instances: _Instances) -> Path:
    """Return the folder that holds the first picture that the file names."""
    root = path.parent if path.name == "_annotations.coco.json" else path.parent.parent
    places = (root / name, root / "images" / name, root / "images", root)
    file = next(iter(instances.pictures.values()), ("", 0, 0))[0]
    for place in places:
        if (place / file).is_file():
            return place
    raise UserError(f"{path}: no picture {file!r} in {', '.join(map(str, places))}")
