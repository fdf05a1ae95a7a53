"""Box regression beside the SVMs: fitted on the embeddings that step 3 wrote for the training pictures."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fastRCNN.boxes.box_regression import NEAR, BoxRegressor, best_objects, box_targets
from fastRCNN.boxes.ridge_choice import fit_boxes
from fastRCNN.svm.reading import dimension_of, in_order

_MOST_ROWS = 16_000  # that it is fitted to, drawn from all pictures: more take memory and change nothing


def train_svm_boxes(
    embeddings: Sequence[NDArray[np.float32]],
    rois: Sequence[NDArray],
    objects: Sequence[NDArray],
    *,
    nr_classes: int,
    ridge: float | None = None,
    seed: int = 0,
) -> BoxRegressor | None:
    """Return the box regression of `nr_classes` classes (background included), the same for each of them.

    For each picture: `embeddings` (R, D) of its `rois` (R, 4), and its annotated `objects` (G, 4), both x1 y1 x2 y2.
    Every ROI that overlaps an object by `NEAR` or more learns to become the one that it overlaps most. ridge: see
    `fit_ridge`; None chooses it by pictures that are left out (`fastRCNN.boxes.ridge_choice`), and returns None where
    moving ROIs does not help there; the log says which. seed: of what is drawn.
    """
    rng = np.random.default_rng(seed)
    matches = [best_objects(of_picture, truth) for of_picture, truth in zip(rois, objects, strict=True)]
    near = [np.flatnonzero(overlap >= NEAR) for _, overlap in matches]
    numbers = np.repeat(np.arange(len(near)), [len(of_picture) for of_picture in near])
    drawn = np.sort(rng.permutation(len(numbers))[:_MOST_ROWS])
    places, pictures = np.concatenate([np.zeros(0, np.int64), *near])[drawn], numbers[drawn]
    rows, targets, moved = [], [np.zeros((0, 4))], [np.zeros((0, 4))]
    used = np.unique(pictures).tolist()
    for number, of_picture in zip(used, in_order(embeddings, used), strict=True):
        chosen = places[pictures == number]
        rows.append(np.array(of_picture[chosen], np.float32))
        moved.append(rois[number][chosen])
        targets.append(box_targets(moved[-1], objects[number][matches[number][0][chosen]]))
    together = np.concatenate(rows) if rows else np.zeros((0, dimension_of(embeddings)), np.float32)
    fitted = fit_boxes(together, np.concatenate(moved), np.concatenate(targets), pictures, ridge=ridge, rng=rng)
    if fitted is None:
        return None
    weights, biases = fitted
    return BoxRegressor(np.tile(weights, (nr_classes, 1, 1)), np.tile(biases, (nr_classes, 1)))
