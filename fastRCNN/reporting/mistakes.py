"""Which objects were missed, what was found where nothing is, and why: the first things to look at in a result.

Letters in shapes: N ROIs, K found, G objects, C classes with background first.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fastRCNN.evaluation.average_precision import PictureResult
from fastRCNN.evaluation.detections import Detections
from fastRCNN.evaluation.matching import match_detections
from helpers.boxes import iou_matrix

NEAR = 0.1  # overlap from which on a detection is about an object, as in `fastRCNN.evaluation.error_analysis`


@dataclass(frozen=True)
class Mistake:
    """One missed object or one false alarm; the smaller `rank`, the worse. box: x1 y1 x2 y2 in the picture.

    number: of the object in the picture, or of the false alarm among what was found.
    """

    path: Path
    box: tuple[int, int, int, int]
    label: int
    title: str
    reason: str
    rank: tuple[float, ...]
    number: int

    @property
    def uncovered(self) -> bool:
        """Whether it is a missed object that no box covers."""
        return len(self.rank) > 1 and self.rank[0] == 0


def find_mistakes(
    picture: PictureResult,
    detections: Detections,
    *,
    threshold: float | None,
    overlap_threshold: float = 0.5,
    ignored: NDArray[np.bool_] | None = None,
) -> tuple[list[Mistake], list[Mistake]]:
    """Return the missed objects and the false alarms of one picture, worst first.

    threshold: the decision threshold that `detections.select` takes. ignored: (N,), which detections are neither right
    nor wrong. What is right is decided within each class, as for the counts and average precision
    (`fastRCNN.evaluation.matching`). A missed object is one that no detection of its class found; the worst had no box
    on it, then come those with the lowest score. A false alarm is a detection that is not right; the worst has the
    highest score.
    """
    hidden = np.zeros(len(detections), np.bool_) if ignored is None else ignored
    found = dataclasses.replace(detections, keep=detections.keep & ~hidden).select(threshold)
    objects = _objects_found(found, picture, overlap_threshold)
    overlaps = iou_matrix(found.boxes, picture.gt_boxes)
    misses = []
    for number in np.setdiff1d(np.arange(len(picture.gt_classes)), objects).tolist():
        label = int(picture.gt_classes[number])
        others = np.flatnonzero((overlaps[:, number] > overlap_threshold) & (objects < 0) & (found.labels != label))
        reason, rank = _why_missed(
            picture, detections, hidden, number, threshold=threshold, overlap_threshold=overlap_threshold
        )
        if len(others) and rank[0] > 0:
            taker = others[np.argmax(found.scores[others])]
            name = found.class_names[found.labels[taker]]
            reason = f"taken for {name} ({found.scores[taker]:.2f}); its own best score is {rank[1]:.2f}"
        near = np.flatnonzero((overlaps[:, number] >= NEAR) & (objects < 0) & (found.labels == label))
        if len(near):
            better = near[np.argmax(found.scores[near])]
            name, score, overlap = found.class_names[label], found.scores[better], overlaps[better, number]
            reason += f"; {name} {score:.2f} is badly placed on it (overlap {overlap:.2f})"
        misses.append(
            _mistake(picture, picture.gt_boxes[number], label, found.class_names[label], reason, rank, number)
        )
    alarms = []
    missed = ~np.isin(np.arange(len(picture.gt_classes)), objects)
    for i in np.flatnonzero(objects < 0).tolist():
        label, score = int(found.labels[i]), float(found.scores[i])
        reason = _why_alarm(picture, found.class_names, overlaps[i], missed, label, overlap_threshold)
        title = f"{found.class_names[label]} {score:.2f}"
        alarms.append(_mistake(picture, found.boxes[i], label, title, reason, (-score,), i))
    return sorted(misses, key=_order), sorted(alarms, key=_order)


def _objects_found(found: Detections, picture: PictureResult, overlap_threshold: float) -> NDArray[np.int64]:
    """Return (K,): the number of the object that each of `found` is right about, or -1. Classes do not meet."""
    matching = match_detections(
        found.boxes, found.scores, found.labels, picture.gt_boxes, picture.gt_classes,
        overlap_threshold=overlap_threshold,
    )  # fmt: skip
    objects = np.empty(len(found), np.int64)
    objects[matching.order] = matching.matched
    return objects


def _order(mistake: Mistake) -> tuple:
    return (mistake.rank, mistake.path.name, mistake.box)


def worst(mistakes: list[Mistake], number: int) -> list[Mistake]:
    """Return the `number` worst of the `mistakes` of several pictures."""
    return sorted(mistakes, key=_order)[:number]


def _mistake(
    picture: PictureResult, box: NDArray, label: int, title: str, reason: str, rank: tuple[float, ...], number: int
) -> Mistake:
    x1, y1, x2, y2 = (int(value) for value in box)
    return Mistake(picture.path, (x1, y1, x2, y2), label, title, reason, rank, number)


def _why_missed(
    picture: PictureResult,
    detections: Detections,
    ignored: NDArray[np.bool_],
    number: int,
    *,
    threshold: float | None,
    overlap_threshold: float,
) -> tuple[str, tuple[float, float]]:
    """Return why no detection of its class found object `number`, and its rank: 0 and the best overlap when no box
    covers it, else 1 and the best score.

    Looked at are the boxes as they would be detected: each ROI moved as an object of that class.
    """
    label, target = int(picture.gt_classes[number]), picture.gt_boxes[number : number + 1]
    boxes = picture.boxes if picture.moved is None else picture.moved[:, label]
    overlaps = iou_matrix(boxes, target)[:, 0]
    covering = np.flatnonzero(overlaps > overlap_threshold)
    name = detections.class_names[label]
    if len(covering) == 0:
        best, before = float(overlaps.max(initial=0)), float(iou_matrix(picture.boxes, target).max(initial=0))
        if before > overlap_threshold:
            reason = f"moved away by box regression: the best overlap was {before:.2f} and is {best:.2f}"
        else:
            reason = f"no ROI covers it: the best overlap is {best:.2f}"
            if round(best, 2) >= overlap_threshold:
                reason += f", not above {overlap_threshold:g}"
        return reason, (0.0, best)
    # The best score; of equal ones, what was kept.
    row_of = detections.rows_of(label, len(picture.boxes))
    kept = detections.keep & (detections.labels == label)
    kept_roi = (row_of >= 0) & kept[row_of] if len(kept) else np.zeros(len(row_of), np.bool_)
    roi = covering[np.lexsort((~kept_roi[covering], -picture.scores[covering, label]))[0]]
    score, row = float(picture.scores[roi, label]), int(row_of[roi])
    if row < 0 and detections.rois is None:
        reason = f"its best ROI ({score:.2f}) is decided as {_name(detections.class_names[detections.labels[roi]])}"
    elif row < 0 or (threshold is not None and detections.scores[row] < threshold):
        reason = f"best score {score:.2f} is below the threshold"
    elif not kept[row]:
        rivals = np.flatnonzero(kept & (detections.scores >= detections.scores[row]))
        beside = iou_matrix(detections.boxes[rivals], detections.boxes[row : row + 1])[:, 0]
        better = float(detections.scores[rivals[np.argmax(beside)]])
        kind = "an equal" if f"{better:.2f}" == f"{score:.2f}" else "a better"  # as the reader sees them
        reason = f"scored {score:.2f}, but suppressed by {kind} {name} beside it"
    elif ignored[row]:
        reason = f"its best ROI ({score:.2f}) is more on an ignored box"
    else:
        reason = f"its best ROI ({score:.2f}) went to another {name} beside it"
    return reason, (1.0, score)


def _why_alarm(
    picture: PictureResult,
    names: Sequence[str],
    overlaps: NDArray[np.float64],
    missed: NDArray[np.bool_],
    label: int,
    overlap_threshold: float,
) -> str:
    """Return why a detection is wrong. overlaps: (G,) its IoU with each object; missed: (G,) which were not found."""
    if len(overlaps) == 0:
        return "the picture shows no object"
    near = int(np.argmax(overlaps))
    name, overlap = names[picture.gt_classes[near]], float(overlaps[near])
    if overlap > overlap_threshold:
        if picture.gt_classes[near] != label and missed[near]:
            return f"it is {name}"
        if overlaps[picture.gt_classes == label].max(initial=0) > overlap_threshold:
            return f"{names[label]} found a second time"
        return f"{name} found by another class as well"
    if overlap < NEAR:
        return "nothing is there"
    if picture.gt_classes[near] == label:
        return f"badly placed: it overlaps {name} by {overlap:.2f} only"
    return f"it overlaps {name} by {overlap:.2f}"


def _name(class_name: str) -> str:
    return "background" if class_name == "__background__" else class_name
