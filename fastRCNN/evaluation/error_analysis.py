"""What average precision is lost to: each kind of mistake is undone in turn, and AP measured again.

After TIDE (Bolya, Foley, Hays, Hoffman: A General Toolbox for Identifying Object Detection Errors, 2020), which carries
on Hoiem, Chodpathumwan, Dai: Diagnosing Error in Object Detectors (2012). A candidate that is not right is one of

    duplicate    on an object of its class that a better-scored one has found     undone: it goes
    place        near an object of its class, overlapping it by too little        undone: it lies on the object
    class        on an object of another class                                    undone: it gets that class
    both         near an object of another class                                  undone: it goes
    background   on nothing                                                       undone: it goes
and missed are objects that nothing was found on or near: undone, they need not be found. Where several mistakes would
come to lie on one object, the best-scored one does, and the others go; all go where the object was found anyway.

"On" is an overlap above `overlap_threshold`, "near" one of `near` or more. Gains do not add up: undoing one kind can
make room for what another kind hides. Differs from TIDE in two points: candidates are all that average precision ranks,
not the best 100 of a picture, and a candidate on a found object of its own class is a duplicate even where an object of
another class lies there as well.

Letters in shapes: C classes with background first, K candidates of a picture, G objects.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastRCNN.boxes.ignored import ignored_detections
from fastRCNN.boxes.suppression import Suppression
from fastRCNN.evaluation.average_precision import PictureResult
from fastRCNN.evaluation.candidates import Candidates, best_of_picture, picture_candidates
from fastRCNN.evaluation.matching import match_detections
from fastRCNN.evaluation.precision_curve import ap_area
from helpers.boxes import iou_matrix

KINDS = ("class", "place", "both", "duplicate", "background", "missed")
_RIGHT, _CLASS, _PLACE, _BOTH, _DUPLICATE, _BACKGROUND = range(-1, 5)
_NOTHING = -1  # the object of a candidate that is near none


@dataclass(frozen=True, eq=False)
class ErrorAnalysis:
    """AP (C - 1,) of each object class, NaN without objects; and by how much it would rise without a kind of mistake:
    gains, kind -> (C - 1,)."""

    class_names: tuple[str, ...]
    ap: NDArray[np.float64]
    gains: dict[str, NDArray[np.float64]]

    def mean_gains(self) -> dict[str, float]:
        """Return kind -> by how much mAP would rise; 0 where no class has an object."""
        counted = np.isfinite(self.ap)
        return {kind: float(gains[counted].mean()) if counted.any() else 0.0 for kind, gains in self.gains.items()}


class ErrorCounter:
    """Takes scored pictures, one after the other, and gives the analysis; see the module's text."""

    def __init__(
        self,
        class_names: Sequence[str],
        *,
        nms_threshold: float | Suppression = 0.3,
        overlap_threshold: float = 0.5,
        near: float = 0.1,
        max_per_picture: int = 0,
    ) -> None:
        """`class_names` starts with background; the thresholds and `max_per_picture` are those of `evaluate`."""
        self.class_names = tuple(class_names)
        self.nms_threshold, self.overlap_threshold, self.near = nms_threshold, overlap_threshold, near
        self.max_per_picture = max_per_picture
        # of candidates: score, class, kind, object; of objects: class, whether it was found
        self._candidates: list[tuple[NDArray, NDArray, NDArray, NDArray]] = []
        self._objects: list[tuple[NDArray, NDArray]] = []
        self._nr_objects = 0

    def watching(self, pictures: Iterable[PictureResult]) -> Iterator[PictureResult]:
        """Yield `pictures` as they are, each of which is taken on the way."""
        for picture in pictures:
            self.add(picture)
            yield picture

    def add(self, picture: PictureResult, candidates: Iterable[Candidates] | None = None) -> None:
        """Take the next picture; candidates: what is left of it by suppression, where that is known (`evaluate`)."""
        p, found = picture, np.zeros(len(picture.gt_classes), bool)
        for places, scores, classes in self._candidates_of(p) if candidates is None else candidates:
            counted = ~ignored_detections(
                places, classes, p.gt_boxes, p.gt_classes, p.ignored_boxes, threshold=self.overlap_threshold
            )
            places, scores, classes = places[counted], scores[counted], classes[counted]
            matching = match_detections(
                places, scores, classes, p.gt_boxes, p.gt_classes, overlap_threshold=self.overlap_threshold
            )
            found[matching.matched[matching.right]] = True
            kinds, objects = self._judged(iou_matrix(places, p.gt_boxes), classes[:, None] == p.gt_classes)
            kinds[matching.order[matching.right]] = _RIGHT
            objects = np.where(objects == _NOTHING, _NOTHING, objects + self._nr_objects)
            self._candidates.append((scores, classes.astype(np.int32), kinds, objects))
        self._objects.append((p.gt_classes, found))
        self._nr_objects += len(found)

    def _candidates_of(self, p: PictureResult) -> Iterable[Candidates]:
        boxes = p.boxes[:, None] if p.moved is None else p.moved
        candidates = picture_candidates(boxes, p.scores, nms_threshold=self.nms_threshold)
        if self.max_per_picture and p.scores.shape[1] > 1:
            return [best_of_picture(candidates, self.max_per_picture)]
        return candidates

    def _judged(self, overlaps: NDArray, same: NDArray) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
        """Return the kind of mistake (K,) that each candidate is if it is not right, and the object that it is near.

        overlaps: (K, G) with the picture's objects; same: (K, G), which are of its class.
        """
        if overlaps.shape[1] == 0:
            return np.full(len(overlaps), _BACKGROUND, np.int8), np.full(len(overlaps), _NOTHING)
        own, other = np.where(same, overlaps, -1), np.where(same, -1, overlaps)
        best_own, best_other = own.max(axis=1), other.max(axis=1)
        on = self.overlap_threshold
        kinds = np.select(
            [best_own > on, best_own >= self.near, best_other > on, best_other >= self.near],
            [_DUPLICATE, _PLACE, _CLASS, _BOTH],
            _BACKGROUND,
        ).astype(np.int8)
        objects = np.select([kinds == _PLACE, kinds == _CLASS], [own.argmax(axis=1), other.argmax(axis=1)], _NOTHING)
        return kinds, objects

    def result(self) -> ErrorAnalysis:
        """Return the analysis of all pictures that were taken."""
        empty = (np.zeros(0, np.float32), np.zeros(0, np.int32), np.zeros(0, np.int8), np.zeros(0, np.int64))
        scores, classes, kinds, objects = (
            np.concatenate(parts) for parts in zip(empty, *self._candidates, strict=True)
        )
        of_objects = ((np.zeros(0, np.int64), np.zeros(0, bool)), *self._objects)
        object_class, found = (np.concatenate(parts) for parts in zip(*of_objects, strict=True))
        order = np.argsort(-scores, kind="stable")
        scores, classes, kinds, objects = scores[order], classes[order], kinds[order], objects[order]
        positives = np.bincount(object_class, minlength=len(self.class_names))
        right = kinds == _RIGHT
        base = self._ap(classes, right, positives)
        near = np.isin(np.arange(len(found)), objects[objects != _NOTHING])
        missed = np.bincount(object_class[~found & ~near], minlength=len(self.class_names))
        after = {"missed": self._ap(classes, right, positives - missed, emptied=1.0)}
        for kind, name in ((_BOTH, "both"), (_DUPLICATE, "duplicate"), (_BACKGROUND, "background")):
            stay = kinds != kind
            after[name] = self._ap(classes[stay], right[stay], positives)
        for kind, name in ((_CLASS, "class"), (_PLACE, "place")):
            mended = _best_of_each(np.flatnonzero(kinds == kind), objects, found)
            stay = kinds != kind
            stay[mended] = True
            moved = classes.copy()
            moved[mended] = object_class[objects[mended]]
            now = right.copy()
            now[mended] = True
            after[name] = self._ap(moved[stay], now[stay], positives)
        gains = {kind: np.where(positives[1:] > 0, after[kind] - base, np.nan) for kind in KINDS}
        return ErrorAnalysis(self.class_names, base, gains)

    def _ap(self, classes: NDArray, right: NDArray, positives: NDArray, *, emptied: float = np.nan) -> NDArray:
        """Return AP (C - 1,) of candidates, best first; `emptied` for a class without `positives`."""
        values = []
        for number in range(1, len(self.class_names)):
            value = ap_area(right[classes == number], positives=int(positives[number]))
            values.append(emptied if value is None else value)
        return np.array(values, np.float64)


def _best_of_each(rows: NDArray, objects: NDArray, found: NDArray) -> NDArray:
    """Return those of `rows`, best first, that are the first on their object, where that was not found anyway."""
    rows = rows[~found[objects[rows]]]
    _, first = np.unique(objects[rows], return_index=True)
    return rows[first]
