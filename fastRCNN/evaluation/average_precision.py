"""Average precision: how well the ranking of all ROIs finds the annotated objects of each class.

After Everingham et al., "The Pascal Visual Object Classes Challenge", IJCV 2010, as Girshick's `test_net` and
`voc_eval` run it (in the published tutorial `fastRCNN/test.py` and `imdb_data.py`). The steps:

1. Every ROI is a candidate for every class with its score for that class, not only for the class it is decided for.
2. Non-maximum suppression per class and picture (`fastRCNN.evaluation.candidates`).
3. All detections of a class, best score first (a stable sort): one is right when the object of its class that it
   overlaps most is overlapped by strictly more than `overlap_threshold` and was not found before; else it is wrong.
   What is found on an ignored box is neither (`fastRCNN.boxes.ignored`).
4. Precision and recall after each detection give two numbers, both always computed: `ap_11point` (VOC 2007: the mean
   over recalls 0, 0.1, ..., 1 of the best precision at that recall or a higher one) and `ap_area` (VOC 2010 on: the
   area under the precision envelope).

Where we differ: the published code drops candidates *before* step 2: per picture and class all but the best 100, and
over the set all but 40 for each picture. Where a picture shows many objects, these are a few objects many times over,
and what is left cannot find the others: perfect scores for 60 objects in each picture have an AP of 0.67. Here nothing
is dropped, `compat="tutorial"` does as published. It also repeats two faults: it adds 1 to the coordinates of
detections but not of objects, and compares recalls with the floating-point steps of `arange(0, 1.1, 0.1)`, whose 0.3,
0.6 and 0.7 are slightly too large, so that 3 found of 5 do not reach recall 0.6. We compare whole numbers.

Memory: whether a detection is right depends on its picture alone. So pictures are matched some at a time, and of a
detection stay its score, whether it is right and its picture's number: 9 bytes, 360 MB for 5000 pictures, 80 classes
and 100 detections of each in every picture.

A picture without objects counts: what is found there is wrong. A class without objects in the set has no AP (None) and
is left out of the mean; a class with objects and without detections has AP 0. Letters in shapes: N ROIs, G objects,
K detections, C classes with background first.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fastRCNN.boxes.ignored import IgnoredBoxes, ignored_detections
from fastRCNN.boxes.suppression import Suppression
from fastRCNN.evaluation.candidates import Candidates, PublishedCandidates, best_of_picture, picture_candidates
from fastRCNN.evaluation.kept_detections import KeptDetections
from fastRCNN.evaluation.matching import Ranking, match_detections
from fastRCNN.evaluation.precision_curve import ap_11point, ap_area, envelope
from helpers.in_order import in_order

COMPAT = ("corrected", "tutorial")
_AT_ONCE = 200_000  # candidates that are matched together


class Annotated(Protocol):
    """A picture whose objects are known: boxes (G, 4), classes (G,) from 1 on, and ignored boxes."""

    @property
    def gt_boxes(self) -> NDArray: ...

    @property
    def gt_classes(self) -> NDArray[np.int64]: ...

    @property
    def ignored_boxes(self) -> IgnoredBoxes: ...


@dataclass(frozen=True, eq=False)
class PictureResult:
    """One scored picture with what is known of it: boxes (N, 4), scores (N, C) float32 (background first),
    gt_boxes (G, 4), gt_classes (G,) int64 in 1..C-1. moved: (N, C, 4) int32, where box regression puts each ROI
    as an object of each class; None without box regression. ignored_boxes: what is found there is neither right nor
    wrong."""

    index: int
    path: Path
    boxes: NDArray
    scores: NDArray[np.float32]
    gt_boxes: NDArray
    gt_classes: NDArray[np.int64]
    moved: NDArray[np.int32] | None = None
    ignored_boxes: IgnoredBoxes = field(default_factory=IgnoredBoxes.of)

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


@dataclass(frozen=True, eq=False)
class ClassEvaluation:
    """The result for one class; both APs are None when the set holds no object of it."""

    name: str
    ap_11point: float | None
    ap_area: float | None
    matching: Ranking

    @property
    def positives(self) -> int:
        """The number of objects of the class."""
        return self.matching.positives

    @property
    def detections(self) -> int:
        """The number of detections that were matched with them."""
        return len(self.matching.scores)

    def envelope(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return recalls and precisions, (2 * right,) each, of the steps whose area `ap_area` is."""
        right = np.flatnonzero(self.matching.right)
        ends = self.matching.recalls[right]
        begins = np.concatenate([[0.0], ends])[: len(ends)]
        heights = envelope(np.cumsum(self.matching.right))[right]
        return np.column_stack([begins, ends]).ravel(), np.repeat(heights, 2)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The result for a set of pictures: one `ClassEvaluation` per object class, in the order of the class numbers.

    objects: (P, C-1), how many objects of each class each of the P pictures shows.
    """

    classes: tuple[ClassEvaluation, ...]
    objects: NDArray[np.int64]

    @property
    def pictures(self) -> int:
        """The number of pictures."""
        return len(self.objects)

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
    nms_threshold: float | Suppression = 0.3,
    overlap_threshold: float = 0.5,
    compat: str = "corrected",
    max_per_picture: int = 0,
    kept: KeptDetections | None = None,
    watch: Callable[[PictureResult, Sequence[Candidates] | None], None] | None = None,
    jobs: int = 1,
) -> Evaluation:
    """Evaluate scored `pictures`, read one at a time; `class_names` starts with background.

    nms_threshold: of plain suppression, or how else overlapping candidates are dealt with (`compat="tutorial"` takes
    the threshold alone). max_per_picture: so many of the best candidates of a picture, of all classes, count; 0: all.
    kept: takes those that count, by the number of the picture in `pictures`, before those on ignored boxes are left
    out. watch: is called with each picture and its candidates, in order; with None where `compat="tutorial"` chooses
    them at the end. jobs: pictures that are worked on at once.
    """
    if compat not in COMPAT:
        raise ValueError(f"compat: expected one of {COMPAT}, got {compat!r}")
    matcher = _Matcher(len(class_names), overlap_threshold, shift=int(compat == "tutorial"))
    published = PublishedCandidates(len(class_names)) if compat == "tutorial" else None

    def candidates_of(picture: PictureResult) -> tuple[PictureResult, NDArray, list[Candidates]]:
        if picture.scores.shape[1] != len(class_names):
            raise ValueError(
                f"{picture.path}: expected {len(class_names)} scores per ROI, got {picture.scores.shape[1]}"
            )
        boxes = picture.boxes[:, None] if picture.moved is None else picture.moved
        if published is not None:
            return picture, boxes, []
        found = list(picture_candidates(boxes, picture.scores, nms_threshold=nms_threshold))
        limited = max_per_picture and len(class_names) > 1
        return picture, boxes, [best_of_picture(found, max_per_picture)] if limited else found

    for picture, boxes, candidates in in_order(candidates_of, pictures, threads=jobs if jobs > 1 else 0):
        number = matcher.add_objects(picture.gt_boxes, picture.gt_classes)
        if watch is not None:
            watch(picture, candidates if published is None else None)
        if published is not None:
            published.add(boxes, picture.scores)
        for places, scores, classes in candidates:
            if kept is not None:
                kept.add(number, places, scores, classes)
            matcher.add_counted(places, scores, classes, number, picture)
    if published is not None:
        for number in range(matcher.nr_pictures):
            of_picture = published.candidates(number, nms_threshold=nms_threshold)
            matcher.add(*of_picture, number)
            if kept is not None:
                kept.add(number, *of_picture)
    return _evaluation(matcher, class_names, compat)


def evaluate_detections(
    pictures: Iterable[Annotated],
    detections: KeptDetections,
    class_names: Sequence[str],
    *,
    overlap_threshold: float = 0.5,
) -> Evaluation:
    """Evaluate `detections`, wherever they come from, on annotated `pictures`, which their numbers count from 0.

    Nothing is suppressed or left out, other than what lies on ignored boxes: steps 3 and 4 of `evaluate`.
    """
    matcher = _Matcher(len(class_names), overlap_threshold, shift=0)
    order = np.argsort(detections.pictures, kind="stable")
    owners = detections.pictures[order]
    for picture in pictures:
        number = matcher.add_objects(picture.gt_boxes, picture.gt_classes)
        rows = order[slice(*np.searchsorted(owners, (number, number + 1)))]
        classes = detections.classes[rows].astype(np.int64)
        matcher.add_counted(detections.boxes[rows], detections.scores[rows], classes, number, picture)
    return _evaluation(matcher, class_names, "corrected")


def _evaluation(matcher: "_Matcher", class_names: Sequence[str], compat: str) -> Evaluation:
    """Step 4."""
    results = [
        ClassEvaluation(
            name,
            ap_11point(ranking.right, positives=ranking.positives, compat=compat),
            ap_area(ranking.right, positives=ranking.positives),
            ranking,
        )
        for name, ranking in zip(class_names[1:], matcher.rankings(), strict=True)
    ]
    return Evaluation(tuple(results), matcher.counts())


class _Matcher:
    """Step 3: matches candidates of all classes, some pictures at a time; of each stay its score and if it is right."""

    def __init__(self, nr_classes: int, overlap_threshold: float, *, shift: int) -> None:
        self.nr_classes, self.overlap_threshold, self.shift = nr_classes, overlap_threshold, shift
        self.nr_pictures, self.nr_waiting = 0, 0
        self._objects: dict[int, tuple[NDArray, NDArray]] = {}  # of pictures: boxes (G, 4), classes (G,)
        self._waiting: list[tuple[NDArray, NDArray, NDArray, int]] = []  # boxes, scores, classes, picture
        self._ranked: list[list[tuple[NDArray, NDArray[np.bool_], NDArray[np.int32]]]] = [[] for _ in range(nr_classes)]
        self._counts: list[NDArray[np.int64]] = []  # of objects, by picture

    def add_objects(self, gt_boxes: NDArray, gt_classes: NDArray[np.int64]) -> int:
        """Take the objects of the next picture and return the picture's number."""
        self._objects[self.nr_pictures] = gt_boxes, gt_classes
        self._counts.append(np.bincount(gt_classes, minlength=self.nr_classes)[1:])
        self.nr_pictures += 1
        return self.nr_pictures - 1

    def add(self, boxes: NDArray, scores: NDArray, classes: NDArray[np.int64], picture: int) -> None:
        """Take candidates (K, 4), (K,), (K,) of a picture; pictures come in order."""
        self._waiting.append((boxes + self.shift, scores, classes, picture))
        self.nr_waiting += len(boxes)
        if self.nr_waiting >= _AT_ONCE:
            self._match()

    def add_counted(
        self, boxes: NDArray, scores: NDArray, classes: NDArray[np.int64], number: int, picture: Annotated
    ) -> None:
        """Do as `add`, but leave out what is found on the ignored boxes of `picture`."""
        counted = ~ignored_detections(
            boxes, classes, picture.gt_boxes, picture.gt_classes, picture.ignored_boxes,
            threshold=self.overlap_threshold,
        )  # fmt: skip
        self.add(boxes[counted], scores[counted], classes[counted], number)

    def counts(self) -> NDArray[np.int64]:
        """Return (P, C-1): how many objects of each class each picture shows."""
        return np.array(self._counts, np.int64).reshape(-1, self.nr_classes - 1)

    def rankings(self) -> list[Ranking]:
        """Return the ranking of each object class."""
        self._match()
        result = []
        nothing = np.zeros(0, np.float32), np.zeros(0, np.bool_), np.zeros(0, np.int32)
        for number, positives in enumerate(self.counts().sum(axis=0).tolist(), start=1):
            parts = zip(nothing, *self._ranked[number], strict=True)
            scores, right, pictures = (np.concatenate(each) for each in parts)
            self._ranked[number].clear()
            order = np.argsort(-scores, kind="stable")
            result.append(Ranking(scores[order], right[order], positives, pictures=pictures[order]))
        return result

    def _match(self) -> None:
        """Match what waits: classes and pictures do not meet, so each pair of them is a group of its own."""
        if not self._waiting:
            return
        boxes, scores, classes = (np.concatenate(parts) for parts in list(zip(*self._waiting, strict=True))[:3])
        owners = np.repeat([picture for *_, picture in self._waiting], [len(each[0]) for each in self._waiting])
        shown = {picture: self._objects[picture] for *_, picture in self._waiting}
        matching = match_detections(
            boxes,
            scores,
            owners * self.nr_classes + classes,
            np.concatenate([gt_boxes for gt_boxes, _ in shown.values()]),
            np.concatenate([picture * self.nr_classes + labels for picture, (_, labels) in shown.items()]),
            overlap_threshold=self.overlap_threshold,
        )
        ranked = classes[matching.order]
        by_class = np.argsort(ranked, kind="stable")
        bounds = np.searchsorted(ranked[by_class], np.arange(self.nr_classes + 1))
        for number in range(1, self.nr_classes):
            part = by_class[bounds[number] : bounds[number + 1]]
            of_part = owners[matching.order[part]].astype(np.int32)
            self._ranked[number].append((matching.scores[part], matching.right[part], of_part))
        last = self._waiting[-1][3]
        self._objects = {picture: kept for picture, kept in self._objects.items() if picture >= last}
        self._waiting, self.nr_waiting = [], 0
