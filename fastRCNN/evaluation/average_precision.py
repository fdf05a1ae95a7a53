"""Average precision: how well the ranking of all ROIs finds the annotated objects of each class.

The published tutorial evaluates with Girshick's `test_net` (`fastRCNN/test.py`) and `voc_eval` (here
`imdb_data.py`), after Everingham et al., "The Pascal Visual Object Classes Challenge", IJCV 2010. The steps:

1. Every ROI is a candidate for every class with its score for that class, not only for the class it is decided for.
2. Per picture and class the best 100 stay; over the set, per class, those above the (40 * pictures)-th best score.
3. Non-maximum suppression per class and picture.
4. All detections of a class, best score first (a stable sort): one is right when the object of its class that it
   overlaps most is overlapped by strictly more than `overlap_threshold` and was not found before; else it is wrong.
5. Precision and recall after each detection give two numbers, both always computed: `ap_11point` (VOC 2007: the mean
   over recalls 0, 0.1, ..., 1 of the best precision at that recall or a higher one) and `ap_area` (VOC 2010 on: the
   area under the precision envelope).

Where we differ: `compat="tutorial"` repeats two faults of the published code. It adds 1 to the coordinates of
detections but not of objects, and compares recalls with the floating-point steps of `arange(0, 1.1, 0.1)`, whose 0.3,
0.6 and 0.7 are slightly too large, so that 3 found of 5 do not reach recall 0.6. We compare whole numbers.

A picture without objects counts: what is found there is wrong. A class without objects in the set has no AP (None) and
is left out of the mean; a class with objects and without detections has AP 0. Letters in shapes: N ROIs, G objects,
C classes with background first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastRCNN.boxes.box_regression import boxes_of_best_class
from fastRCNN.boxes.nms import nms
from fastRCNN.evaluation.matching import Matching, match_detections

COMPAT = ("corrected", "tutorial")


@dataclass(frozen=True, eq=False)
class PictureResult:
    """One scored picture with what is known of it: boxes (N, 4), scores (N, C) float32 (background first),
    gt_boxes (G, 4), gt_classes (G,) int64 in 1..C-1. moved: (N, C, 4) int32, where box regression puts each ROI
    as an object of each class; None without box regression."""

    index: int
    path: Path
    boxes: NDArray
    scores: NDArray[np.float32]
    gt_boxes: NDArray
    gt_classes: NDArray[np.int64]
    moved: NDArray[np.int32] | None = None

    def __post_init__(self) -> None:
        if self.moved is not None and self.moved.shape != (*self.scores.shape, 4):
            raise ValueError(f"{self.path}: expected moved {(*self.scores.shape, 4)}, got {self.moved.shape}")
        if self.boxes.shape != (len(self.scores), 4) or self.scores.ndim != 2:
            raise ValueError(
                f"{self.path}: expected boxes (N, 4) and scores (N, C), got {self.boxes.shape}, {self.scores.shape}"
            )
        if self.gt_boxes.shape != (len(self.gt_classes), 4):
            raise ValueError(
                f"{self.path}: expected gt_boxes (G, 4) and gt_classes (G,), "
                f"got {self.gt_boxes.shape}, {self.gt_classes.shape}"
            )
        if not np.isfinite(self.scores).all():
            raise ValueError(f"{self.path}: scores: expected finite numbers, got NaN or infinity")

    @property
    def decided_boxes(self) -> NDArray:
        """(N, 4): each ROI, moved as an object of its best class where there is box regression."""
        return self.boxes if self.moved is None else boxes_of_best_class(self.moved, self.scores)


@dataclass(frozen=True, eq=False)
class ClassEvaluation:
    """The result for one class; both APs are None when the set holds no object of it."""

    name: str
    ap_11point: float | None
    ap_area: float | None
    matching: Matching

    @property
    def positives(self) -> int:
        """The number of objects of the class."""
        return self.matching.positives

    @property
    def detections(self) -> int:
        """The number of candidates that were matched with them."""
        return len(self.matching.order)

    def envelope(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return recalls and precisions, (2 * right,) each, of the steps whose area `ap_area` is."""
        right = np.flatnonzero(self.matching.right)
        ends = self.matching.recalls[right]
        begins = np.concatenate([[0.0], ends])[: len(ends)]
        heights = _envelope(np.cumsum(self.matching.right))[right]
        return np.column_stack([begins, ends]).ravel(), np.repeat(heights, 2)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The result for a set of pictures: one `ClassEvaluation` per object class, in the order of the class numbers."""

    classes: tuple[ClassEvaluation, ...]
    pictures: int

    @property
    def map_11point(self) -> float | None:
        """Mean of `ap_11point` over the classes that have objects; None when no class has any."""
        return _mean([c.ap_11point for c in self.classes])

    @property
    def map_area(self) -> float | None:
        """Mean of `ap_area` over the classes that have objects; None when no class has any."""
        return _mean([c.ap_area for c in self.classes])

    @property
    def undefined(self) -> tuple[str, ...]:
        """Names of the classes without an object in the set: no AP, not in the mean."""
        return tuple(c.name for c in self.classes if c.positives == 0)


def _mean(values: Sequence[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return sum(defined) / len(defined) if defined else None


def evaluate(
    pictures: Iterable[PictureResult],
    class_names: Sequence[str],
    *,
    nms_threshold: float = 0.3,
    overlap_threshold: float = 0.5,
    max_per_picture: int = 100,
    max_per_set: int = 40,
    compat: str = "corrected",
) -> Evaluation:
    """Evaluate scored `pictures`, read one at a time; `class_names` starts with background.

    `max_per_picture` and `max_per_set` are the candidates per class of step 2, the latter times the number of pictures.
    """
    if compat not in COMPAT:
        raise ValueError(f"compat: expected one of {COMPAT}, got {compat!r}")
    nr_classes = len(class_names)
    candidates: list[list[tuple[NDArray, NDArray]]] = [[] for _ in range(nr_classes)]  # per class: boxes, scores
    gt_boxes, gt_classes, gt_pictures = [], [], []
    nr_pictures = 0
    for picture in pictures:
        if picture.scores.shape[1] != nr_classes:
            raise ValueError(f"{picture.path}: expected {nr_classes} scores per ROI, got {picture.scores.shape[1]}")
        best = np.argsort(-picture.scores, axis=0, kind="stable")[:max_per_picture]  # steps 1 and 2, first half
        for number in range(1, nr_classes):
            boxes = picture.boxes if picture.moved is None else picture.moved[:, number]
            candidates[number].append((boxes[best[:, number]], picture.scores[best[:, number], number]))
        gt_boxes.append(picture.gt_boxes)
        gt_classes.append(picture.gt_classes)
        gt_pictures.append(np.full(len(picture.gt_boxes), nr_pictures))
        nr_pictures += 1
    objects = np.concatenate(gt_boxes) if gt_boxes else np.zeros((0, 4))
    object_classes = np.concatenate(gt_classes) if gt_classes else np.zeros(0, dtype=np.int64)
    object_pictures = np.concatenate(gt_pictures) if gt_pictures else np.zeros(0, dtype=np.int64)

    results = []
    for number in range(1, nr_classes):
        boxes, scores, owners = _candidates_of_set(
            candidates[number], max_per_set * nr_pictures, nms_threshold=nms_threshold
        )
        mine = object_classes == number
        matching = match_detections(
            boxes + 1 if compat == "tutorial" else boxes,
            scores,
            owners,
            objects[mine],
            object_pictures[mine],
            overlap_threshold=overlap_threshold,
        )
        results.append(
            ClassEvaluation(
                class_names[number],
                ap_11point(matching.right, positives=matching.positives, compat=compat),
                ap_area(matching.right, positives=matching.positives),
                matching,
            )
        )
    return Evaluation(tuple(results), nr_pictures)


def _candidates_of_set(
    per_picture: Sequence[tuple[NDArray, NDArray]], maximum: int, *, nms_threshold: float
) -> tuple[NDArray, NDArray, NDArray]:
    """Steps 2 (second half) and 3 for one class: boxes (N, 4), scores (N,) and picture numbers (N,) that remain.

    The published code keeps a running threshold in a heap of `maximum` scores; at its end that is the `maximum`-th best
    score, and what stays lies strictly above it. With `maximum` candidates or fewer all stay.
    """
    threshold = -np.inf
    if sum(len(scores) for _, scores in per_picture) > maximum:
        everything = np.concatenate([scores for _, scores in per_picture])
        threshold = np.partition(everything, len(everything) - maximum)[len(everything) - maximum]
    kept_boxes, kept_scores, owners = [np.zeros((0, 4), np.int32)], [np.zeros(0, np.float32)], [np.zeros(0, np.int64)]
    for picture, (boxes, scores) in enumerate(per_picture):
        above = scores > threshold
        boxes, scores = boxes[above], scores[above]
        keep = nms(boxes, scores, threshold=nms_threshold)
        kept_boxes.append(boxes[keep])
        kept_scores.append(scores[keep])
        owners.append(np.full(len(keep), picture))
    return np.concatenate(kept_boxes), np.concatenate(kept_scores), np.concatenate(owners)


def ap_11point(right: ArrayLike, *, positives: int, compat: str = "corrected") -> float | None:
    """Return VOC 2007's average precision of (N,) `right` flags in score order; None without `positives`."""
    if positives == 0:
        return None
    found = np.cumsum(np.asarray(right, dtype=bool))
    envelope = _envelope(found)
    if compat == "tutorial":
        first = np.searchsorted(found / positives, np.arange(0.0, 1.1, 0.1), side="left")
    else:  # recall found / positives >= k / 10, in whole numbers
        first = np.searchsorted(10 * found, np.arange(11) * positives, side="left")
    return float(envelope[first].sum() / 11)


def ap_area(right: ArrayLike, *, positives: int) -> float | None:
    """Return the area under the precision envelope of (N,) `right` flags in score order; None without `positives`."""
    if positives == 0:
        return None
    right = np.asarray(right, dtype=bool)
    return float(_envelope(np.cumsum(right))[:-1][right].sum() / positives)


def _envelope(found: NDArray) -> NDArray[np.float64]:
    """Return (N + 1,) the best precision at each rank or a later one, closed with 0 for recalls never reached."""
    precisions = found / np.arange(1, len(found) + 1)
    return np.append(np.maximum.accumulate(precisions[::-1])[::-1], 0.0)
