"""Which objects were missed, what was found where nothing is, and why: the first things to look at in a result.

Letters in shapes: N ROIs, K found, G objects, C classes with background first.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fastRCNN.evaluation.average_precision import PictureResult
from fastRCNN.evaluation.confusion import assign_objects
from fastRCNN.evaluation.detections import Detections
from helpers.boxes import iou_matrix


@dataclass(frozen=True)
class Mistake:
    """One missed object or one false alarm; the smaller `rank`, the worse. box: x1 y1 x2 y2 in the picture."""

    path: Path
    box: tuple[int, int, int, int]
    label: int
    title: str
    reason: str
    rank: tuple[float, ...]


def find_mistakes(
    picture: PictureResult, detections: Detections, *, threshold: float | None, overlap_threshold: float = 0.5
) -> tuple[list[Mistake], list[Mistake]]:
    """Return the missed objects and the false alarms of one picture, worst first.

    threshold: the decision threshold that `detections.select` takes. A missed object is one that no detection of its
    class took (`fastRCNN.evaluation.confusion`); the worst had no ROI on it, then come those with the lowest score. A
    false alarm is a detection that took no object of its class; the worst has the highest score.
    """
    found = detections.select(threshold)
    objects = assign_objects(found, picture.gt_boxes, overlap_threshold=overlap_threshold)
    found_overlaps = iou_matrix(found.boxes, picture.gt_boxes)
    roi_overlaps = iou_matrix(picture.boxes, picture.gt_boxes)
    misses = []
    for number, label in enumerate(picture.gt_classes.tolist()):
        taker = np.flatnonzero(objects == number)
        if len(taker) and found.labels[taker[0]] == label:
            continue
        covering = np.flatnonzero(roi_overlaps[:, number] > overlap_threshold)
        if len(covering) == 0:
            best = float(roi_overlaps[:, number].max(initial=0))
            reason, rank = f"no ROI covers it: the best overlap is {best:.2f}", (0.0, best)
        else:
            roi = int(covering[np.argmax(picture.scores[covering, label])])
            reason = _why_missed(picture, detections, found, taker, roi, label, threshold)
            rank = (1.0, float(picture.scores[roi, label]))
        misses.append(_mistake(picture, picture.gt_boxes[number], label, detections.class_names[label], reason, rank))
    alarms = []
    for i, label in enumerate(found.labels.tolist()):
        taken = objects[i]
        if taken >= 0 and picture.gt_classes[taken] == label:
            continue
        reason = _why_alarm(picture, found, found_overlaps[i], int(taken), label, overlap_threshold)
        title = f"{detections.class_names[label]} {found.scores[i]:.2f}"
        alarms.append(_mistake(picture, found.boxes[i], label, title, reason, (-float(found.scores[i]),)))
    return sorted(misses, key=_order), sorted(alarms, key=_order)


def _order(mistake: Mistake) -> tuple:
    return (mistake.rank, mistake.path.name, mistake.box)


def worst(mistakes: list[Mistake], number: int) -> list[Mistake]:
    """Return the `number` worst of the `mistakes` of several pictures."""
    return sorted(mistakes, key=_order)[:number]


def _mistake(
    picture: PictureResult, box: np.ndarray, label: int, title: str, reason: str, rank: tuple[float, ...]
) -> Mistake:
    x1, y1, x2, y2 = (int(value) for value in box)
    return Mistake(picture.path, (x1, y1, x2, y2), label, title, reason, rank)


def _why_missed(
    picture: PictureResult,
    detections: Detections,
    found: Detections,
    taker: np.ndarray,
    roi: int,
    label: int,
    threshold: float | None,
) -> str:
    """Return why an object is missed although a ROI covers it; roi: the covering one with the best score for it."""
    score, decided = float(picture.scores[roi, label]), int(detections.labels[roi])
    if len(taker):
        name = found.class_names[found.labels[taker[0]]]
        return f"taken for {name} ({found.scores[taker[0]]:.2f}); its own best score is {score:.2f}"
    if decided != label:
        return f"its best ROI ({score:.2f}) is decided as {_name(detections.class_names[decided])}"
    if threshold is not None and score < threshold:
        return f"best score {score:.2f} is below the threshold"
    name = detections.class_names[label]
    if not detections.keep[roi]:
        return f"scored {score:.2f}, but suppressed by a better {name} beside it"
    return f"its best ROI ({score:.2f}) went to another {name} beside it"


def _why_alarm(
    picture: PictureResult, found: Detections, overlaps: np.ndarray, taken: int, label: int, overlap_threshold: float
) -> str:
    """Return why a detection is wrong. overlaps: (G,) its IoU with each object; taken: the object it took, or -1."""
    names = found.class_names
    if taken >= 0:
        return f"it is {_name(names[picture.gt_classes[taken]])}"
    if len(overlaps) == 0:
        return "the picture shows no object"
    near = int(np.argmax(overlaps))
    name, overlap = names[picture.gt_classes[near]], float(overlaps[near])
    if overlap > overlap_threshold:
        again = "a second time" if picture.gt_classes[near] == label else "by another class as well"
        return f"{name} found {again}"
    if overlap < 0.1:
        return "nothing is there"
    if picture.gt_classes[near] == label:
        return f"badly placed: it overlaps {name} by {overlap:.2f} only"
    return f"it overlaps {name} by {overlap:.2f}"


def _name(class_name: str) -> str:
    return "background" if class_name == "__background__" else class_name
