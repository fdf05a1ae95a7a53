"""How many annotated objects the ROIs cover: an object without a ROI on it cannot be found, whatever comes later.

An object counts as covered from an overlap of `threshold` on (at least, as in the tutorial's `B1_evaluateRois.py` and
in training; evaluation asks for more than the threshold). Letters in shapes: R ROIs and G objects of a picture, O
objects of all pictures, K numbers of ROIs, T thresholds.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.boxes import as_boxes, iou_matrix


def best_overlaps(
    rois_per_picture: Iterable[ArrayLike], gt_per_picture: Iterable[ArrayLike], counts: Sequence[int | None] = (None,)
) -> NDArray[np.float64]:
    """Return (K, O): the largest IoU of each object with the first `counts[k]` ROIs of its picture (None: with all).

    rois_per_picture: (R, 4) each; gt_per_picture: (G, 4) each. Objects stand in the order of the pictures; an object
    without a ROI has 0.
    """
    columns = [np.zeros((len(counts), 0))]
    for rois, gt_boxes in zip(rois_per_picture, gt_per_picture, strict=True):
        rois, gt_boxes = as_boxes(rois), as_boxes(gt_boxes)
        running = np.maximum.accumulate(iou_matrix(rois, gt_boxes), axis=0)  # (R, G): best of the ROIs so far
        running = np.vstack([np.zeros((1, len(gt_boxes))), running])
        columns.append(running[[len(rois) if count is None else min(count, len(rois)) for count in counts]])
    return np.concatenate(columns, axis=1)


def proposal_recall(
    rois_per_picture: Iterable[ArrayLike], gt_per_picture: Iterable[ArrayLike], thresholds: ArrayLike = (0.5,)
) -> NDArray[np.float64]:
    """Return (T,) the share of objects that a ROI covers at each of `thresholds`; NaN when there is no object."""
    return recall_at(best_overlaps(rois_per_picture, gt_per_picture), thresholds)[0]


def recall_at(overlaps: ArrayLike, thresholds: ArrayLike) -> NDArray[np.float64]:
    """Return (K, T) the share of (K, O) `overlaps` that reach each of `thresholds`; NaN without objects."""
    overlaps, thresholds = np.atleast_2d(np.asarray(overlaps, dtype=float)), np.atleast_1d(np.asarray(thresholds))
    if overlaps.shape[1] == 0:
        return np.full((len(overlaps), len(thresholds)), np.nan)
    return (overlaps[:, :, None] >= thresholds).mean(axis=1)
