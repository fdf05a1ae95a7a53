"""Pascal VOC's layout, read in place: JPEGImages/, Annotations/ with an XML file for each picture, ImageSets/Main/.

A folder holds one such set, or several years as the devkit's archives unpack (VOC2007/, VOC2012/). Which pictures are
"train" and "test" is said by names of lists: "trainval", or with the year "2007_trainval+2012_trainval".

Coordinates are 1-based and inclusive there; here they start at 0. Objects marked `difficult` become ignored boxes of
their class, as py-faster-rcnn and the devkit's evaluation treat them: nothing to learn, nothing to find. Missing tags
(`difficult`, `truncated`, `pose`) mean "no". Letters in shapes: G objects of a picture.

Everingham et al.: The Pascal Visual Object Classes Challenge, IJCV 2010.
"""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np

from fastRCNN.boxes.ignored import IgnoredBoxes
from fastRCNN.datasets.class_names import UNKNOWN_ADVICE, unknown_labels, with_background
from fastRCNN.datasets.imdb import Dataset, ImageRecord
from fastRCNN.datasets.picture_check import PictureCheck
from fastRCNN.datasets.record_table import RecordTable
from helpers.errors import UserError, raise_collected
from helpers.xml_files import Element, read_xml

_YEAR = re.compile(r"VOC(\d{4})")
_LIST = re.compile(r"(\d{4})_(.+)")
_FLAG = re.compile(r"\s+-?[01]$")  # lists of one class say behind each picture whether it shows the class
_SLACK = 1.0  # pixels that a box may leave its picture by: tools that count from 0, or rounded up, are that far off
_OBJECTS = "objects, 1"  # what is remembered of an annotation; another number when it is read differently
_DEFAULT_LISTS = {"train": ("trainval", "train"), "test": ("test", "val")}  # the first that is there


@dataclass(frozen=True)
class _Picture:
    """One entry of a list: its set's folder, and its name without extension."""

    folder: Path
    name: str

    @property
    def key(self) -> str:
        return f"{self.folder.name}/{self.name}"

    @property
    def annotation(self) -> Path:
        return self.folder / "Annotations" / f"{self.name}.xml"


@dataclass(frozen=True)
class _Object:
    label: str
    box: tuple[float, float, float, float]  # x1 y1 x2 y2, 0-based
    difficult: bool


def recognises(folder: Path) -> bool:
    """Return whether `folder` is laid out like this."""
    return _is_set(folder) or bool(_years(folder))


def read(
    folder: Path,
    image_set: str,
    classes: Sequence[str] = (),
    lists: Mapping[str, str] | None = None,
    checked: PictureCheck | None = None,
) -> Dataset:
    """Return the pictures of `image_set` ("train" or "test") in the order of its lists.

    lists: names like "trainval" or "2007_trainval+2012_trainval" by image set; for a missing one trainval (else train)
    and test (else val) of the only year there is. Without `classes` these are the labels of the training pictures,
    sorted. checked: tells the sizes of pictures, and remembers what annotations say. Raises `UserError` that collects
    every fault of lists and annotations.
    """
    if not classes and image_set != "train":
        classes = read(folder, "train", lists=lists, checked=checked).classes[1:]
    wanted, checked = (lists or {}).get(image_set, ""), checked or PictureCheck()
    pictures = [entry for path in lists_of(folder, image_set, wanted) for entry in _read_list(path)]
    objects: list[list[_Object]] = []
    faults: list[str] = []
    for picture in pictures:
        found, wrong = checked.facts.recall(picture.annotation, _OBJECTS, _read_annotation)
        objects.append([_Object(*each) for each in found])
        faults += wrong
    raise_collected(faults, f"{len(faults)} fault(s) in the annotations:")
    names = classes or sorted({each.label for of_picture in objects for each in of_picture})
    if not names:
        raise UserError(f"{folder}: no annotated object in its {image_set} pictures ({wanted or 'the lists found'})")
    records = _records(pictures, objects, with_background(names), checked)
    return RecordTable(image_set, with_background(names), records)


def _is_set(folder: Path) -> bool:
    return (folder / "JPEGImages").is_dir() and (folder / "Annotations").is_dir()


def sets_of(folder: Path) -> dict[str, Path]:
    """Return the sets in `folder` by year; of a folder that is a set itself, that by ""."""
    return {"": folder} if _is_set(folder) else _years(folder)


def names_in_list(folder: Path, name: str) -> list[str]:
    """Return the names of the pictures in list `name` of the set in `folder`, in its order."""
    return [picture.name for picture in _read_list(_list_file(folder, [name]))]


def _years(folder: Path) -> dict[str, Path]:
    """Return the folders of a devkit by year."""
    if not folder.is_dir():
        return {}
    found = {match[1]: each for each in folder.iterdir() if (match := _YEAR.fullmatch(each.name)) and _is_set(each)}
    return dict(sorted(found.items()))


def lists_of(folder: Path, image_set: str, wanted: str = "") -> list[Path]:
    """Return the files of the lists that `wanted` names: of "" the usual one of `image_set`, "train" or "test"."""
    sets, found = sets_of(folder), []
    for text in wanted.split("+") if wanted else [""]:
        with_year = _LIST.fullmatch(text.strip())
        year, name = with_year.groups() if with_year and "" not in sets else ("", text.strip())
        if not year and len(sets) == 1:
            year = next(iter(sets))
        if year not in sets:
            there = ", ".join(sets) if "" not in sets else "none, it is a single set"
            raise UserError(f"{folder}: list {text!r}: no such year; years there: {there}. Write it like 2007_trainval")
        found.append(_list_file(sets[year], [name] if name else _DEFAULT_LISTS[image_set]))
    return found


