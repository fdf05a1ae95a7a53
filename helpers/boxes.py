"""The box convention and its arithmetic: the one place that knows of the "+1".

A box is `x1 y1 x2 y2`: 0-based, inclusive, pixels of the upright original picture, signed. A box that covers one pixel
has x1 == x2, so its width is `x2 - x1 + 1`. Letters in shapes: N, M boxes.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def as_boxes(boxes: ArrayLike, dtype: type = np.float64) -> NDArray:
    """Return `boxes` as an (N, 4) array of `dtype`; an empty list gives (0, 4).

    Raises ValueError for any other shape: a single flat box of four numbers is refused, not guessed at.
    """
    array: NDArray = np.asarray(boxes, dtype=dtype)
    if array.size == 0:
        return array.reshape(0, 4)
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f"boxes: expected shape (N, 4) with x1 y1 x2 y2, got {array.shape}")
    return array


def widths_heights(boxes: ArrayLike) -> tuple[NDArray, NDArray]:
    """Return widths and heights in pixels, two float64 arrays of shape (N,), of (N, 4) `boxes`."""
    boxes = as_boxes(boxes)
    return boxes[:, 2] - boxes[:, 0] + 1, boxes[:, 3] - boxes[:, 1] + 1


def areas(boxes: ArrayLike) -> NDArray:
    """Return the areas in square pixels, (N,) float64, of (N, 4) `boxes`."""
    widths, heights = widths_heights(boxes)
    return widths * heights


def iou_matrix(boxes: ArrayLike, others: ArrayLike) -> NDArray:
    """Return the intersection over union, (N, M) float64 in [0, 1], of each of N `boxes` with each of M `others`.

    Two boxes of 10 x 10 pixels, the second 5 to the right: they share 50 pixels and cover 150 together. 5 to the right
    and 5 down: 25 of 175. So half of an object is not half an IoU.

    >>> iou_matrix([[0, 0, 9, 9]], [[0, 0, 9, 9], [5, 0, 14, 9], [5, 5, 14, 14], [20, 20, 29, 29]]).round(3).tolist()
    [[1.0, 0.333, 0.143, 0.0]]

    The published tutorial computed this in compiled Cython (`utils/cython_bbox`); same "+1" convention.
    """
    intersection = intersections(boxes, others)
    union = areas(boxes)[:, None] + areas(others)[None, :] - intersection
    return intersection / union


def intersections(boxes: ArrayLike, others: ArrayLike) -> NDArray:
    """Return the area in square pixels, (N, M) float64, that each of N `boxes` shares with each of M `others`."""
    a, b = as_boxes(boxes), as_boxes(others)
    width = np.minimum(a[:, None, 2], b[None, :, 2]) - np.maximum(a[:, None, 0], b[None, :, 0]) + 1
    height = np.minimum(a[:, None, 3], b[None, :, 3]) - np.maximum(a[:, None, 1], b[None, :, 1]) + 1
    return np.maximum(width, 0) * np.maximum(height, 0)


def paired_iou(boxes: ArrayLike, others: ArrayLike) -> NDArray[np.float64]:
    """Return the (N,) intersection over union of each of (N, 4) `boxes` with the one of `others` beside it."""
    first, second = as_boxes(boxes), as_boxes(others)
    corners = np.hstack([np.maximum(first[:, :2], second[:, :2]), np.minimum(first[:, 2:], second[:, 2:])])
    wide, high = widths_heights(corners)
    common = np.maximum(wide, 0) * np.maximum(high, 0)
    return common / (areas(first) + areas(second) - common)


def clip_boxes(boxes: ArrayLike, width: int, height: int) -> NDArray:
    """Return (N, 4) `boxes`, same dtype, cut to a picture of `width` x `height` pixels."""
    boxes = np.asarray(boxes)
    limits = np.array([width - 1, height - 1, width - 1, height - 1])
    return np.clip(as_boxes(boxes, boxes.dtype.type), 0, limits).astype(boxes.dtype, copy=False)
