"""Box regression beside the SVMs: fitted on the embeddings that step 3 wrote for the training pictures."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fastRCNN.boxes.box_regression import NEAR, BoxRegressor, best_objects, box_targets
from fastRCNN.boxes.ridge_choice import fit_boxes
from fastRCNN.svm.reading import dimension_of, in_order

_MOST_ROWS = 16_000  # that it is fitted to, drawn from all pictures


class BoxExamples:
    """The ROIs of training pictures that learn to move: each one that overlaps an object by `NEAR` or more learns to
    become the one that it overlaps most. Their embeddings come from whoever reads them first.

    For each picture: its `rois` (R, 4) and annotated `objects` (G, 4), both x1 y1 x2 y2. seed: of what is drawn.
    """

    def __init__(self, rois: Sequence[NDArray], objects: Sequence[NDArray], *, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        matches = [best_objects(of_picture, truth) for of_picture, truth in zip(rois, objects, strict=True)]
        near = [np.flatnonzero(overlap >= NEAR) for _, overlap in matches]
        numbers = np.repeat(np.arange(len(near)), [len(of_picture) for of_picture in near])
        drawn = np.sort(self._rng.permutation(len(numbers))[:_MOST_ROWS])
        self._pictures = numbers[drawn]  # (N,) the picture of each
        places = np.concatenate([np.zeros(0, np.int64), *near])[drawn]
        used, begins = np.unique(self._pictures, return_index=True)
        self._places = dict(zip(used.tolist(), np.split(places, begins[1:]), strict=True)) if len(used) else {}
        self._moved, self._targets = [np.zeros((0, 4))], [np.zeros((0, 4))]
        for picture, chosen in self._places.items():
            self._moved.append(rois[picture][chosen])
            self._targets.append(box_targets(self._moved[-1], objects[picture][matches[picture][0][chosen]]))
        self._rows: dict[int, NDArray[np.float32]] = {}

    def take(self, picture: int, embeddings: NDArray[np.floating]) -> None:
        """Keep what is needed of the `embeddings` (R, D) of the picture with this number."""
        if picture in self._places and picture not in self._rows:
            self._rows[picture] = np.array(embeddings[self._places[picture]], np.float32)

    def fit(
        self, embeddings: Sequence[NDArray[np.float32]], *, nr_classes: int, ridge: float | None = None
    ) -> BoxRegressor | None:
        """Return the box regression of `nr_classes` classes (background included), the same for each of them.

        embeddings: (R, D) of all pictures; read are those that `take` has not seen. ridge: see `fit_ridge`; None
        chooses it by pictures that are left out (`fastRCNN.boxes.ridge_choice`), and returns None where moving ROIs
        does not help there; the log says which.
        """
        missing = [picture for picture in self._places if picture not in self._rows]
        for picture, of_picture in zip(missing, in_order(embeddings, missing), strict=True):
            self.take(picture, of_picture)
        rows = [self._rows[picture] for picture in self._places] or [
            np.zeros((0, dimension_of(embeddings)), np.float32)
        ]
        self._rows = {}
        fitted = fit_boxes(np.concatenate(rows), np.concatenate(self._moved),
                           np.concatenate(self._targets), self._pictures, ridge=ridge, rng=self._rng)  # fmt: skip
        if fitted is None:
            return None
        weights, biases = fitted
        return BoxRegressor(np.tile(weights, (nr_classes, 1, 1)), np.tile(biases, (nr_classes, 1)))
