"""ROIs for one training window and what the network has to say about each.

The ROIs are what a detector meets: whole products boxed more or less tightly, parts of products, products with much
around them, and places with nothing. So that the features know how well a box fits, a ROI's class is not simply the
product in it: the label moves from background to the design as the overlap grows, and overlap, coverage, filling and
the offsets to it are targets of their own. Letters: R ROIs, K products; boxes x1 y1 x2 y2, inclusive pixels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from helpers.boxes import areas, iou_matrix, widths_heights

SHARES = (0.46, 0.2, 0.14, 0.2)
"""Shares of jittered whole products, parts, loose boxes and random boxes among the ROIs."""


@dataclass(frozen=True)
class Targets:
    """Targets of R ROIs."""

    label: NDArray
    """(R,) int64: design of the best overlapping product; -1 without any product."""
    share: NDArray
    """(R,) float32 in 0..1: how much of the class probability belongs to the design, the rest to background."""
    fit: NDArray
    """(R, 3) float32: overlap (IoU), share of the product inside the ROI, share of the ROI that the product fills."""
    offsets: NDArray
    """(R, 4) float32: (dx, dy, log dw, log dh) to the product's box, in ROI sizes."""
    weight: NDArray
    """(R,) float32: 0 where a product that is mostly hidden or cut makes the truth unclear, else 1."""


def class_share(overlap: NDArray) -> NDArray:
    """Return the design's share of the class target: 0 up to an overlap of 0.3, 1 from 0.8 on, straight in between."""
    return np.clip((np.asarray(overlap, np.float32) - 0.3) / 0.5, 0, 1).astype(np.float32)


def sample_rois(rng: np.random.Generator, boxes: NDArray, count: int, side: int) -> NDArray:
    """Return `count` ROIs, (R, 4) float32 whole pixels inside a window of `side`, around products `boxes` (K, 4)."""
    shares = SHARES if len(boxes) else (0.0, 0.0, 0.0, 1.0)
    kind = rng.choice(4, count, p=shares)
    size = np.exp(rng.uniform(np.log(28), np.log(min(260, side)), count))
    stretch = np.exp(rng.normal(0, 0.35, count))
    width, height = size * stretch, size / stretch
    x, y = rng.uniform(-0.1, 1.0, count) * (side - width / 2), rng.uniform(-0.1, 1.0, count) * (side - height / 2)
    rois = np.stack([x, y, x + width, y + height], 1)
    if len(boxes):
        own = np.asarray(boxes, np.float64)[rng.integers(0, len(boxes), count)]
        w, h = own[:, 2] - own[:, 0] + 1, own[:, 3] - own[:, 1] + 1
        scale = np.stack([w, h, w, h], 1)
        spread = rng.choice([0.0, 0.04, 0.09, 0.18], count)[:, None]
        whole = own + scale * spread * rng.standard_normal((count, 4))
        part_size = rng.uniform(0.25, 0.95, (count, 2))
        corner = rng.random((count, 2)) * (1 - part_size)
        part = own[:, :2].repeat(2, 0).reshape(count, 4) + scale * np.concatenate([corner, corner + part_size], 1)
        loose = own + scale * rng.uniform(0, 0.9, (count, 4)) * np.array([-1, -1, 1, 1])
        for number, choice in enumerate((whole, part, loose)):
            rois = np.where((kind == number)[:, None], choice, rois)
    rois = np.round(rois)
    low, high = np.minimum(rois[:, :2], rois[:, 2:]), np.maximum(rois[:, :2], rois[:, 2:])
    low = np.clip(low, 0, side - 16)
    high = np.clip(np.maximum(high, low + 12), 0, side - 1)
    return np.concatenate([low, high], 1).astype(np.float32)


def make_targets(rois: NDArray, boxes: NDArray, designs: NDArray, clear: NDArray) -> Targets:
    """Return the targets of `rois` (R, 4) for `boxes` (K, 4) of `designs` (K,); `clear` (K,) bool: truth is sure."""
    count = len(rois)
    weight = np.ones(count, np.float32)
    if len(boxes) and not clear.all():
        dim = boxes[~clear]
        unclear = iou_matrix(rois, dim)
        shared = _intersections(rois, dim) / areas(rois)[:, None]
        weight[(unclear.max(1) > 0.2) | (shared.max(1) > 0.5)] = 0
    boxes, designs = boxes[clear], designs[clear]
    if not len(boxes):
        return Targets(
            np.full(count, -1, np.int64),
            np.zeros(count, np.float32),
            np.zeros((count, 3), np.float32),
            np.zeros((count, 4), np.float32),
            weight,
        )
    overlaps = iou_matrix(rois, boxes)
    best = overlaps.argmax(1)
    overlap = overlaps[np.arange(count), best]
    common = _intersections(rois, boxes)[np.arange(count), best]
    own = boxes[best].astype(np.float64)
    fit = np.stack([overlap, common / areas(own), common / areas(rois)], 1)
    width, height = widths_heights(rois)
    own_width, own_height = widths_heights(own)
    offsets = np.stack(
        [
            (own[:, 0] + own[:, 2] - rois[:, 0] - rois[:, 2]) / 2 / width,
            (own[:, 1] + own[:, 3] - rois[:, 1] - rois[:, 3]) / 2 / height,
            np.log(own_width / width),
            np.log(own_height / height),
        ],
        1,
    )
    return Targets(
        np.where(overlap > 0, designs[best], -1).astype(np.int64),
        class_share(overlap),
        fit.astype(np.float32),
        offsets.astype(np.float32),
        weight,
    )


def _intersections(rois: NDArray, boxes: NDArray) -> NDArray:
    width = np.minimum(rois[:, None, 2], boxes[None, :, 2]) - np.maximum(rois[:, None, 0], boxes[None, :, 0]) + 1.0
    height = np.minimum(rois[:, None, 3], boxes[None, :, 3]) - np.maximum(rois[:, None, 1], boxes[None, :, 1]) + 1.0
    return np.maximum(width, 0) * np.maximum(height, 0)
