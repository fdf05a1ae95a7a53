"""Which values of what people tune by hand are best, asked of the training pictures: each part is left out in turn.

One parameter after the other, the cheapest first: what thins out detections needs no training at all, nor does the
number of ROIs or leaving out box regression; what changes the SVMs trains them again. A value is taken where it is
better than the present one by more than the standard error of the difference over the folds, and stays for the
parameters that follow. Embeddings are those that step 3 left.

What is chosen by some pictures looks better on these than on others: a gain here is the most to expect.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastRCNN.boxes.suppression import Suppression
from fastRCNN.datasets.imdb import Dataset
from fastRCNN.evaluation.average_precision import PictureResult, evaluate
from fastRCNN.pipeline.folds import FoldOptions, scored_folds
from fastRCNN.pipeline.unstored_rows import Unstored
from helpers.artifacts import Artifacts

Scored = list[list[PictureResult]]  # of each fold its pictures


@dataclass(frozen=True)
class Trial:
    """A value of a parameter and its mAP (area) in each fold; taken: whether it is better than what there was."""

    parameter: str
    value: Any
    areas: tuple[float, ...]
    taken: bool = False

    @property
    def mean(self) -> float:
        """Mean over the folds."""
        return float(np.mean(self.areas))

    @property
    def spread(self) -> float:
        """Standard deviation over the folds."""
        return float(np.std(self.areas, ddof=1)) if len(self.areas) > 1 else 0.0


@dataclass(frozen=True)
class Step:
    """A parameter to tune: what its values make of the options; `trains`: whether the SVMs have to be trained again.

    look: what its values make of scored pictures, where they need no training; None: nothing.
    """

    parameter: str
    values: tuple[Any, ...]
    change: Callable[[FoldOptions, Any], FoldOptions]
    trains: bool = False
    look: Callable[[PictureResult, Any], PictureResult] | None = None


def _threshold(options: FoldOptions, value: float) -> FoldOptions:
    return replace(options, nms_threshold=replace(Suppression.of(options.nms_threshold), threshold=value, sigma=0.0))


def _soft(options: FoldOptions, value: float) -> FoldOptions:
    return replace(options, nms_threshold=replace(Suppression.of(options.nms_threshold), sigma=value))


def _without_moves(picture: PictureResult, value: bool) -> PictureResult:
    return picture if value else replace(picture, moved=None)


def _first(picture: PictureResult, count: int) -> PictureResult:
    moved = None if picture.moved is None else picture.moved[:count]
    return replace(picture, boxes=picture.boxes[:count], scores=picture.scores[:count], moved=moved)


def steps_of(options: FoldOptions) -> list[Step]:
    """Return what is tuned from `options` on, cheapest first."""
    suppression = Suppression.of(options.nms_threshold)
    thresholds = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6} | ({suppression.threshold} if suppression.sigma == 0 else set())
    rois = {max(1, options.nr_rois // part) for part in (8, 4, 2, 1)}
    c, overlap = options.training.C, options.training.positive_overlap
    steps = [
        Step("nmsThreshold", tuple(sorted(thresholds)), _threshold),
        Step("nms_softSigma", (0.05, 0.1, 0.3, 0.5), _soft),
        Step("cntk_nrRois", tuple(sorted(rois)), lambda o, value: replace(o, nr_rois=value), look=_first),
        Step("svm_bboxRegression", (False,), lambda o, value: replace(o, with_boxes=value), look=_without_moves),
        Step("svm_C", (c / 10, c, c * 10), _training("C"), trains=True),
        Step("train_posOverlapThres", tuple(sorted({0.4, 0.6, overlap})), _training("positive_overlap"), trains=True),
    ]
    return [step for step in steps if options.with_boxes or step.parameter != "svm_bboxRegression"]


def _training(name: str) -> Callable[[FoldOptions, Any], FoldOptions]:
    def change(options: FoldOptions, value: Any) -> FoldOptions:
        return replace(options, training=replace(options.training, **{name: value}))

    return change


def tune(
    imdb: Dataset,
    artifacts: Artifacts,
    folds: int,
    options: FoldOptions,
    *,
    seconds: float,
    unstored: Unstored | None = None,
) -> Iterator[Trial]:
    """Yield a trial for what there is (parameter ""), then for each value that is tried, within about `seconds`.

    A training that would end later, by how long the last one took, is left out. unstored: see `scored_folds`.
    """
    start = time.monotonic()
    scored = [list(left_out) for left_out in scored_folds(imdb, artifacts, folds, options, unstored=unstored)]
    took = time.monotonic() - start
    best = Trial("", "", _areas(scored, imdb.classes, options))
    yield best
    for step in steps_of(options):
        found: list[tuple[Trial, FoldOptions, Scored]] = []
        for value in step.values:
            changed = step.change(options, value)
            pictures = scored
            if step.trains and changed != options:
                if time.monotonic() - start + took > seconds:
                    return
                left_out = scored_folds(imdb, artifacts, folds, changed, unstored=unstored)
                pictures = [list(of_fold) for of_fold in left_out]
            elif step.look is not None:
                pictures = [[step.look(picture, value) for picture in of_fold] for of_fold in scored]
            found.append((Trial(step.parameter, value, _areas(pictures, imdb.classes, changed)), changed, pictures))
        top = max(range(len(found)), key=lambda number: found[number][0].mean)
        taken = is_better(found[top][0].areas, best.areas)
        for number, (trial, _, _) in enumerate(found):
            yield replace(trial, taken=taken and number == top)
        if taken:
            best, options, scored = found[top]


def is_better(areas: Sequence[float], before: Sequence[float]) -> bool:
    """Return whether `areas` are higher than those `before`, fold by fold, by more than the standard error."""
    gains = np.subtract(areas, before)
    error = np.std(gains, ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else 0.0
    return bool(gains.mean() > error)


def _areas(scored: Scored, classes: Sequence[str], options: FoldOptions) -> tuple[float, ...]:
    """Return mAP of each fold, 0 for one without objects."""
    return tuple(
        evaluate(
            pictures, classes, nms_threshold=options.nms_threshold, overlap_threshold=options.overlap_threshold
        ).map_area
        or 0.0
        for pictures in scored
    )
