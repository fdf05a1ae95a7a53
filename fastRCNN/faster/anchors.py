"""Anchors for the objects at hand, and how many objects anchors cover.

The published nine suit Pascal VOC at 600 pixels; of nine small things on a photo of a fridge, none overlaps one of them
by 0.7. `fitted_anchors` chooses widths and heights from the training boxes: k-means where the distance of two sizes is
1 - IoU of boxes of those sizes with one centre (Redmon, Farhadi: YOLO9000, 2016, section 2), started at quantiles, so
that nothing is random. Letters in shapes: A anchors of a cell, G objects.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastRCNN.boxes.box_regression import best_objects
from fastRCNN.rpn.anchors import anchors_of_map

_ROUNDS = 300  # of k-means, at most; it ends when no object changes its anchor


def fitted_anchors(sizes: ArrayLike, count: int = 9, *, centre: float = 7.5) -> NDArray[np.float64]:
    """Return (A, 4) float64 anchors x1 y1 x2 y2 around `centre`, smallest area first, for objects of `sizes` (G, 2).

    sizes: width, height in pixels of the network's picture. With fewer different sizes than `count`, fewer anchors.
    """
    sizes = np.unique(np.asarray(sizes, np.float64).reshape(-1, 2), axis=0)
    if len(sizes) == 0:
        raise ValueError("sizes: expected at least one object")
    order = np.lexsort((sizes[:, 0] / sizes[:, 1], sizes.prod(axis=1)))
    spread = np.linspace(0, len(sizes) - 1, min(count, len(sizes))).round().astype(np.int64)
    middles = sizes[order][spread]
    nearest = np.full(len(sizes), -1)
    for _ in range(_ROUNDS):
        before, nearest = nearest, _size_iou(sizes, middles).argmax(axis=1)
        if (nearest == before).all():
            break
        middles = np.stack([
            np.median(sizes[nearest == k], axis=0) if (nearest == k).any() else middles[k] for k in range(len(middles))
        ])  # fmt: skip
    middles = middles[np.argsort(middles.prod(axis=1), kind="stable")]
    _, first = np.unique(middles.round(2), axis=0, return_index=True)  # the same size but for rounding
    middles = middles[np.sort(first)]
    half = (middles - 1) / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def anchor_recall(
    base: ArrayLike, objects_of_pictures: Iterable[ArrayLike], *, side: int, stride: int, thresholds: ArrayLike
) -> NDArray[np.float64]:
    """Return (T,) the share of objects that some anchor overlaps by each of `thresholds` (T,) or more; NaN without.

    objects_of_pictures: (G, 4) each, in pixels of the network's picture. side: cells of the map along a side.
    """
    anchors = anchors_of_map(np.asarray(base, np.float64), side, side, stride=stride)
    best = [best_objects(objects, anchors)[1] for objects in objects_of_pictures]
    overlaps = np.concatenate([np.zeros(0), *best])
    if len(overlaps) == 0:
        return np.full(np.shape(thresholds), np.nan)
    return (overlaps[:, None] >= np.asarray(thresholds)).mean(axis=0)


def _size_iou(sizes: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (G, A): intersection over union of boxes of `sizes` (G, 2) and `others` (A, 2) with one centre."""
    common = np.minimum(sizes[:, None], others[None]).prod(axis=2)
    return common / (sizes.prod(axis=1)[:, None] + others.prod(axis=1)[None] - common)
