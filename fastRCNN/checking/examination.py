"""What is found in a data set beside the census: doubts that take time to find, and numbers worth knowing.

Letters in shapes: O objects of all pictures, C classes with background first.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastRCNN.checking.near_copies import difference_hash, near_copies
from fastRCNN.checking.unlike_objects import Unlike, unlike_objects
from fastRCNN.datasets.census import CONTRADICTION
from fastRCNN.datasets.findings import Finding
from fastRCNN.datasets.imdb import Dataset, ImageRecord
from helpers.images import read_image

_WHOLE = 0.98  # of a picture's area: a box that covers as much is the picture
_MOST_EMBEDDED = 20_000  # objects: their numbers are in memory, 16 kB each
_LIKE = 0.8  # of two labels, by difflib: "squash" and "sqash"

OfPicture = Callable[[NDArray[np.uint8], ImageRecord], NDArray]


@dataclass(frozen=True, eq=False)
class Objects:
    """All objects of a data set, those of each record one behind the other.

    records: of each object, O. boxes: (O, 4) x1 y1 x2 y2. labels: (O,) int64. covered: (O,) best overlap with a ROI,
    NaN where none were computed. unlike: those that fit their class worst, worst first.
    """

    records: Sequence[ImageRecord]
    boxes: NDArray[np.float64]
    labels: NDArray[np.int64]
    covered: NDArray[np.float64]
    unlike: Sequence[Unlike]


def examine(
    datasets: Mapping[str, Dataset], *, overlaps: OfPicture, embed: OfPicture | None = None
) -> tuple[Objects, list[Finding]]:
    """Read every picture of `datasets` once more and return its objects, and findings.

    overlaps: returns the best overlap of each object of a record with a ROI, (G,), or NaN; embed: the network's numbers
    for its objects, (G, D); None leaves label errors alone. They are looked for among the first 20,000 objects.
    """
    hashes, places, covered, embeddings, embedded = [], [], [np.zeros(0)], [], 0
    owners: list[ImageRecord] = []
    for image_set, dataset in datasets.items():
        for record in dataset:
            image = read_image(record.path)
            hashes.append(difference_hash(image))
            places.append((image_set, record.key))
            covered.append(overlaps(image, record))
            owners += [record] * len(record.gt_boxes)
            if embed is not None and len(record.gt_boxes) and embedded < _MOST_EMBEDDED:
                embeddings.append(embed(image, record))
                embedded += len(record.gt_boxes)
    records = [record for dataset in datasets.values() for record in dataset]
    boxes = np.concatenate([np.zeros((0, 4)), *(record.gt_boxes for record in records)])
    labels = np.concatenate([np.zeros(0, np.int64), *(record.gt_classes for record in records)])
    rows = np.concatenate(embeddings) if embeddings else np.zeros((0, 1), np.float32)
    unlike = unlike_objects(rows, labels[: len(rows)])
    objects = Objects(owners, boxes, labels, np.concatenate(covered), unlike)
    findings = [
        *copies(np.array(hashes), places, [len(record.gt_boxes) for record in records]),
        *whole_pictures(objects, datasets["train"].classes),
        *labels_like_others(datasets["train"]),
        *classes_of_one_set(datasets),
        *uncovered(objects, datasets["train"].classes),
        *doubtful_labels(objects, datasets["train"].classes),
    ]
    return objects, findings


def copies(hashes: NDArray[np.uint8], places: Sequence[tuple[str, str]], nr_objects: Sequence[int]) -> list[Finding]:
    """Return pairs of pictures that are nearly the same; `places`: image set and key of each."""
    mixed: list[str] = []
    contrary: list[str] = []
    within: list[str] = []
    for first, second, differing in near_copies(hashes):
        text = f"{places[first][1]} and {places[second][1]} ({differing} of 256 bits differ)"
        if (nr_objects[first] == 0) != (nr_objects[second] == 0):
            contrary.append(f"{text}: {nr_objects[first]} and {nr_objects[second]} object(s)")
        elif places[first][0] == places[second][0]:
            within.append(text)
        if places[first][0] != places[second][0]:
            mixed.append(text)
    return [
        Finding("pair(s) of nearly the same picture, one for training, one for testing", tuple(mixed),
                "What was learnt by heart is found again: put both on the same side."),
        Finding("pair(s) of nearly the same picture, one with objects, one without", tuple(contrary), CONTRADICTION),
        Finding("pair(s) of nearly the same picture", tuple(within), "They teach little; keep the better one."),
    ]  # fmt: skip


def whole_pictures(objects: Objects, classes: Sequence[str]) -> list[Finding]:
    """Return boxes that cover their whole picture."""
    found = []
    for record, box, label in zip(objects.records, objects.boxes, objects.labels, strict=True):
        area = float(np.prod(box[2:] - box[:2] + 1))
        if area >= _WHOLE * record.width * record.height:
            found.append(f"{record.key}: {_numbers(box)} ({classes[label]}), {record.width}x{record.height} pixels")
    return [Finding("box(es) cover their whole picture", tuple(found), "Is the object really everywhere?")]


def labels_like_others(dataset: Dataset) -> list[Finding]:
    """Return labels of few objects that may be typing errors of others with many."""
    counts = dataset.objects_per_class()
    found = []
    for name, count in counts.items():
        near = [other for other in difflib.get_close_matches(name, counts, n=3, cutoff=_LIKE) if other != name]
        found += [f"{name!r} ({count}) and {other!r} ({counts[other]})" for other in near if counts[other] > 4 * count]
    return [Finding("label(s) may be typing errors of others", tuple(found))]


def classes_of_one_set(datasets: Mapping[str, Dataset]) -> list[Finding]:
    """Return classes that are only in training, or only in test pictures."""
    train, test = (datasets[name].objects_per_class() for name in ("train", "test"))
    return [
        Finding("class(es) are in test pictures only: they cannot be learnt",
                tuple(f"{name}: {test[name]}" for name in test if test[name] and not train.get(name))),
        Finding("class(es) have no object in test pictures: their average precision is not defined",
                tuple(name for name in train if train[name] and not test.get(name))),
    ]  # fmt: skip


def uncovered(objects: Objects, classes: Sequence[str], threshold: float = 0.5) -> list[Finding]:
    """Return objects that no ROI covers by `threshold`: they cannot be found."""
    missed = np.flatnonzero(objects.covered < threshold)
    places = tuple(
        f"{objects.records[at].key}: {_numbers(objects.boxes[at])} ({classes[objects.labels[at]]}), best overlap "
        f"{objects.covered[at]:.2f}"
        for at in missed[np.argsort(objects.covered[missed], kind="stable")]
    )
    advice = "B3_cntkAnalyzeInputs.py prints limits of the ROIs that fit your objects; cntk_nrRois sets their number."
    return [Finding(f"object(s) are covered by no ROI (overlap {threshold:g})", places, advice)]


def doubtful_labels(objects: Objects, classes: Sequence[str]) -> list[Finding]:
    """Return objects that look more like another class than like their own, the clearest cases first."""
    places = tuple(
        f"{objects.records[each.number].key}: {_numbers(objects.boxes[each.number])} ({classes[each.label]}) looks "
        f"like {classes[each.resembles]}, {each.other:.2f} against {each.own:.2f}"
        for each in objects.unlike
        if each.looks_wrong
    )
    return [Finding("object(s) look more like another class than like their own", places, "Are the labels right?")]


def recall_per_class(objects: Objects, classes: Sequence[str]) -> dict[str, tuple[int, float, float]]:
    """Return for each class how many objects there are with ROIs computed, and the share covered by 0.5 and by 0.7."""
    known = ~np.isnan(objects.covered)
    result = {}
    for number, name in enumerate(classes[1:], start=1):
        mine = objects.covered[known & (objects.labels == number)]
        if len(mine):
            result[name] = (len(mine), float((mine >= 0.5).mean()), float((mine >= 0.7).mean()))
    return result


def _numbers(box: NDArray) -> str:
    return " ".join(f"{value:g}" for value in box)
