"""Which detections are right: matching with the annotated objects, and counting over score thresholds.

The rule is VOC's (`voc_eval` of the devkit, in the published tutorial `imdb_data.py`): detections in order of falling
score; each is right when the object of its picture that it overlaps most is overlapped by strictly more than the
threshold and was not found before. Areas count the last pixel ("+1", `helpers.boxes`). Right is what the field calls a
true positive, wrong a false positive; an object that nothing found is a false negative.

Letters in shapes: N detections, G objects, T thresholds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.boxes import as_boxes, paired_iou


@dataclass(frozen=True, eq=False)
class Ranking:
    """Which detections of one class are right, best score first: scores (N,), right (N,) bool; positives: G.

    pictures: (N,), the number of the picture that each is in; None where nobody needs it.
    """

    scores: NDArray
    right: NDArray[np.bool_]
    positives: int
    pictures: NDArray[np.int32] | None = field(default=None, kw_only=True)

    @property
    def recalls(self) -> NDArray[np.float64]:
        """(N,) recall after each detection; 0 where there is no object."""
        return np.cumsum(self.right) / max(self.positives, 1)

    @property
    def precisions(self) -> NDArray[np.float64]:
        """(N,) precision after each detection."""
        return np.cumsum(self.right) / np.arange(1, len(self.right) + 1)


@dataclass(frozen=True, eq=False)
class Matching(Ranking):
    """A ranking, and what each detection was matched with.

    order: (N,) int64, the detections' numbers in score order; the other arrays follow it. matched: (N,) int64, the
    object that a right detection found, else -1. overlaps: (N,) float64, the largest IoU with an object of the picture,
    0 without any.
    """

    order: NDArray[np.int64]
    matched: NDArray[np.int64]
    overlaps: NDArray[np.float64]


def match_detections(
    boxes: ArrayLike,
    scores: ArrayLike,
    pictures: ArrayLike,
    gt_boxes: ArrayLike,
    gt_pictures: ArrayLike,
    *,
    overlap_threshold: float = 0.5,
) -> Matching:
    """Match detections of one class with the objects of that class, as VOC does (step 4).

    boxes: (N, 4), scores: (N,), pictures: (N,) number of the picture of each; gt_boxes: (G, 4), gt_pictures: (G,).
    A second detection of an object is wrong, even when it overlaps another object enough: VOC looks at the largest
    overlap alone (the first object on ties).
    """
    scores, pictures, gt_pictures = np.asarray(scores), np.asarray(pictures, int), np.asarray(gt_pictures, int)
    order = np.argsort(-scores, kind="stable")
    overlaps, nearest = _best_overlaps(as_boxes(boxes)[order], pictures[order], as_boxes(gt_boxes), gt_pictures)
    near = np.flatnonzero(overlaps > overlap_threshold)
    _, first = np.unique(nearest[near], return_index=True)  # the best-scored detection of each object
    right = np.zeros(len(order), dtype=bool)
    right[near[first]] = True
    return Matching(scores[order], right, len(gt_pictures), order, np.where(right, nearest, -1), overlaps)


def _best_overlaps(
    boxes: NDArray, pictures: NDArray, gt_boxes: NDArray, gt_pictures: NDArray
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return for each box its largest IoU with an object of its picture, and that object's number (0 and -1 if none).

    All pairs of a box and an object of one picture are laid out flat, so there is no loop over pictures or boxes.
    """
    by_picture = np.argsort(gt_pictures, kind="stable")
    start = np.searchsorted(gt_pictures[by_picture], pictures, side="left")
    count = np.searchsorted(gt_pictures[by_picture], pictures, side="right") - start
    overlaps, nearest = np.zeros(len(boxes)), np.full(len(boxes), -1)
    some = np.flatnonzero(count)
    if len(some) == 0:
        return overlaps, nearest
    begin = np.cumsum(count[some]) - count[some]  # where the pairs of each box start
    box_of_pair = np.repeat(some, count[some])
    object_of_pair = by_picture[np.arange(count.sum()) - np.repeat(begin - start[some], count[some])]
    pair_overlaps = paired_iou(boxes[box_of_pair], gt_boxes[object_of_pair])
    overlaps[some] = np.maximum.reduceat(pair_overlaps, begin)
    # The first pair of each box that reaches its maximum: VOC's argmax.
    hits = np.flatnonzero(pair_overlaps == overlaps[box_of_pair])
    owners, first = np.unique(box_of_pair[hits], return_index=True)
    nearest[owners] = object_of_pair[hits[first]]
    return overlaps, nearest


@dataclass(frozen=True, eq=False)
class ThresholdCounts:
    """What passes each threshold: detections and right, (T,) int64; positives, the number of objects."""

    thresholds: NDArray[np.float64]
    detections: NDArray[np.int64]
    right: NDArray[np.int64]
    positives: int

    @property
    def precisions(self) -> NDArray[np.float64]:
        """(T,) precision, NaN (not defined) where nothing passes."""
        with np.errstate(invalid="ignore"):
            return self.right / self.detections

    @property
    def recalls(self) -> NDArray[np.float64]:
        """(T,) recall, NaN (not defined) where there is no object."""
        return self.right / self.positives if self.positives else np.full(len(self.thresholds), np.nan)


def count_over_thresholds(matchings: Sequence[Ranking], thresholds: ArrayLike) -> ThresholdCounts:
    """Count what has a score of at least each of (T,) `thresholds`, summed over `matchings`: one class, or all for
    the total. Right detections stay right at any threshold, because better-scored ones are matched first."""
    thresholds = np.asarray(thresholds, dtype=np.float64)
    detections, right = np.zeros(len(thresholds), np.int64), np.zeros(len(thresholds), np.int64)
    for matching in matchings:
        passing = len(matching.scores) - np.searchsorted(
            matching.scores[::-1], thresholds.astype(matching.scores.dtype), side="left"
        )
        detections += passing
        right += np.append(0, np.cumsum(matching.right))[passing]
    return ThresholdCounts(thresholds, detections, right, sum(m.positives for m in matchings))
