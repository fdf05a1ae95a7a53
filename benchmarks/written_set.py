"""A data set of any layout written anew in the tutorial's, by links to its pictures: to split it for a measurement."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fastRCNN.datasets.imdb import Dataset
from helpers.annotations import write_annotation


@dataclass(frozen=True, eq=False)
class Shown:
    """A picture with what it shows: boxes (G, 4), a label for each; boxes that count neither way are EXCLUDE."""

    path: Path
    boxes: NDArray
    labels: tuple[str, ...]


def shown_of(dataset: Dataset) -> list[Shown]:
    """Return the pictures of `dataset`, in order."""
    found = []
    for record in dataset:
        labels = [dataset.classes[number] for number in record.gt_classes] + ["EXCLUDE"] * len(record.ignored_boxes)
        boxes = np.concatenate([record.gt_boxes, record.ignored_boxes.boxes])
        found.append(Shown(record.path, np.rint(boxes).astype(np.int64), tuple(labels)))
    return found


def write_set(folder: Path, train: Iterable[Shown], test: Iterable[Shown]) -> None:
    """Write `folder`, which must not be there: positive, negative (pictures without objects) and testImages."""
    for name in ("positive", "negative", "testImages"):
        (folder / name).mkdir(parents=True)
    for part, pictures in (("positive", train), ("testImages", test)):
        for picture in pictures:
            empty = part == "positive" and not picture.labels
            link = folder / ("negative" if empty else part) / picture.path.name
            link.symlink_to(picture.path.resolve())
            if not empty:
                write_annotation(link, picture.boxes, picture.labels)


def fold_of(pictures: Sequence[Shown], fold: int, folds: int) -> tuple[list[Shown], list[Shown]]:
    """Return what is learnt from and what is left out: every `folds`-th picture, from number `fold` on."""
    return [p for i, p in enumerate(pictures) if i % folds != fold], list(pictures[fold::folds])
