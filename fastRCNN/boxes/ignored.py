"""Boxes that count neither way: what lies in them is neither an object to learn nor a mistake to find.

Three kinds of annotation say so: a label EXCLUDE or UNDECIDED (an object of whatever class), VOC's `difficult` (an
object of a known class, too hard to ask for) and COCO's `iscrowd` (many objects of a class in one box). Letters in
shapes: N boxes, G annotated objects, I ignored boxes, C classes with background first.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.boxes import areas, as_boxes, intersections, iou_matrix


@dataclass(frozen=True, eq=False)
class IgnoredBoxes:
    """The ignored boxes of one picture.

    boxes: (I, 4) float64 x1 y1 x2 y2, inclusive pixels. classes: (I,) int64, the class whose objects the box hides; 0:
    those of every class. is_crowd: (I,) bool, whether it is a crowd.
    """

    boxes: NDArray[np.float64]
    classes: NDArray[np.int64]
    is_crowd: NDArray[np.bool_]

    def __post_init__(self) -> None:
        if self.boxes.shape != (len(self.classes), 4) or self.is_crowd.shape != self.classes.shape:
            raise ValueError(
                f"expected boxes (I, 4), classes (I,) and is_crowd (I,), "
                f"got {self.boxes.shape}, {self.classes.shape} and {self.is_crowd.shape}"
            )

    def __len__(self) -> int:
        return len(self.boxes)

    @classmethod
    def of(
        cls, boxes: ArrayLike = (), classes: ArrayLike | None = None, is_crowd: ArrayLike | None = None
    ) -> "IgnoredBoxes":
        """Return ignored `boxes` (I, 4); without `classes` they hide every class, without `is_crowd` none is one."""
        array = as_boxes(boxes)
        of_classes = np.zeros(len(array), np.int64) if classes is None else np.asarray(classes, np.int64)
        crowd = np.zeros(len(array), np.bool_) if is_crowd is None else np.asarray(is_crowd, np.bool_)
        return cls(array, of_classes, crowd)

    def overlaps(self, boxes: ArrayLike) -> NDArray[np.float64]:
        """Return (N, I): how much of each of (N, 4) `boxes` is ignored.

        Intersection over union; for a crowd the intersection over the area of the box, as in COCO's evaluation: a box
        around one member of a crowd lies in it, however large the crowd is.
        """
        shared = iou_matrix(boxes, self.boxes)
        if self.is_crowd.any():
            crowd = self.boxes[self.is_crowd]
            shared[:, self.is_crowd] = intersections(boxes, crowd) / areas(boxes)[:, None]
        return shared


def ignored_rois(
    rois: ArrayLike, overlaps: NDArray, ignored: IgnoredBoxes, *, threshold: float = 0.5
) -> NDArray[np.bool_]:
    """Return (N, C): whether each of `rois` (N, 4) is neither a positive nor a negative example of each class.

    `overlaps` (N, C): the best IoU of each ROI with an annotated object of each class. A ROI shows what is ignored when

    1. an ignored box overlaps it by `threshold` or more, and by more than any object does; or
    2. `threshold` of it or more lies in a crowd, and no object overlaps it by `threshold`.

    What hides one class only (difficult objects, crowds) leaves the ROI a negative of the others: it does show that
    class, after all.
    """
    best = overlaps.max(axis=1, initial=0, keepdims=True)
    single, crowd = _best_by_class(rois, ignored, overlaps.shape[1])
    return ((single >= threshold) & (single > best)) | ((crowd >= threshold) & (best < threshold))


def ignored_detections(
    boxes: ArrayLike,
    classes: ArrayLike,
    gt_boxes: ArrayLike,
    gt_classes: ArrayLike,
    ignored: IgnoredBoxes,
    *,
    threshold: float = 0.5,
) -> NDArray[np.bool_]:
    """Return (N,): which detections, `boxes` (N, 4) of `classes` (N,), count neither as right nor as wrong.

    gt_boxes (G, 4), gt_classes (G,): the objects of the picture. With overlaps in the detection's own class alone:

    1. VOC's rule for difficult objects (`voc_eval` of the devkit): it overlaps an ignored box by more than `threshold`,
       and more than any object.
    2. COCO's for crowds: more than `threshold` of it lies in the crowd, and no object overlaps it by so much.
    """
    numbers = np.asarray(classes, np.int64)
    if len(ignored) == 0 or len(numbers) == 0:
        return np.zeros(len(numbers), np.bool_)
    same = numbers[:, None] == np.asarray(gt_classes, np.int64)
    best = np.where(same, iou_matrix(boxes, gt_boxes), 0).max(axis=1, initial=0)
    rows = np.arange(len(numbers))
    single, crowd = (table[rows, numbers] for table in _best_by_class(boxes, ignored, int(numbers.max()) + 1))
    return ((single > threshold) & (single > best)) | ((crowd > threshold) & (best <= threshold))


def _best_by_class(boxes: ArrayLike, ignored: IgnoredBoxes, nr_classes: int) -> tuple[NDArray, NDArray]:
    """Return the best overlaps (N, C) of `boxes` with single ignored boxes and with crowds that hide each class.

    Column 0, the background, is 0: nothing hides what is not there.
    """
    overlaps = ignored.overlaps(boxes)
    best = np.zeros((2, len(overlaps), nr_classes))
    for number in range(1, nr_classes) if len(ignored) else ():
        hides = np.isin(ignored.classes, (0, number))
        best[0, :, number] = overlaps[:, hides & ~ignored.is_crowd].max(axis=1, initial=0)
        best[1, :, number] = overlaps[:, hides & ignored.is_crowd].max(axis=1, initial=0)
    return best[0], best[1]
