"""Which ROIs are positives of which class, and which classes have any.

Letters in shapes: n ROIs of a picture, C classes (0 is the background).
"""

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from helpers.errors import UserError

_log = logging.getLogger(__name__)


def trainable_classes(
    overlaps: Sequence[NDArray[np.float32]], threshold: float, class_names: Sequence[str] | None, *, skip: bool
) -> list[int]:
    """Return the indices of the classes that have positives; `UserError` that names the others, unless `skip`.

    overlaps: (n, C) of each picture. threshold: see `positives_of`.
    """
    counts = sum(
        np.bincount(best[positive], minlength=overlap.shape[1])
        for overlap in overlaps
        for best, positive in [positives_of(overlap, threshold)]
    )
    assert isinstance(counts, np.ndarray)
    empty = [j for j in range(1, len(counts)) if counts[j] == 0]
    if empty:
        names = ", ".join(names_of(empty, class_names))
        if not skip or len(empty) == len(counts) - 1:
            raise UserError(
                f"No positive example for: {names}. An SVM cannot be trained without any. Annotate objects of "
                f"{'this class' if len(empty) == 1 else 'these classes'} in positive/, or take "
                f"{'it' if len(empty) == 1 else 'them'} out of `classes`, or let step 4 pass over such classes: "
                "--set svm_skipClassesWithoutPositives=True"
            )
        _log.warning("No positive example for: %s. Skipped: never detected.", names)
    return [j for j in range(1, len(counts)) if counts[j] > 0]


def names_of(indices: list[int], class_names: Sequence[str] | None) -> list[str]:
    """Return the names of classes, for a message."""
    return [class_names[j] if class_names is not None else f"class {j}" for j in indices]


def positives_of(overlap: NDArray[np.float32], threshold: float) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the class each ROI overlaps most, (n,), and whether by enough to be its positive, (n,) bool."""
    best = overlap[:, 1:].argmax(axis=1) + 1
    return best, overlap[np.arange(len(overlap)), best] >= threshold
