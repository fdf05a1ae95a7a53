"""What pictures that were learnt from add up to, in one process or several, and what that means."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fastRCNN.faster.steps import LOSSES, PictureLosses

SUMS = (*LOSSES, "wrong", "rois", "covered", "objects", "pictures")


def sums_of(results: Sequence[PictureLosses]) -> NDArray[np.float64]:
    """Return the sums over pictures, (9,), by the names `SUMS`."""
    rows = [
        [*(float(each.losses.get(name, 0.0)) for name in LOSSES), each.wrong, each.rois, each.covered, each.objects, 1]
        for each in results
    ]
    return np.array(rows, np.float64).reshape(-1, len(SUMS)).sum(axis=0)


def means_of(sums: NDArray[np.float64]) -> dict[str, float]:
    """Return the means over pictures of the four losses (0 where there was none), wrong ROIs and recall."""
    of = dict(zip(SUMS, sums.tolist(), strict=True))
    return {
        **{name: of[name] / max(of["pictures"], 1) for name in LOSSES},
        "error": of["wrong"] / max(of["rois"], 1),
        "recall": of["covered"] / max(of["objects"], 1),
    }