def set_folder(list_file: Path) -> Path:
    """Return the folder of the set that a list belongs to."""
    return list_file.parents[2]


def _list_file(folder: Path, names: Sequence[str]) -> Path:
    """Return the first of the lists `names` of the set in `folder` that is there."""
    lists = folder / "ImageSets" / "Main"
    path = next((path for name in names if (path := lists / f"{name}.txt").is_file()), None)
    if path is None:
        there = sorted(each.stem for each in lists.glob("*.txt") if "_" not in each.stem) if lists.is_dir() else []
        raise UserError(
            f"{lists}: no list {' or '.join(f'{name}.txt' for name in names)}; there: {', '.join(there) or 'none'}. "
            "trainSets and testSets in PARAMETERS.py name the lists"
        )
    return path


def _read_list(path: Path) -> list[_Picture]:
    """Return the pictures that a list names."""
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    found = [_FLAG.sub("", line.strip()) for line in lines if line.strip()]
    repeated = [name for name, count in Counter(found).items() if count > 1]
    raise_collected([f"{path}: {name!r} stands in it more than once" for name in repeated], "fault(s) in a list:")
    if not found:
        raise UserError(f"{path}: the list is empty")
    return [_Picture(set_folder(path), name) for name in found]


def _read_annotation(path: Path) -> tuple[list[tuple], list[str]]:
    """Return the objects in an XML file, each as what `_Object` is made of, and what is wrong with it."""
    try:
        root = read_xml(path)
    except UserError as error:
        return [], [str(error)]
    objects, faults = [], []
    for element in root.all("object"):
        try:
            objects.append(astuple(_read_object(element)))
        except ValueError as error:
            faults.append(f"{path}:{element.line}: {error}")
    return objects, faults


def _read_object(element: Element) -> _Object:
    label, bounds = element.text_of("name"), element.first("bndbox")
    if not label:
        raise ValueError("this object has no name")
    if bounds is None:
        raise ValueError(f"{label!r} has no bndbox")
    corners = []
    for side in ("xmin", "ymin", "xmax", "ymax"):
        try:
            corners.append(float(bounds.text_of(side)) - 1)
        except ValueError:
            raise ValueError(f"{label!r}: {side} is {bounds.text_of(side)!r}, expected a number") from None
    if not np.isfinite(corners).all():
        raise ValueError(f"{label!r}: expected finite numbers, found {corners}")
    left, top, right, bottom = corners
    if right < left or bottom < top:
        raise ValueError(f"{label!r}: xmax, ymax lie left of or above xmin, ymin")
    return _Object(label, (left, top, right, bottom), element.text_of("difficult") == "1")


def _records(
    pictures: Sequence[_Picture], objects: Sequence[list[_Object]], classes: Sequence[str], checked: PictureCheck
) -> Iterator[ImageRecord]:
    """Yield the records; `UserError` at the end that collects missing pictures, boxes outside and unknown labels."""
    numbers = {name: number for number, name in enumerate(classes)}
    paths = {folder: _pictures_of(folder) for folder in {picture.folder for picture in pictures}}
    checked.look_at(found for each in pictures if (found := paths[each.folder].get(each.name)))
    faults: list[str] = []
    unknown: dict[str, list[str]] = defaultdict(list)
    for index, (picture, of_picture) in enumerate(zip(pictures, objects, strict=True)):
        path = paths[picture.folder].get(picture.name)
        if path is None:
            faults.append(f"{picture.folder / 'JPEGImages'}: no picture {picture.name}, which a list names")
            continue
        try:
            width, height = checked.size(path)
        except UserError as error:
            faults.append(str(error))
            continue
        for each in of_picture:
            if each.label not in numbers:
                unknown[each.label].append(str(picture.annotation))
        known = [each for each in of_picture if each.label in numbers]
        boxes = np.array([each.box for each in known], np.float64).reshape(-1, 4)
        limits = np.array([width, height, width, height]) - 1.0
        outside = ((boxes < -_SLACK) | (boxes > limits + _SLACK)).any(axis=1)
        faults += [
            f"{picture.annotation}: box {' '.join(f'{side + 1:g}' for side in boxes[row])} is not inside {path.name}, "
            f"{width}x{height} pixels. Was it annotated at another size?"
            for row in np.flatnonzero(outside)
        ]
        boxes = np.clip(boxes, 0, limits)
        labels = np.array([numbers[each.label] for each in known], np.int64)
        hard = np.array([each.difficult for each in known], np.bool_)
        hidden = IgnoredBoxes.of(boxes[hard], labels[hard])
        yield ImageRecord(index, picture.key, path, width, height, boxes[~hard], labels[~hard], hidden)
    faults += unknown_labels(unknown, classes)
    advice = UNKNOWN_ADVICE if unknown else ""
    raise_collected(faults, f"{len(faults)} fault(s) in the pictures and annotations:", advice)


def _pictures_of(folder: Path) -> dict[str, Path]:
    """Return the pictures of a set by their names without extension."""
    pictures = folder / "JPEGImages"
    names = sorted(entry.name for entry in os.scandir(pictures) if not entry.name.startswith("."))
    return {name.rpartition(".")[0] or name: pictures / name for name in names}
