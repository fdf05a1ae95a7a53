"""The candidates that average precision ranks: every ROI for every class, thinned by non-maximum suppression.

Letters in shapes: N ROIs, K candidates that stay, C classes with background first.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from fastRCNN.boxes.nms import nms
from fastRCNN.boxes.suppression import Suppression

_AT_ONCE = 100_000  # ROIs times classes

Candidates = tuple[NDArray, NDArray, NDArray[np.int64]]  # boxes (K, 4), scores (K,), classes (K,)


def picture_candidates(boxes: NDArray, scores: NDArray, *, nms_threshold: float | Suppression) -> Iterator[Candidates]:
    """Yield what is left of a picture's ROIs for some classes at a time, background left out, best score first in each.

    boxes: (N, C, 4), or (N, 1, 4) where they are the same for all classes. scores: (N, C).
    """
    nr_rois, nr_classes = scores.shape
    step = max(1, _AT_ONCE // max(nr_rois, 1))
    for first in range(1, nr_classes, step):
        numbers = np.arange(first, min(first + step, nr_classes))
        chosen = boxes if boxes.shape[1] == 1 else boxes[:, numbers]
        places = np.broadcast_to(chosen, (nr_rois, len(numbers), 4)).swapaxes(0, 1).reshape(-1, 4)
        of_class, classes = scores[:, numbers].T.ravel(), np.repeat(numbers, nr_rois)
        stay, of_class = Suppression.of(nms_threshold)(places, of_class, classes)
        kept = np.flatnonzero(stay)
        order = kept[np.lexsort((-kept, -of_class[kept], classes[kept]))]  # of equal scores the later one, as in nms
        yield places[order], of_class[order], classes[order]


def best_of_picture(candidates: Iterable[Candidates], count: int) -> Candidates:
    """Return the `count` best of all classes of a picture, as py-faster-rcnn keeps 100 (`lib/fast_rcnn/test.py`).

    They stay in their order; of equal scores the first stay.
    """
    boxes, scores, classes = (np.concatenate(parts) for parts in zip(*candidates, strict=True))
    best = np.sort(np.argsort(-scores, kind="stable")[:count])
    return boxes[best], scores[best], classes[best]


class PublishedCandidates:
    """What the published code keeps, for `compat="tutorial"`: two limits, and non-maximum suppression after them.

    Per picture and class the best 100 stay; over the set, per class, those above the (40 * pictures)-th best score. The
    published code keeps a running threshold in a heap of that many scores; at its end that is the last of them, and
    what stays lies strictly above it. With fewer candidates all stay.
    """

    def __init__(self, nr_classes: int, *, max_per_picture: int = 100, max_per_set: int = 40) -> None:
        self.nr_classes, self.max_per_picture, self.max_per_set = nr_classes, max_per_picture, max_per_set
        self._pictures: list[list[tuple[NDArray, NDArray]]] = []
        self._limits: NDArray | None = None

    def add(self, boxes: NDArray, scores: NDArray) -> None:
        """Take the next picture: boxes (N, C, 4) or (N, 1, 4), scores (N, C)."""
        best = np.argsort(-scores, axis=0, kind="stable")[: self.max_per_picture]
        places = np.broadcast_to(boxes, (*scores.shape, 4))
        numbers = range(1, self.nr_classes)
        self._pictures.append([(places[best[:, j], j], scores[best[:, j], j]) for j in numbers])
        self._limits = None

    def candidates(self, picture: int, *, nms_threshold: float | Suppression) -> Candidates:
        """Return what is left of `picture` when all have been added."""
        if self._limits is None:
            self._limits = np.array([self._limit(place) for place in range(self.nr_classes - 1)])
        boxes, scores, classes = [np.zeros((0, 4), np.int32)], [np.zeros(0, np.float32)], [np.zeros(0, np.int64)]
        for place, (of_class, values) in enumerate(self._pictures[picture]):
            above = values > self._limits[place]
            keep = nms(of_class[above], values[above], threshold=Suppression.of(nms_threshold).threshold)
            boxes.append(of_class[above][keep])
            scores.append(values[above][keep])
            classes.append(np.full(len(keep), place + 1))
        return np.concatenate(boxes), np.concatenate(scores), np.concatenate(classes)

    def _limit(self, place: int) -> float:
        everything = np.concatenate([np.zeros(0, np.float32), *(each[place][1] for each in self._pictures)])
        maximum = self.max_per_set * len(self._pictures)
        if len(everything) <= maximum:
            return -np.inf
        return float(np.partition(everything, len(everything) - maximum)[len(everything) - maximum])
