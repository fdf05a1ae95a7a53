"""What is taken for what: the confusion matrix with background.

Rows are true classes, columns predicted ones. The rule, picture by picture: what was found (kept detections above the
decision threshold), best score first, takes the object, of whatever class, that it overlaps most among those not yet
taken, if by more than `overlap_threshold`; one object each. A pair counts in (class of the object, class of the
detection), an object left over in (its class, background), a detection left over in (background, its class). There is
no count for (background, background): it would be every other place in the picture.

Classes compete here: an object that a better-scored detection of another class took counts for that class, although a
detection of its own is on it too. `fastRCNN.evaluation.matching` matches within each class and calls it found.

Letters in shapes: K found, G objects, C classes with background first.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastRCNN.evaluation.detections import Detections
from helpers.boxes import iou_matrix


def assign_objects(found: Detections, gt_boxes: ArrayLike, *, overlap_threshold: float = 0.5) -> NDArray[np.int64]:
    """Return (K,) int64: the number of the object that each of `found` takes, or -1. gt_boxes: (G, 4)."""
    overlaps = iou_matrix(found.boxes, gt_boxes)
    overlaps[overlaps <= overlap_threshold] = 0
    objects = np.full(len(found), -1, dtype=np.int64)
    order = np.argsort(-found.scores, kind="stable")
    for i in order[overlaps[order].any(axis=1)]:  # few: one after the other, because each takes an object away
        best = int(np.argmax(overlaps[i]))
        if overlaps[i, best] > 0:
            objects[i] = best
            overlaps[:, best] = 0
    return objects


def confusion_matrix(
    pictures: Iterable[tuple[Detections, ArrayLike, ArrayLike]], nr_classes: int, *, overlap_threshold: float = 0.5
) -> NDArray[np.int64]:
    """Return the (C, C) int64 counts over `pictures`: what was found (`Detections.select`), gt_boxes, gt_classes."""
    matrix = np.zeros((nr_classes, nr_classes), dtype=np.int64)
    for found, gt_boxes, gt_classes in pictures:
        objects = assign_objects(found, gt_boxes, overlap_threshold=overlap_threshold)
        true_classes = np.asarray(gt_classes, dtype=np.int64)
        hit = objects >= 0
        left_over = np.setdiff1d(np.arange(len(true_classes)), objects)
        rows = np.concatenate([true_classes[objects[hit]], true_classes[left_over], np.zeros((~hit).sum(), int)])
        columns = np.concatenate([found.labels[hit], np.zeros(len(left_over), int), found.labels[~hit]])
        np.add.at(matrix, (rows, columns), 1)
    return matrix


def confused_pairs(matrix: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (K, 3) true class, predicted class and count of what is counted beside the diagonal, most frequent first.

    Equal counts come in the order of the classes.
    """
    rows, columns = np.nonzero(matrix)
    pairs = np.stack([rows, columns, matrix[rows, columns]], axis=1)[rows != columns]
    return pairs[np.argsort(-pairs[:, 2], kind="stable")]


def condensed(matrix: NDArray[np.int64], most: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a matrix that can be drawn, and the numbers (M,) of its classes.

    A matrix of up to `most` classes is returned as it is. Of a larger one stay the background and the classes that are
    confused most often, `most` together; one more row and column sum up all others.
    """
    if len(matrix) <= most:
        return matrix, np.arange(len(matrix))
    wrong = matrix - np.diag(np.diag(matrix))
    confused = wrong.sum(axis=0) + wrong.sum(axis=1)
    confused[0] = confused.max() + 1
    numbers = np.sort(np.argsort(-confused, kind="stable")[:most])
    place = np.full(len(matrix), most)
    place[numbers] = np.arange(most)
    small = np.zeros((most + 1, most + 1), np.int64)
    np.add.at(small, (place[:, None], place[None, :]), matrix)
    return small, numbers
