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


def ignored_overlaps(boxes: ArrayLike, ignored: IgnoredBoxes, nr_classes: int) -> NDArray[np.float64]:
    """Return (N, C): the best overlap of each of (N, 4) `boxes` with what hides objects of each class."""
    best = np.zeros((len(as_boxes(boxes)), nr_classes))
    if len(ignored):
        overlaps = ignored.overlaps(boxes)
        for number in range(1, nr_classes):
            hiding = np.isin(ignored.classes, (0, number))
            best[:, number] = overlaps[:, hiding].max(axis=1, initial=0)
    return best
