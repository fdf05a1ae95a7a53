"""A data set in a few flat arrays, from which records are made when they are asked for.

Every layout reads into this. Letters in shapes: P pictures, M boxes of all pictures, G and I those of one.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fastRCNN.boxes.ignored import IgnoredBoxes
from fastRCNN.datasets.findings import Finding
from fastRCNN.datasets.imdb import Dataset, ImageRecord
from helpers.errors import raise_collected


class RecordTable:
    """A `fastRCNN.datasets.imdb.Dataset`: 80 bytes for each box, and the names of the pictures."""

    def __init__(
        self,
        image_set: str,
        classes: Sequence[str],
        records: Iterable[ImageRecord],
        findings: Iterable[Finding] = (),
    ) -> None:
        """Take over `records`, in order; `classes` starts with the background. findings: what reading them told.
        `UserError` where two have one key, by which their files are named."""
        self.image_set = image_set
        self.classes = tuple(classes)
        self.findings = tuple(findings)
        self.keys: list[str] = []
        self.image_paths: list[Path] = []
        sizes: list[tuple[int, int]] = []
        truth, hidden = _Boxes(), _Boxes()
        for record in records:
            self.keys.append(record.key)
            self.image_paths.append(record.path)
            sizes.append((record.width, record.height))
            truth.add(record.gt_boxes, record.gt_classes, np.zeros(len(record.gt_boxes), np.bool_))
            hidden.add(record.ignored_boxes.boxes, record.ignored_boxes.classes, record.ignored_boxes.is_crowd)
        repeated = [key for key, count in Counter(self.keys).items() if count > 1]
        raise_collected(
            repeated, f"{len(repeated)} name(s) of {image_set} pictures stand for more than one:",
            "A list names them twice, or only the endings of the files differ. Each picture needs a name of its own.",
        )  # fmt: skip
        self._sizes = np.array(sizes, np.int64).reshape(-1, 2)
        self._objects, self._ignored = truth.joined(), hidden.joined()

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, index: int) -> ImageRecord:
        index = range(len(self))[index]  # negative numbers count from the end; IndexError beyond it
        boxes, classes, _ = self._objects.of(index)
        width, height = self._sizes[index].tolist()
        ignored = IgnoredBoxes(*self._ignored.of(index))
        return ImageRecord(index, self.keys[index], self.image_paths[index], width, height, boxes, classes, ignored)

    def __iter__(self) -> Iterator[ImageRecord]:
        return map(self.__getitem__, range(len(self)))

    def annotation_digest(self, index: int) -> str:
        """Return 16 hexadecimal digits of the size, the objects and the ignored boxes of picture `index`.

        Classes count by their names: in another order an annotation is the same.
        """
        digest = hashlib.blake2b(self._sizes[index].tobytes(), digest_size=8)
        for boxes, classes, flags in (self._objects.of(index), self._ignored.of(index)):
            names = "\n".join(self.classes[number] for number in classes.tolist()).encode()
            for part in (boxes.tobytes(), names, flags.tobytes()):
                digest.update(len(part).to_bytes(8, "little") + part)
        return digest.hexdigest()

    def objects_per_class(self) -> dict[str, int]:
        """Return the number of annotated objects of each class, without the background."""
        counts = np.bincount(self._objects.classes, minlength=len(self.classes))
        return {name: int(counts[number]) for number, name in enumerate(self.classes) if number > 0}


def some_records(dataset: Dataset, places: Iterable[int]) -> RecordTable:
    """Return the pictures of `dataset` at these `places`, numbered anew; its classes stay."""
    records = (replace(dataset[place], index=number) for number, place in enumerate(places))
    return RecordTable(dataset.image_set, dataset.classes, records)


class _Boxes:
    """The boxes of all pictures one behind the other: (M, 4), their classes (M,), flags (M,), where each starts."""

    def __init__(self) -> None:
        self._parts: list[tuple[NDArray, NDArray, NDArray]] = []
        self.boxes = np.zeros((0, 4))
        self.classes = np.zeros(0, np.int64)
        self.flags = np.zeros(0, np.bool_)
        self.starts = np.zeros(1, np.int64)

    def add(self, boxes: NDArray, classes: NDArray, flags: NDArray) -> None:
        self._parts.append((boxes, classes, flags))

    def joined(self) -> "_Boxes":
        """Lay what was added into one array each, in place."""
        self.starts = np.cumsum([0, *(len(classes) for _, classes, _ in self._parts)])
        columns = (self.boxes, self.classes, self.flags)
        self.boxes, self.classes, self.flags = (
            np.concatenate([empty, *parts]).astype(empty.dtype)
            for empty, parts in zip(columns, zip(*self._parts, strict=True) if self._parts else [[]] * 3, strict=True)
        )
        for column in (self.boxes, self.classes, self.flags):
            column.setflags(write=False)  # records are views of them
        self._parts = []
        return self

    def of(self, index: int) -> tuple[NDArray, NDArray, NDArray]:
        chosen = slice(self.starts[index], self.starts[index + 1])
        return self.boxes[chosen], self.classes[chosen], self.flags[chosen]
