"""Tightening a box that was drawn roughly: its sides move to the nearest proposal of step 1."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.boxes import as_boxes, iou_matrix

MIN_OVERLAP = 0.6  # intersection over union: less is another object
_KEPT = 4  # pictures whose proposals are remembered


def nearest_proposal(box: Sequence[int], proposals: ArrayLike) -> list[int] | None:
    """Return that of (R, 4) `proposals` which overlaps `box` most, if by more than `MIN_OVERLAP`, else None."""
    candidates = as_boxes(proposals, np.int64)
    candidates = candidates[(candidates[:, 2] > candidates[:, 0]) & (candidates[:, 3] > candidates[:, 1])]
    if len(candidates) == 0:
        return None
    overlaps = iou_matrix([list(box)], candidates)[0]
    best = int(overlaps.argmax())
    return candidates[best].tolist() if overlaps[best] > MIN_OVERLAP else None


class Proposals:
    """The proposals of step 1, computed when they are asked for: new pictures have no ROI file yet."""

    def __init__(self, roi_source: Callable[[NDArray[np.uint8]], NDArray[np.int32]]) -> None:
        self._roi_source = roi_source
        self._known: OrderedDict[tuple, NDArray[np.int32]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, path: Path, read: Callable[[Path], NDArray[np.uint8]]) -> NDArray[np.int32]:
        """Return the (R, 4) proposals of the picture in `path`, which `read` reads."""
        key = (path, path.stat().st_mtime_ns)
        with self._lock:
            if key not in self._known:
                self._known[key] = self._roi_source(read(path))
                while len(self._known) > _KEPT:
                    self._known.popitem(last=False)
            return self._known[key]
