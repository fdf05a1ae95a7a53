"""How the ROIs of a picture are scored: one function for step 5, step 6 and `Detector`."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastRCNN.boxes.box_regression import moved_boxes
from fastRCNN.pipeline.classifiers.protocol import Scorer
from helpers.errors import UserError


class ScoredRois(NamedTuple):
    """The ROIs of a picture, scored. Letters: N ROIs, C classes with background first."""

    rois: NDArray  # (N, 4) x1 y1 x2 y2
    scores: NDArray[np.float32]  # (N, C)
    moved: NDArray[np.int32] | None  # (N, C, 4) where each class moves the ROI to; None without box regression


def score_picture(scorer: Scorer, rows: NDArray[np.float32], rois: NDArray, width: int, height: int) -> ScoredRois:
    """Return scores and boxes of the `rois` (N, 4) of a picture of `width` x `height` pixels.

    `rows` (N, W) is what the engine gives for them; W must be `scorer.width` (`require_width`).
    """
    scores, offsets = scorer(rows)
    moved = None if offsets is None else moved_boxes(rois, offsets, width, height)
    return ScoredRois(rois, scores.astype(np.float32, copy=False), moved)


def score_threshold_of(parameters: Mapping[str, Any]) -> float | None:
    """Return the score from which on a ROI is a detection of a class, as `parameters` (by name) say for the classifier.

    None: a ROI is one of its best class only, as the tutorial and CNTK's example of Faster R-CNN decide.
    """
    if parameters["compat"] == "tutorial":
        return None
    chosen: float | None = parameters["scoreThresholds"].get(parameters["classifier"])
    return chosen


def require_width(scorer: Scorer, found: int, where: object) -> None:
    """Raise `UserError` that names `where` (a file) unless the rows there hold as many numbers as `scorer` needs."""
    if found != scorer.width:
        raise UserError(
            f"{where}: expected {scorer.width} numbers for each ROI ({scorer.why_width}), found {found}. "
            f"Run {scorer.scripts} again"
        )
