"""Non-maximum suppression: of boxes that overlap much, only the one with the highest score stays.

Rules, as in the published code (`fastRCNN/nms.py`, after R. Girshick): a box is dropped when its overlap with a better
box that stays is *above* the threshold; overlap is intersection over union with width = x2 - x1 + 1; of equal scores,
the later box comes first (a stable ascending sort, reversed).
Letters in shapes: N boxes; K of them kept.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastRCNN.compiling import compiled
from helpers.boxes import areas, as_boxes

_HIGH = 0.6  # thresholds from which on it pays to look at boxes of like areas alone


def nms(boxes: ArrayLike, scores: ArrayLike, *, threshold: float = 0.3) -> NDArray[np.int64]:
    """Return the indices, (K,) int64 from the best score down, of the boxes that stay.

    boxes: (N, 4) x1 y1 x2 y2, inclusive pixels. scores: (N,). threshold: largest overlap that two kept boxes may have,
    0..1. Raises ValueError for scores or boxes that are not numbers (NaN), since those have no order.

    The second box overlaps the best one by 80 / 120 and goes, the third by 20 / 180 and stays:

    >>> nms([[0, 0, 9, 9], [2, 0, 11, 9], [8, 0, 17, 9]], [0.9, 0.8, 0.7], threshold=0.3).tolist()
    [0, 2]
    """
    boxes, scores = _checked(boxes, scores, threshold)
    order = np.argsort(scores, kind="stable")[::-1]
    keep = _keep_best(boxes[order], np.array([0, len(order)]), threshold)
    return order[keep]


def nms_per_class(
    boxes: ArrayLike, scores: ArrayLike, labels: ArrayLike, *, threshold: float = 0.3
) -> NDArray[np.bool_]:
    """Return which boxes stay, (N,) bool, when boxes of one label compete among themselves only.

    boxes, scores, threshold: as for `nms`. labels: (N,) integers; the background is a label like any other.
    """
    boxes, scores = _checked(boxes, scores, threshold)
    labels = np.asarray(labels)
    if labels.shape != scores.shape:
        raise ValueError(f"labels: expected one per box, shape {scores.shape}, got {labels.shape}")
    order = np.argsort(scores, kind="stable")[::-1]
    order = order[np.argsort(labels[order], kind="stable")]  # one label after the other, best score first in each
    ordered = labels[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if len(order) else np.zeros(1, int)
    result = np.zeros(len(order), bool)
    result[order] = _keep_best(boxes[order], np.append(starts, len(order)), threshold)
    return result


def nms_largest_first(boxes: ArrayLike, *, threshold: float = 0.85) -> NDArray[np.int64]:
    """Return the indices, (K,) int64 from the largest box down, of boxes that do not nearly repeat a larger one.

    This thins the boxes of Selective Search, which have no score: their area stands in for it.
    """
    return nms(boxes, areas(boxes), threshold=threshold)


def _checked(boxes: ArrayLike, scores: ArrayLike, threshold: float) -> tuple[NDArray[np.float64], NDArray[np.floating]]:
    """Return boxes as (N, 4) float64 and scores as (N,), or raise ValueError that names what is wrong."""
    boxes, scores = as_boxes(boxes), np.asarray(scores)
    if scores.shape != (len(boxes),):
        raise ValueError(f"scores: expected one per box, shape {(len(boxes),)}, got {scores.shape}")
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold: expected an overlap between 0 and 1, got {threshold}")
    for name, array in (("scores", scores), ("boxes", boxes)):
        if np.isnan(array).any():
            row = int(np.argwhere(np.isnan(array))[0][0])
            raise ValueError(f"{name}: not a number (NaN) at index {row}, so the boxes cannot be ranked")
    return boxes, scores


def _keep_best_numpy(boxes: NDArray, bounds: NDArray, threshold: float) -> NDArray[np.bool_]:
    """Return what `_keep_best` returns: slower, but there at once."""
    left, top, right, bottom = (boxes + [0, 0, 1, 1]).T
    area = (right - left) * (bottom - top)
    keep = np.zeros(len(boxes), bool)
    for begin, end in pairwise(bounds.tolist()):
        rest = np.arange(begin, end)
        while len(rest):
            best, rest = rest[0], rest[1:]
            keep[best] = True
            width = np.minimum(right[best], right[rest]) - np.maximum(left[best], left[rest])
            height = np.minimum(bottom[best], bottom[rest]) - np.maximum(top[best], top[rest])
            common = np.maximum(width, 0) * np.maximum(height, 0)
            with np.errstate(divide="ignore", invalid="ignore"):  # boxes without pixels: 0 / 0 is above no threshold
                rest = rest[~(common / (area[best] + area[rest] - common) > threshold)]
    return keep


def _keep_best(boxes: NDArray, bounds: NDArray, threshold: float) -> NDArray[np.bool_]:
    """Return which boxes stay, (N,) bool. boxes: best first. bounds: where each group begins, and N at the end."""
    return (_keep_by_area if threshold >= _HIGH else _keep_by_rank)(boxes, bounds, threshold)


@compiled(what="non-maximum suppression", seconds=1, stand_in=_keep_best_numpy)
def _keep_by_area(boxes, bounds, threshold):
    """Do it where only boxes of nearly the same area overlap enough: by at most smaller area / larger area.

    So the boxes of a group are sorted by area, and each one that stays looks at its neighbours in that order alone.
    """
    keep = np.zeros(len(boxes), np.bool_)
    for group in range(len(bounds) - 1):
        left, top = boxes[bounds[group] : bounds[group + 1], 0], boxes[bounds[group] : bounds[group + 1], 1]
        right, bottom = boxes[bounds[group] : bounds[group + 1], 2] + 1, boxes[bounds[group] : bounds[group + 1], 3] + 1
        rank = np.argsort((right - left) * (bottom - top), kind="mergesort")
        place = np.empty_like(rank)
        place[rank] = np.arange(len(rank))
        left, top, right, bottom = left[rank], top[rank], right[rank], bottom[rank]
        area = (right - left) * (bottom - top)
        gone = np.zeros(len(rank), np.bool_)
        for best in range(len(rank)):
            this = place[best]
            if gone[this]:
                continue
            keep[bounds[group] + best] = True
            first, last = this, this
            while first > 0 and area[first - 1] >= threshold * area[this]:
                first -= 1
            while last + 1 < len(rank) and threshold * area[last + 1] <= area[this]:
                last += 1
            for other in range(first, last + 1):
                width = max(min(right[this], right[other]) - max(left[this], left[other]), 0.0)
                height = max(min(bottom[this], bottom[other]) - max(top[this], top[other]), 0.0)
                common = width * height
                gone[other] |= common / (area[this] + area[other] - common) > threshold
    return keep


@compiled(what="non-maximum suppression", seconds=1, stand_in=_keep_best_numpy)
def _keep_by_rank(boxes, bounds, threshold):
    """Do it step by step: the best box of a group stays; those that overlap it too much go, the rest close ranks."""
    count = len(boxes)
    left, top = boxes[:, 0].copy(), boxes[:, 1].copy()
    right, bottom = boxes[:, 2] + 1, boxes[:, 3] + 1
    area = (right - left) * (bottom - top)
    rank = np.arange(count)
    overlap = np.empty(count)
    keep = np.zeros(count, np.bool_)
    for group in range(len(bounds) - 1):
        best, end = bounds[group], bounds[group + 1]
        while best < end:
            keep[rank[best]] = True
            for i in range(best + 1, end):  # without a branch, so that the processor takes several at once
                width = max(min(right[best], right[i]) - max(left[best], left[i]), 0.0)
                height = max(min(bottom[best], bottom[i]) - max(top[best], top[i]), 0.0)
                common = width * height
                overlap[i] = common / (area[best] + area[i] - common)
            free = best + 1
            for i in range(best + 1, end):
                if not overlap[i] > threshold:
                    left[free], top[free], right[free], bottom[free] = left[i], top[i], right[i], bottom[i]
                    area[free], rank[free] = area[i], rank[i]
                    free += 1
            best, end = best + 1, free
    return keep
