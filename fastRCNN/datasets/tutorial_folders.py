"""The tutorial's layout: data/<name>/positive, negative and testImages, each picture with two text files beside it.

"train" is positive + negative, "test" is testImages, each in the order of the names. Letters in shapes: G annotated
boxes.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fastRCNN.boxes.ignored import IgnoredBoxes
from fastRCNN.datasets.class_names import unknown_labels, with_background
from fastRCNN.datasets.imdb import Dataset, ImageRecord
from fastRCNN.datasets.record_table import RecordTable
from helpers.annotations import DROPPED_LABELS, Annotation, labels_path, read_annotation, read_labels
from helpers.artifacts import IMAGE_SETS, Artifacts
from helpers.errors import UserError, raise_collected
from helpers.image_files import EXTENSIONS
from helpers.images import find_images, image_size


def recognises(folder: Path) -> bool:
    """Return whether `folder` is laid out like this."""
    return (folder / "positive").is_dir()


def key_of(path: Path) -> str:
    """Return the key of the picture at `path`: its folder and its name without extension."""
    return f"{path.parent.name}/{path.stem}"


def read(artifacts: Artifacts, image_set: str, classes: Sequence[str] = ()) -> Dataset:
    """Return the pictures of `image_set`; without `classes` these are all labels of the training pictures, sorted.

    Raises `UserError` that collects every fault of the annotations.
    """
    artifacts.check_exists()
    names = with_background(classes or _labels_of_training(artifacts))
    paths = [path for folder in IMAGE_SETS[image_set] for path in find_images(artifacts.data / folder)]
    if not paths:
        folders = " or ".join(f"{folder}/" for folder in IMAGE_SETS[image_set])
        raise UserError(f"{artifacts.data}: no picture ({' '.join(EXTENSIONS)}) in {folders}")
    return RecordTable(image_set, names, _read_records(paths, names))


def _labels_of_training(artifacts: Artifacts) -> list[str]:
    """Return all labels of the training pictures, sorted; `UserError` when there is none."""
    files = [labels_path(picture) for picture in find_images(artifacts.data / "positive")]
    found = {label for file in files if file.is_file() for label in read_labels(file)} - set(DROPPED_LABELS)
    if not found:
        raise UserError(
            f"{artifacts.data / 'positive'}: no annotated object found. Annotate pictures first, or set classes"
        )
    return sorted(found)


def _read_records(paths: Sequence[Path], classes: tuple[str, ...]) -> list[ImageRecord]:
    """Read all records; faults of all pictures are reported together."""
    records: list[ImageRecord] = []
    faults: list[str] = []
    unknown: Counter[str] = Counter()
    numbers = {name: number for number, name in enumerate(classes)}
    for index, path in enumerate(paths):
        try:
            width, height = image_size(path)
            annotation = _annotation(path, width, height)
        except UserError as error:
            faults.append(str(error).replace("\n", "\n  "))
            continue
        boxes, labels = annotation.boxes.astype(np.float64), np.array(annotation.labels, dtype=object)
        ignored = np.isin(labels, DROPPED_LABELS)
        known = np.array([label in numbers for label in annotation.labels], np.bool_) & ~ignored
        unknown.update(labels[~known & ~ignored])
        gt_classes = np.array([numbers[label] for label in labels[known]], np.int64)
        hidden = IgnoredBoxes.of(boxes[ignored])
        records.append(ImageRecord(index, key_of(path), path, width, height, boxes[known], gt_classes, hidden))
    faults += unknown_labels(unknown, classes)
    raise_collected(faults, f"{len(faults)} fault(s) in the pictures and annotations:")
    return records


def _annotation(path: Path, width: int, height: int) -> Annotation:
    """Return the annotation of a picture; those in negative/ have none."""
    if path.parent.name == "negative":
        return Annotation(np.zeros((0, 4), np.int32), ())
    return read_annotation(path, width, height)
