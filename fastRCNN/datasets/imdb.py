"""A data set as a sequence of records, one picture each: path, size, annotated objects.

Other layouts (Pascal VOC, COCO) fit in by yielding the same records. Letters in shapes: G annotated objects.
"""

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from helpers.annotations import DROPPED_LABELS, Annotation, labels_path, read_annotation, read_labels
from helpers.artifacts import IMAGE_SETS, Artifacts
from helpers.errors import UserError, raise_collected
from helpers.images import find_images, image_size

BACKGROUND = "__background__"


@dataclass(frozen=True)
class ImageRecord:
    """One picture: `gt_boxes` (G, 4) int32 inclusive pixels, `gt_classes` (G,) int64 from 1 on; size in pixels.

    `index` is its number within the image set, the one in all files of steps 2 and 3. Boxes labelled EXCLUDE or
    UNDECIDED have been dropped.
    """

    index: int
    path: Path
    width: int
    height: int
    gt_boxes: NDArray[np.int32]
    gt_classes: NDArray[np.int64]


class Imdb(Sequence[ImageRecord]):
    """The pictures of one image set ("train": positive + negative, "test": testImages), in the order of their names.

    `classes` starts with the background; without a given list it is all labels of the training pictures, sorted.
    Reading is done once, when the object is made. Raises `UserError` that collects every fault of the annotations.
    """

    def __init__(self, artifacts: Artifacts, image_set: str, classes: Sequence[str] = ()) -> None:
        artifacts.check_exists()
        self.image_set = image_set
        self.classes: tuple[str, ...] = (BACKGROUND, *(classes or _labels_of_training(artifacts)))
        self.image_paths = [p for folder in IMAGE_SETS[image_set] for p in find_images(artifacts.data / folder)]
        if not self.image_paths:
            folders = " or ".join(f"{folder}/" for folder in IMAGE_SETS[image_set])
            raise UserError(f"{artifacts.data}: no picture (.jpg .jpeg .png .bmp) in {folders}")
        self._records = _read_records(self.image_paths, self.classes)

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index):
        return self._records[index]

    def __iter__(self) -> Iterator[ImageRecord]:
        return iter(self._records)

    def objects_per_class(self) -> dict[str, int]:
        """Return the number of annotated objects of each class, without the background."""
        counts = Counter(int(label) for record in self._records for label in record.gt_classes)
        return {name: counts[number] for number, name in enumerate(self.classes) if number > 0}


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
        known = [label in numbers for label in annotation.labels]
        counted = [label not in DROPPED_LABELS for label in annotation.labels]
        unknown.update(label for label, k, c in zip(annotation.labels, known, counted, strict=True) if c and not k)
        chosen = [number for number, (k, c) in enumerate(zip(known, counted, strict=True)) if k and c]
        gt_classes = np.array([numbers[annotation.labels[number]] for number in chosen], np.int64)
        records.append(ImageRecord(index, path, width, height, annotation.boxes[chosen].reshape(-1, 4), gt_classes))
    faults += [_unknown_label(label, count, classes) for label, count in sorted(unknown.items())]
    raise_collected(faults, f"{len(faults)} fault(s) in the pictures and annotations:")
    return records


def _annotation(path: Path, width: int, height: int) -> Annotation:
    """Return the annotation of a picture; those in negative/ have none."""
    if path.parent.name == "negative":
        return Annotation(np.zeros((0, 4), np.int32), ())
    return read_annotation(path, width, height)


def _unknown_label(label: str, count: int, classes: tuple[str, ...]) -> str:
    near = next((name for name in classes[1:] if name.lower() == label.strip().lower()), None)
    near = near or next(iter(difflib.get_close_matches(label, classes[1:], n=1)), None)
    hint = f"; did you mean {near!r}? (labels are case sensitive)" if near else f" (classes: {', '.join(classes[1:])})"
    return f"label {label!r}, {count} box(es), is not among the classes{hint}"
