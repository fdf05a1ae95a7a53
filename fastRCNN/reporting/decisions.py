"""What the decisions on a set of pictures amount to: counts over thresholds, confusions, mistakes.

Here detections are what step 6 reports: each ROI decided for one class, kept by NMS. (Average precision, in
`fastRCNN.evaluation.average_precision`, ranks every ROI for every class instead.) Letters in shapes: C classes with
background first, T thresholds.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastRCNN.boxes.ignored import ignored_detections
from fastRCNN.evaluation.average_precision import PictureResult
from fastRCNN.evaluation.confusion import confusion_matrix
from fastRCNN.evaluation.detections import Detections
from fastRCNN.evaluation.matching import ThresholdCounts, count_over_thresholds, match_detections
from fastRCNN.reporting.mistakes import Mistake, find_mistakes


@dataclass(frozen=True, eq=False)
class PictureDecisions:
    """What stays of a scored picture: a few boxes. found: kept objects of any score, before the threshold."""

    path: Path
    found: Detections
    gt_boxes: NDArray[np.int32]
    gt_classes: NDArray[np.int64]
    misses: tuple[Mistake, ...]
    alarms: tuple[Mistake, ...]

    @property
    def missed(self) -> NDArray[np.bool_]:
        """(G,): which objects no detection of their class found."""
        return np.isin(np.arange(len(self.gt_classes)), [miss.number for miss in self.misses])


def decide(
    picture: PictureResult, detections: Detections, *, threshold: float | None = None, overlap_threshold: float = 0.5
) -> PictureDecisions:
    """Return what stays of `picture` with its `detections`; threshold: what is below does not count as found.

    Nor does what lies on an ignored box: it is neither right nor wrong.
    """
    ignored = ignored_detections(
        detections.boxes, detections.labels, picture.gt_boxes, picture.gt_classes, picture.ignored_boxes,
        threshold=overlap_threshold,
    )  # fmt: skip
    misses, alarms = find_mistakes(
        picture, detections, threshold=threshold, overlap_threshold=overlap_threshold, ignored=ignored
    )
    counted = dataclasses.replace(detections, keep=detections.keep & ~ignored)
    return PictureDecisions(
        picture.path, counted.select(), picture.gt_boxes, picture.gt_classes, tuple(misses), tuple(alarms)
    )


def counts_per_class(
    pictures: Sequence[PictureDecisions], nr_classes: int, thresholds: ArrayLike, *, overlap_threshold: float = 0.5
) -> tuple[ThresholdCounts, list[ThresholdCounts]]:
    """Return the counts over (T,) `thresholds` for all classes together, and for each object class."""
    matchings = []
    for number in range(1, nr_classes):
        chosen = [picture.found.take(picture.found.labels == number) for picture in pictures]
        truth = [picture.gt_boxes[picture.gt_classes == number] for picture in pictures]
        matchings.append(
            match_detections(
                np.concatenate([np.zeros((0, 4)), *(found.boxes for found in chosen)]),
                np.concatenate([np.zeros(0, np.float32), *(found.scores for found in chosen)]),
                np.repeat(np.arange(len(pictures)), [len(found) for found in chosen]),
                np.concatenate([np.zeros((0, 4)), *truth]),
                np.repeat(np.arange(len(pictures)), [len(boxes) for boxes in truth]),
                overlap_threshold=overlap_threshold,
            )
        )
    return count_over_thresholds(matchings, thresholds), [count_over_thresholds([m], thresholds) for m in matchings]


def confusions(
    pictures: Sequence[PictureDecisions],
    nr_classes: int,
    *,
    threshold: float | None = None,
    overlap_threshold: float = 0.5,
) -> NDArray[np.int64]:
    """Return the (C, C) confusion matrix of what was found with at least `threshold`.

    It matches across classes; counts and mistakes match within each class.
    """
    chosen = ((p.found.select(threshold), p.gt_boxes, p.gt_classes) for p in pictures)
    return confusion_matrix(chosen, nr_classes, overlap_threshold=overlap_threshold)


def round_thresholds(
    pictures: Sequence[PictureDecisions], *, probabilities: bool = False, threshold: float | None = None
) -> NDArray[np.float64]:
    """Return (T,) about twenty round numbers over the range of the scores, and `threshold` itself.

    Probabilities get 0, 0.05, ..., 0.95; margins go from 0 to the highest one, in steps of 1, 2 or 5 times a power of
    ten.
    """
    if probabilities:
        numbers = np.arange(20) * 0.05
    else:
        highest = max([float(p.found.scores.max(initial=0)) for p in pictures] + [float(threshold or 0), 1e-3])
        power = 10.0 ** math.floor(math.log10(highest / 20))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor * 20 >= highest * (1 - 1e-9))
        numbers = np.arange(math.floor(highest / step) + 1) * step
    numbers = numbers if threshold is None else np.append(numbers, threshold)
    return np.unique(np.round(numbers, 10))
