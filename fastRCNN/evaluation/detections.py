"""What was found in one picture: `Detections`, the only form that scoring and drawing hand on.

Letters in shapes: N ROIs of a picture, C classes with background first. Boxes are `x1 y1 x2 y2`, 0-based, inclusive
pixels of the upright original picture.

Two text formats come from the published tutorial and never change (its `6_scoreImage.py` and `writeDetectionsFile`):
a list of JSON records whose values are all strings, and `detections.tsv`. Both list every ROI, kept or not. The typed
records (`typed_records`) are ours: class names, numbers, and only what was found.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastRCNN.boxes.box_regression import boxes_of_best_class
from fastRCNN.boxes.suppression import Suppression
from helpers.boxes import as_boxes
from helpers.errors import UserError, raise_collected

TSV_HEADER = ("label", "score", "nms", "left", "top", "right", "bottom")


@dataclass(frozen=True, eq=False)
class Detections:
    """Every ROI of one picture with its decision, or every class that a ROI scores high enough for; N of them.

    The arrays are copies and cannot be written to. boxes: (N, 4) int32. labels: (N,) int64, the class decided for, 0 =
    background. scores: (N,) float32, the score of that class. keep: (N,) bool, survived non-maximum suppression.
    class_names: C texts, background first. rois: (N,) the number of the ROI that each is; None where there is one
    detection for each, in their order.
    """

    boxes: NDArray[np.int32]
    labels: NDArray[np.int64]
    scores: NDArray[np.float32]
    keep: NDArray[np.bool_]
    class_names: tuple[str, ...]
    rois: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        _set_read_only(self, "boxes", as_boxes(self.boxes, np.int32))
        _set_read_only(self, "labels", np.asarray(self.labels, dtype=np.int64))
        _set_read_only(self, "scores", np.asarray(self.scores, dtype=np.float32))
        _set_read_only(self, "keep", np.asarray(self.keep, dtype=np.bool_))
        object.__setattr__(self, "class_names", tuple(self.class_names))
        if self.rois is not None:
            _set_read_only(self, "rois", np.asarray(self.rois, dtype=np.int64))
        for name in ("labels", "scores", "keep", *(["rois"] if self.rois is not None else [])):
            shape = getattr(self, name).shape
            if shape != (len(self.boxes),):
                raise ValueError(f"Detections.{name}: expected shape ({len(self.boxes)},) as boxes has, got {shape}")
        if not self.class_names:
            raise ValueError("Detections.class_names: expected at least the background class, got none")
        if len(self.labels) and not 0 <= self.labels.min() <= self.labels.max() < len(self.class_names):
            raise ValueError(
                f"Detections.labels: expected 0 to {len(self.class_names) - 1}, "
                f"got {self.labels.min()} to {self.labels.max()}"
            )
        if not np.isfinite(self.scores).all():
            raise ValueError("Detections.scores: expected finite numbers, got NaN or infinity")

    @classmethod
    def from_scores(
        cls,
        scores: ArrayLike,
        boxes: ArrayLike,
        class_names: Sequence[str],
        *,
        nms_threshold: float | Suppression = 0.3,
        decision_threshold: float | None = None,
    ) -> "Detections":
        """Decide on a class for each ROI and suppress overlapping ROIs of one class.

        1. The label is the class with the highest of the (N, C) `scores`, background included; the first one on ties.
        2. With `decision_threshold` (the tutorial's `vis_decisionThresholds`), a ROI whose best score lies below it
           becomes background and keeps that score.
        3. Non-maximum suppression per label, background included, as the tutorial's `applyNonMaximaSuppression`; or
           what else `nms_threshold`, a `Suppression`, says: the soft one lowers scores.
        """
        boxes = as_boxes(boxes, np.int32)
        scores = np.asarray(scores, dtype=np.float32)
        if scores.shape != (len(boxes), len(class_names)):
            raise ValueError(f"scores: expected shape ({len(boxes)}, {len(class_names)}), got {scores.shape}")
        if not np.isfinite(scores).all():
            raise ValueError("scores: expected finite numbers, got NaN or infinity")
        labels = np.argmax(scores, axis=1)
        best = scores[np.arange(len(scores)), labels]
        if decision_threshold is not None:
            labels = np.where(best < decision_threshold, 0, labels)
        keep, best = Suppression.of(nms_threshold)(boxes, best, labels)
        return cls(boxes, labels, best, keep, tuple(class_names))

    @classmethod
    def of_every_class(
        cls,
        scores: ArrayLike,
        boxes: ArrayLike,
        class_names: Sequence[str],
        *,
        score_threshold: float,
        nms_threshold: float | Suppression = 0.3,
    ) -> "Detections":
        """Let each ROI be a detection of every class that it scores high enough for, and suppress within each class.

        A ROI can be several detections, or none; background is none. In the order of the ROIs, classes of one ROI side
        by side. So Faster R-CNN's authors and most others detect (`test_net` of py-faster-rcnn).
        scores: (N, C). boxes: (N, 4), or (N, C, 4) where each class has its own. score_threshold: the least score.
        """
        scores, places = np.asarray(scores, np.float32), np.asarray(boxes)
        places = as_boxes(places)[:, None] if places.ndim != 3 else places
        if scores.shape[1:] != (len(class_names),) or len(places) != len(scores):
            raise ValueError(
                f"scores: expected shape ({len(places)}, {len(class_names)}) as there are boxes and classes, "
                f"got {scores.shape}"
            )
        if not np.isfinite(scores).all():
            raise ValueError("scores: expected finite numbers, got NaN or infinity")
        rois, labels = np.nonzero(scores[:, 1:] >= score_threshold)
        labels = labels + 1
        chosen, of_class = places[rois, np.minimum(labels, places.shape[1] - 1)], scores[rois, labels]
        keep, of_class = Suppression.of(nms_threshold)(chosen, of_class, labels)
        return cls(as_boxes(chosen, np.int32), labels, of_class, keep, tuple(class_names), rois)

    @classmethod
    def decided(
        cls,
        scores: NDArray[np.float32],
        rois: NDArray,
        moved: NDArray[np.int32] | None,
        class_names: Sequence[str],
        *,
        nms_threshold: float | Suppression,
        score_threshold: float | None = None,
    ) -> "Detections":
        """Return the detections of scored `rois` (N, 4), which each class moves to `moved` (N, C, 4), if any.

        score_threshold: see `of_every_class`; None: each ROI is decided for its best class (`from_scores`).
        """
        if score_threshold is not None:
            boxes = rois if moved is None else moved
            return cls.of_every_class(
                scores, boxes, class_names, score_threshold=score_threshold, nms_threshold=nms_threshold
            )
        boxes = rois if moved is None else boxes_of_best_class(moved, scores)
        return cls.from_scores(scores, boxes, class_names, nms_threshold=nms_threshold)

    def __len__(self) -> int:
        return len(self.boxes)

    def take(self, indices: ArrayLike) -> "Detections":
        """Return the ROIs that `indices` (numbers or a (N,) mask) name, in that order."""
        chosen = np.asarray(indices)
        if chosen.size == 0:
            chosen = chosen.astype(np.int64)
        rois = np.arange(len(self)) if self.rois is None else self.rois
        return Detections(
            self.boxes[chosen], self.labels[chosen], self.scores[chosen], self.keep[chosen], self.class_names,
            rois[chosen],
        )  # fmt: skip

    def rows_of(self, label: int, nr_rois: int) -> NDArray[np.int64]:
        """Return (nr_rois,) which detection each ROI is as an object of class `label`, -1 for none."""
        mine = np.flatnonzero(self.labels == label)
        rows = np.full(nr_rois, -1, np.int64)
        rows[mine if self.rois is None else self.rois[mine]] = mine
        return rows

    def select(self, threshold: float | None = None) -> "Detections":
        """Return what was found: kept, not background, and with a score of at least `threshold` when there is one."""
        found = self.keep & (self.labels > 0)
        if threshold is not None:
            found &= self.scores >= threshold
        return self.take(found)

    def string_records(self) -> list[dict[str, str]]:
        """Return the tutorial's JSON records: every ROI in order, every value a string, the label a class number."""
        return [
            {
                "label": str(label),
                "score": str(score),
                "nms": str(kept),
                "left": str(box[0]),
                "top": str(box[1]),
                "right": str(box[2]),
                "bottom": str(box[3]),
            }
            for label, score, kept, box in zip(
                self.labels.tolist(), self.scores, self.keep.tolist(), self.boxes.tolist(), strict=True
            )
        ]

    def typed_records(self, threshold: float | None = None) -> list[dict[str, str | float | int]]:
        """Return version 2 of the records: what `select(threshold)` gives, best first, with names and numbers.

        A float32 score is written with the digits that tell it apart (0.53, not 0.5299999713897705).
        """
        found = self.select(threshold)
        return [
            {
                "label": found.class_names[found.labels[i]],
                "score": float(str(found.scores[i])),
                "left": int(found.boxes[i, 0]),
                "top": int(found.boxes[i, 1]),
                "right": int(found.boxes[i, 2]),
                "bottom": int(found.boxes[i, 3]),
            }
            for i in np.argsort(-found.scores, kind="stable")
        ]


def _set_read_only(owner: Detections, name: str, array: NDArray) -> None:
    array = array.copy()
    array.setflags(write=False)
    object.__setattr__(owner, name, array)


def detections_table(detections: Detections) -> str:
    """Return the text of a `detections.tsv`: a header, then every ROI with its class name, tabs between, LF ends."""
    lines = ["\t".join(TSV_HEADER)]
    for record in detections.string_records():
        name = detections.class_names[int(record["label"])]
        if any(character in name for character in "\t\r\n"):
            raise UserError(f"class name {name!r} holds a tab or a line end, which a tsv file cannot: rename the class")
        lines.append("\t".join([name, *(record[column] for column in TSV_HEADER[1:])]))
    return "\n".join(lines) + "\n"


def read_detections_table(path: str | Path, class_names: Sequence[str]) -> Detections:
    """Read a `detections.tsv` back; every faulty line is named in one UserError.

    Accepts a byte order mark, CRLF line ends and a missing last line end.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as UTF-8 text ({error})") from error
    lines = text.split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    numbers = {name: number for number, name in enumerate(class_names)}
    expected = "\t".join(TSV_HEADER)
    if not lines or lines[0].rstrip("\r") != expected:
        got = lines[0].rstrip("\r") if lines else "an empty file"
        raise UserError(f"{path}:1: expected the header {expected!r}, got {got!r}")
    faults, rows = [], []
    for number, line in enumerate(lines[1:], start=2):
        try:
            rows.append(_parse_row(line.rstrip("\r"), numbers))
        except ValueError as error:
            faults.append(f"{path}:{number}: {error}")
    raise_collected(
        faults, f"{path} is not a detections table of these classes:", "Mend the lines or write the file again."
    )
    boxes = np.array([row[3] for row in rows], dtype=np.int32).reshape(-1, 4)
    return Detections(
        boxes,
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([row[1] for row in rows], dtype=np.float32),
        np.array([row[2] for row in rows], dtype=np.bool_),
        tuple(class_names),
    )


def _parse_row(line: str, numbers: dict[str, int]) -> tuple[int, float, bool, list[int]]:
    """Return class number, score, kept and box of one line; ValueError says what was expected and found."""
    fields = line.split("\t")
    if len(fields) != len(TSV_HEADER):
        raise ValueError(f"expected {len(TSV_HEADER)} columns separated by tabs, got {len(fields)}")
    label, score, kept, *box = fields
    if label not in numbers:
        raise ValueError(f"unknown class {label!r}, expected one of {', '.join(numbers)}")
    if kept not in ("True", "False"):
        raise ValueError(f"nms: expected True or False, got {kept!r}")
    try:
        score_number = float(score)
    except ValueError:
        raise ValueError(f"score: expected a number, got {score!r}") from None
    with np.errstate(over="ignore"):  # as it will be stored: the largest float32 of all is written rounded up
        is_finite = bool(np.isfinite(np.float32(score_number)))
    if not is_finite:
        raise ValueError(f"score: expected a finite number, got {score!r}")
    try:
        box_numbers = [int(value) for value in box]
    except ValueError:
        raise ValueError(f"left top right bottom: expected whole numbers, got {' '.join(box)!r}") from None
    if any(abs(value) > 2**31 - 1 for value in box_numbers):
        raise ValueError(f"left top right bottom: expected pixels, got {' '.join(box)!r}")
    return numbers[label], score_number, kept == "True", box_numbers
