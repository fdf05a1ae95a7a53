"""Following boxes from one frame of a video into the next, without a trained model.

Median flow (Kalal, Mikolajczyk and Matas, "Forward-Backward Error: Automatic Detection of Tracking Failures", 2010):
points on a grid in the box are followed by optical flow (Lucas and Kanade, pyramidal), forward and back again; of those
that come back, the median movement moves the box and the median change of their distances resizes it. VoTT used
CamShift, which follows a colour; that loses objects on a ground of the same colour.
"""

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

_GRID = 10  # points along each side
_FEWEST = 8  # points that must come back
_FARTHEST_BACK = 1.5  # pixels between where a point started and where it comes back to
_LIKENESS = 0.6  # correlation of the surroundings of a point, before and after
_SAME_LOOK = 0.5  # correlation of what the whole box shows, before and after
_PATCH = 32  # pixels: boxes are compared at this size
_LONGEST = 960  # pixels: frames are shrunk to this
_WINDOW = 21


def follow_boxes(
    frames: Iterable[NDArray[np.uint8]], boxes: Sequence[Sequence[int]]
) -> tuple[list[list[int]], list[bool]]:
    """Return where (x1 y1 x2 y2) `boxes` of the first of `frames` are in the last one, and which were followed.

    Frames are (H, W, 3) uint8 BGR of one size. A box that is lost stays where it was last seen.
    """
    following = iter(frames)
    first = next(following, None)
    current = [np.array([x1, y1, x2 + 1, y2 + 1], np.float64) for x1, y1, x2, y2 in boxes]
    followed = [True] * len(current)
    if first is None:
        return [list(map(int, box)) for box in boxes], [False] * len(current)
    height, width = first.shape[:2]
    scale = min(1.0, _LONGEST / max(height, width))
    before = _grey(first, scale)
    for frame in following:
        after = _grey(frame, scale)
        for index, box in enumerate(current):
            if followed[index]:
                moved = _median_flow(before, after, box * scale)
                if moved is None:
                    followed[index] = False
                else:
                    current[index] = moved / scale
        before = after
    return [_inside(box, width, height) for box in current], followed


def _median_flow(before: NDArray, after: NDArray, box: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return the box (left, top, right, bottom) in the next frame; None when it is lost."""
    left, top, right, bottom = box
    xs = left + (np.arange(_GRID) + 0.5) * (right - left) / _GRID
    ys = top + (np.arange(_GRID) + 0.5) * (bottom - top) / _GRID
    points = np.stack(np.meshgrid(xs, ys), -1).reshape(-1, 1, 2).astype(np.float32)
    options = {"winSize": (_WINDOW, _WINDOW), "maxLevel": 4}
    forward, there, _ = cv2.calcOpticalFlowPyrLK(before, after, points, None, **options)  # type: ignore[call-overload]
    back, again, _ = cv2.calcOpticalFlowPyrLK(after, before, forward, None, **options)  # type: ignore[call-overload]
    start, end = points[:, 0].astype(np.float64), forward[:, 0].astype(np.float64)
    error = np.linalg.norm(back[:, 0] - points[:, 0], axis=1)
    good = (there[:, 0] == 1) & (again[:, 0] == 1) & (error <= _FARTHEST_BACK)
    good &= (end >= 0).all(axis=1) & (end < [after.shape[1], after.shape[0]]).all(axis=1)
    good[good] &= _likeness(before, after, start[good], end[good]) >= _LIKENESS
    if good.sum() < _FEWEST:
        return None
    start, end = start[good], end[good]
    shift = np.median(end - start, axis=0)
    pairs = np.triu_indices(len(start), 1)
    distance = np.linalg.norm(start[pairs[0]] - start[pairs[1]], axis=1)
    size = float(np.median(np.linalg.norm(end[pairs[0]] - end[pairs[1]], axis=1) / distance))
    centre = np.array([left + right, top + bottom]) / 2 + shift
    half = np.array([right - left, bottom - top]) / 2 * np.clip(size, 0.7, 1.4)
    moved = np.concatenate([centre - half, centre + half])
    return moved if _same_look(before, box, after, moved) else None


def _same_look(before: NDArray, box: NDArray[np.float64], after: NDArray, moved: NDArray[np.float64]) -> bool:
    """Whether the two boxes show nearly the same: points can be followed by chance, an object cannot."""
    patches = []
    for frame, (left, top, right, bottom) in ((before, box), (after, moved)):
        size = (max(round(right - left), 2), max(round(bottom - top), 2))
        patch = cv2.getRectSubPix(frame, size, (float(left + right - 1) / 2, float(top + bottom - 1) / 2))
        patches.append(cv2.resize(patch, (_PATCH, _PATCH), interpolation=cv2.INTER_AREA))
    return bool(cv2.matchTemplate(patches[1], patches[0], cv2.TM_CCOEFF_NORMED)[0, 0] >= _SAME_LOOK)


def _likeness(before: NDArray, after: NDArray, start: NDArray, end: NDArray) -> NDArray[np.float64]:
    """Return the correlation of the surroundings of each point before and after, in [-1, 1]."""
    result = np.zeros(len(start))
    for index, (a, b) in enumerate(zip(start, end, strict=True)):
        patches = [
            cv2.getRectSubPix(frame, (11, 11), (float(p[0]), float(p[1]))) for frame, p in ((before, a), (after, b))
        ]
        result[index] = cv2.matchTemplate(patches[1], patches[0], cv2.TM_CCOEFF_NORMED)[0, 0]
    return result


def _grey(frame: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(grey, np.uint8)


def _inside(box: NDArray[np.float64], width: int, height: int) -> list[int]:
    """Return inclusive whole pixels, inside the frame, at least two wide and high."""
    left, top, right, bottom = np.rint(box).astype(int).tolist()
    x1, y1 = min(max(left, 0), width - 2), min(max(top, 0), height - 2)
    return [x1, y1, max(min(right, width) - 1, x1 + 1), max(min(bottom, height) - 1, y1 + 1)]
