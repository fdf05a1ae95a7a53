"""The tutorial's layout: data/<name>/positive, negative and testImages, each picture with two text files beside it.

"train" is positive + negative, "test" is testImages, each in the order of the names. Letters in shapes: G annotated
boxes of a picture, M those of all.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fastRCNN.boxes.ignored import IgnoredBoxes
from fastRCNN.datasets.box_conventions import recognise
from fastRCNN.datasets.class_names import UNKNOWN_ADVICE, fault_of_name, shortened, unknown_labels, with_background
from fastRCNN.datasets.findings import Finding, raise_faults
from fastRCNN.datasets.findings import left_out as left_out_of
from fastRCNN.datasets.imdb import BACKGROUND, Dataset, ImageRecord
from fastRCNN.datasets.picture_check import PictureCheck
from fastRCNN.datasets.record_table import RecordTable
from helpers.annotations import (
    DROPPED_LABELS,
    boxes_path,
    fitted_boxes,
    labels_path,
    read_coordinates_and_labels,
    read_labels,
)  # fmt: skip
from helpers.artifacts import IMAGE_SETS, Artifacts
from helpers.errors import UserError
from helpers.image_files import EXTENSIONS, find_images, printable

_UNFIT = "box(es) do not fit their picture"
_UNFIT_ADVICE = "Was it annotated at another size or orientation? The tutorial's boxes are x1 y1 x2 y2 in pixels."
_UNKNOWN = "label(s) are not among the classes"
_BACKGROUND_USED = f"object(s) are labelled {BACKGROUND}, which is the name of class 0, where nothing is"
_BACKGROUND_ADVICE = "Give them another label, or delete their lines."
_ODD_ADVICE = "Give them another name. (Or are boxes in the file of the labels, and labels in that of the boxes?)"
_CUT = "box(es) reach one pixel beyond their picture (x2 = width, as other tools write it) and are cut"


@dataclass(frozen=True)
class _Annotated:
    """A picture with its annotation as it stands in the files: coordinates (G, 4)."""

    path: Path
    width: int
    height: int
    coordinates: NDArray[np.float64]
    labels: list[str]


def recognises(folder: Path) -> bool:
    """Return whether `folder` is laid out like this."""
    return (folder / "positive").is_dir()


def key_of(path: Path) -> str:
    """Return the key of the picture at `path`: its folder and its name without extension."""
    return f"{path.parent.name}/{path.stem}"


def read(
    artifacts: Artifacts, image_set: str, classes: Sequence[str] = (), pictures: PictureCheck | None = None
) -> Dataset:
    """Return the pictures of `image_set`; without `classes` these are all labels of the training pictures, sorted.

    Raises `UserError` that collects every fault of pictures and annotations.
    """
    artifacts.check_exists()
    found, all_read = (classes, True) if classes else _labels_of_training(artifacts)
    usable = [name for name in found if name != BACKGROUND and not fault_of_name(name)]
    names = with_background(classes or usable)
    paths = [path for folder in IMAGE_SETS[image_set] for path in find_images(artifacts.data / folder)]
    if not paths:
        folders = " or ".join(f"{folder}/" for folder in IMAGE_SETS[image_set])
        raise UserError(f"{artifacts.data}: no picture ({' '.join(EXTENSIONS)}) in {folders}")
    pictures = pictures or PictureCheck()
    annotated, damaged, faults = _read_files(paths, pictures)
    if damaged and not pictures.skip:
        faults.append(Finding("picture(s) cannot be used", tuple(damaged)))
    faults += _boxes_that_do_not_fit(annotated)
    unknown: dict[str, list[str]] = defaultdict(list)
    odd: list[str] = []
    for each in annotated:
        for row, label in enumerate(each.labels, start=1):
            if fault := fault_of_name(label):
                odd.append(f"{printable(labels_path(each.path))}:{row}: {shortened(label)}: {fault}")
            elif label not in (*names[1:], *DROPPED_LABELS):
                unknown[label].append(f"{printable(labels_path(each.path))}:{row}")
    faults.append(Finding("label(s) cannot be the name of a class", tuple(odd), _ODD_ADVICE))
    faults.append(Finding(_BACKGROUND_USED, tuple(unknown.pop(BACKGROUND, ())), _BACKGROUND_ADVICE))
    if all_read:  # else nobody knows the classes yet
        faults.append(Finding(_UNKNOWN, tuple(unknown_labels(unknown, names)), UNKNOWN_ADVICE))
    raise_faults(faults)
    if not found:
        raise UserError(
            f"{artifacts.data / 'positive'}: no annotated object found. Annotate pictures first, or set classes"
        )
    findings = [*_beyond_by_a_pixel(annotated), left_out_of(damaged)]
    return RecordTable(image_set, names, _records(annotated, names), findings)


def _labels_of_training(artifacts: Artifacts) -> tuple[list[str], bool]:
    """Return all labels of the training pictures, sorted, and whether all files could be read."""
    files = [labels_path(picture) for picture in find_images(artifacts.data / "positive")]
    found: set[str] = set()
    all_read = True
    for file in files:
        try:
            found.update(read_labels(file) if file.is_file() else ())
        except UserError:  # said with the other faults of its picture
            all_read = False
    return sorted(found - set(DROPPED_LABELS)), all_read


def _read_files(paths: Sequence[Path], pictures: PictureCheck) -> tuple[list[_Annotated], list[str], list[Finding]]:
    """Return what can be read, what is wrong with damaged pictures, and the faults of annotations."""
    pictures.look_at(paths)
    annotated: list[_Annotated] = []
    damaged, wrong = [], []
    for path in paths:
        try:
            size = pictures.inspect(path)
        except UserError as error:
            damaged.append(str(error))
            continue
        try:
            annotated.append(_Annotated(path, size.width, size.height, *_annotation(path)))
        except UserError as error:
            wrong.append(str(error))
    return annotated, damaged, [Finding("annotation(s) cannot be used", tuple(wrong))]


def _annotation(path: Path) -> tuple[NDArray[np.float64], list[str]]:
    """Return the annotation of a picture; those in negative/ have none."""
    return (np.zeros((0, 4)), []) if path.parent.name == "negative" else read_coordinates_and_labels(path)


def _boxes_that_do_not_fit(annotated: Sequence[_Annotated]) -> list[Finding]:
    """Return what is wrong with the boxes; where all of them follow another convention, one finding that names it."""
    coordinates = np.concatenate([np.zeros((0, 4)), *(each.coordinates for each in annotated)])
    sizes = np.repeat(
        np.array([(each.width, each.height) for each in annotated], np.int64).reshape(-1, 2),
        [len(each.labels) for each in annotated], axis=0,
    )  # fmt: skip
    if convention := recognise(coordinates, sizes):
        places = [
            f"{boxes_path(each.path)}:{row + 1}: {_shown(each, row)}"
            for each in annotated
            for row in range(len(each.labels))
        ]
        return [
            Finding(
                f"box(es), all there are, look like {convention}",
                tuple(places),
                "The tutorial's boxes are x1 y1 x2 y2 in pixels of the upright picture: convert them.",
            )
        ]
    unfit = [
        f"{boxes_path(each.path)}:{row + 1}: {fault} ({each.labels[row]}), {each.path.name} has "
        f"{each.width}x{each.height} pixels"
        for each in annotated
        for row, fault in fitted_boxes(each.coordinates, each.width, each.height)[1].items()
    ]
    return [Finding(_UNFIT, tuple(unfit), _UNFIT_ADVICE)]


def _shown(each: _Annotated, row: int) -> str:
    return f"{' '.join(f'{value:g}' for value in each.coordinates[row].tolist())} ({each.labels[row]})"


def _beyond_by_a_pixel(annotated: Iterable[_Annotated]) -> list[Finding]:
    """Return the boxes that are cut by up to a pixel."""
    places = []
    for each in annotated:
        limits = np.array([each.width, each.height] * 2) - 1
        rounded = np.rint(each.coordinates)
        cut = ((rounded < 0) | (rounded > limits)).any(axis=1)
        places += [
            f"{boxes_path(each.path)}:{row + 1}: {_shown(each, row)}, {each.width}x{each.height} pixels"
            for row in np.flatnonzero(cut).tolist()
        ]
    return [Finding(_CUT, tuple(places))]


def _records(annotated: Iterable[_Annotated], classes: Sequence[str]) -> Iterator[ImageRecord]:
    numbers = {name: number for number, name in enumerate(classes)}
    for index, each in enumerate(annotated):
        boxes = fitted_boxes(each.coordinates, each.width, each.height)[0].astype(np.float64)
        ignored = np.array([label in DROPPED_LABELS for label in each.labels], np.bool_)
        gt_classes = [numbers[label] for label in each.labels if label not in DROPPED_LABELS]
        yield ImageRecord(
            index, key_of(each.path), each.path, each.width, each.height, boxes[~ignored],
            np.array(gt_classes, np.int64), IgnoredBoxes.of(boxes[ignored]),
        )  # fmt: skip


def left_out(artifacts: Artifacts) -> list[Finding]:
    """Return what lies in the folders and is not used: sub-folders, other picture formats, annotations of nothing."""
    folders: list[str] = []
    formats: list[str] = []
    orphans: list[str] = []
    negatives: list[str] = []
    for folder in (artifacts.data / name for of_set in IMAGE_SETS.values() for name in of_set):
        stems = {path.stem for path in find_images(folder)}
        for path in sorted(folder.iterdir()):
            if path.name.startswith("."):
                continue
            if path.is_dir():
                inside = sum(1 for each in path.rglob("*") if each.suffix.lower() in (*EXTENSIONS, *_OTHER_FORMATS))
                folders += [f"{printable(path)}: {inside} picture(s)"] if inside else []
            elif path.suffix.lower() in _OTHER_FORMATS:
                formats.append(printable(path))
            elif (stem := _annotated_stem(path.name)) is not None and stem not in stems:
                orphans.append(printable(path))
            elif folder.name == "negative" and path.name.endswith(".bboxes.tsv") and path.stat().st_size:
                negatives.append(printable(path))
    return [
        Finding("folder(s) of pictures are not looked into", tuple(folders),
                "Pictures lie in positive/, negative/ and testImages/ themselves, not in folders below."),
        Finding("picture(s) of other formats are not used", tuple(formats), f"Save them as {' '.join(EXTENSIONS)}."),
        Finding("annotation file(s) have no picture beside them", tuple(orphans),
                "a.bboxes.tsv belongs to a.jpg: was the picture renamed, or VoTT 2's a.jpg.bboxes.tsv not?"),
        Finding("picture(s) in negative/ have annotated boxes, which are not used: their objects become background",
                tuple(negatives), "Move them to positive/, or delete these files."),
    ]  # fmt: skip


_OTHER_FORMATS = (".gif", ".heic", ".heif", ".avif", ".jp2", ".jxl", ".raw", ".dng", ".cr2", ".nef", ".arw", ".svg")


def _annotated_stem(name: str) -> str | None:
    """Return the stem of the picture that an annotation file belongs to; None for other files."""
    for ending in (".bboxes.labels.tsv", ".bboxes.tsv"):
        if name.endswith(ending):
            return name.removesuffix(ending)
    return None
