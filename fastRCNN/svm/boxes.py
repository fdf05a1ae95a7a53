"""Box regression beside the SVMs: fitted on the embeddings that step 3 wrote for the training pictures."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fastRCNN.boxes.box_regression import NEAR, BoxRegressor, best_objects, box_targets, fit_ridge


def train_svm_boxes(
    embeddings: Sequence[NDArray[np.float32]],
    rois: Sequence[NDArray[np.int32]],
    objects: Sequence[NDArray[np.int32]],
    *,
    nr_classes: int,
    ridge: float = 1.0,
) -> BoxRegressor:
    """Return the box regression of `nr_classes` classes (background included), the same for each of them.

    For each picture: `embeddings` (R, D) of its `rois` (R, 4), and its annotated `objects` (G, 4), both x1 y1 x2 y2.
    Every ROI that overlaps an object by `NEAR` or more learns to become the one that it overlaps most. The embeddings
    of these ROIs are in memory, of the others one picture's at a time. ridge: see `fit_ridge`.
    """
    rows, targets = [], []
    for of_picture, of_rois, truth in zip(embeddings, rois, objects, strict=True):
        best, overlap = best_objects(of_rois, truth)
        near = overlap >= NEAR
        rows.append(np.array(of_picture[near], np.float32))
        if near.any():
            targets.append(box_targets(of_rois[near], truth[best[near]]))
    weights, biases = fit_ridge(np.concatenate(rows), np.concatenate([np.zeros((0, 4)), *targets]), ridge=ridge)
    return BoxRegressor(np.tile(weights, (nr_classes, 1, 1)), np.tile(biases, (nr_classes, 1)))
