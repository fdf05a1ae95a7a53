"""How strongly box regression is held back, chosen by pictures that are left out.

Where embeddings say where an object is, moving ROIs brings much; where they do not, it harms, and the more so, the
weaker the ridge. So each picture is left out in turn: its ROIs are moved by what the others teach, and the ridge is
taken after which they overlap their objects best. Where they overlap them best unmoved, nothing shall be moved.

Leaving out needs no fit for each picture. With K the kernel of the rows and y their targets, let A = (K + ridge I)^-1.
What the fit without the rows B of a picture predicts for them is y_B - (A_BB)^-1 (A y)_B. (For single rows: Allen's
PRESS, 1974.) With K = V W V', A is V (W + ridge)^-1 V', so one decomposition serves every ridge.
Letters in shapes: N ROIs, D features of a ROI.
"""

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastRCNN.boxes.box_regression import decode, fit_ridge
from fastRCNN.boxes.ridge_regression import RidgeRegression
from helpers.boxes import paired_iou

_log = logging.getLogger(__name__)

RIDGES = (1.0, 10.0, 100.0, 1000.0, 10_000.0)
_TRIED = ", ".join(f"{ridge:g}" for ridge in RIDGES)
_ROWS = 800  # that are looked at, at most: to decompose a matrix of this size takes a moment
_ALIKE = 0.999  # overlap from which on a ROI is the annotated box itself, which no picture has when it is scored
_WITHOUT_CHOICE = 10.0  # the ridge where there are no two pictures to compare
_CONSTANT = 1e4  # added to the kernel: a bias that is hardly held back


@dataclass(frozen=True)
class RidgeChoice:
    """The ridge, None to move nothing; and how much ROIs of left-out pictures overlap their objects, on average."""

    ridge: float | None
    overlap_before: float
    overlap_after: float

    def __str__(self) -> str:
        left_out = f"from {self.overlap_before:.3f} to {self.overlap_after:.3f} in pictures that were left out"
        if self.ridge is None:
            return f"not used: of ridges {_TRIED} the best changes the overlap of ROIs with their objects {left_out}"
        return f"ridge {self.ridge:g} (of {_TRIED}) raises the overlap of ROIs with their objects {left_out}"


def fit_boxes(
    rows: NDArray[np.float32],
    rois: NDArray[np.floating],
    targets: NDArray[np.floating],
    pictures: NDArray[np.int64],
    *,
    ridge: float | None,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """Return weights (4, D) and biases (4,) as `fit_ridge`; None where pictures that are left out say: move nothing.

    ridge: None chooses it as `choose_ridge` does, for the same arguments, and the log says which.
    """
    if len(rows) == 0:
        return fit_ridge(rows, targets)
    regression = RidgeRegression(rows)
    choice = choose_ridge(regression, rois, targets, pictures, rng=rng) if ridge is None else None
    if choice is not None:
        _log.info("Box regression: %s.", choice)
        if choice.ridge is None:
            return None
        ridge = choice.ridge
    return regression.fit(targets, _WITHOUT_CHOICE if ridge is None else ridge)


def choose_ridge(
    rows: NDArray[np.float32] | RidgeRegression,
    rois: NDArray[np.floating],
    targets: NDArray[np.floating],
    pictures: NDArray[np.int64],
    *,
    rng: np.random.Generator,
) -> RidgeChoice | None:
    """Return the choice for `fit_ridge(rows, targets)`; None where there are no two pictures to compare.

    rows (N, D), or what they were made to, of `rois` (N, 4); their `targets` (N, 4) and `pictures` (N,), the number of
    the picture of each.
    """
    chosen = np.sort(rng.permutation(len(rois))[:_ROWS])
    targets, pictures, rois = np.asarray(targets, np.float64)[chosen], pictures[chosen], rois[chosen]
    objects = decode(rois, targets)
    before = paired_iou(rois, objects)
    counted = before < _ALIKE
    if not counted.any() or len(np.unique(pictures)) < 2:
        return None
    regression = rows if isinstance(rows, RidgeRegression) else RidgeRegression(rows)
    values, vectors = np.linalg.eigh(regression.products(chosen) + _CONSTANT)
    projected = vectors.T @ targets
    groups = [np.flatnonzero(pictures == number) for number in np.unique(pictures)]
    after = []
    for ridge in RIDGES:
        divided = vectors / (values + ridge)
        solution, predicted = divided @ projected, np.empty_like(targets)
        for group in groups:
            inverse = divided[group] @ vectors[group].T
            predicted[group] = targets[group] - np.linalg.solve(inverse, solution[group])
        after.append(float(paired_iou(decode(rois, predicted), objects)[counted].mean()))
    best, unmoved = int(np.argmax(after)), float(before[counted].mean())
    return RidgeChoice(RIDGES[best] if after[best] > unmoved else None, unmoved, after[best])
