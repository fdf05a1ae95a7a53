"""One number for a ranking: both average precisions of Pascal VOC, from what is right in order of falling score.

Letters in shapes: N detections of one class.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def ap_11point(right: ArrayLike, *, positives: int, compat: str = "corrected") -> float | None:
    """Return VOC 2007's average precision of (N,) `right` flags in score order; None without `positives`."""
    if positives == 0:
        return None
    found = np.cumsum(np.asarray(right, dtype=bool))
    heights = envelope(found)
    if compat == "tutorial":
        first = np.searchsorted(found / positives, np.arange(0.0, 1.1, 0.1), side="left")
    else:  # recall found / positives >= k / 10, in whole numbers
        first = np.searchsorted(10 * found, np.arange(11) * positives, side="left")
    return float(heights[first].sum() / 11)


def ap_area(right: ArrayLike, *, positives: int) -> float | None:
    """Return the area under the precision envelope of (N,) `right` flags in score order; None without `positives`."""
    if positives == 0:
        return None
    right = np.asarray(right, dtype=bool)
    return float(envelope(np.cumsum(right))[:-1][right].sum() / positives)


def envelope(found: NDArray) -> NDArray[np.float64]:
    """Return (N + 1,) the best precision at each rank or a later one, closed with 0 for recalls never reached.

    found: (N,) how many of the detections up to each are right.
    """
    precisions = found / np.arange(1, len(found) + 1)
    return np.append(np.maximum.accumulate(precisions[::-1])[::-1], 0.0)
