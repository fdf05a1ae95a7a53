"""Detections, and a network's inputs, drawn on their picture: a colour per class, its name and the score on a chip."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastRCNN.boxes.nms import nms_per_class
from fastRCNN.evaluation.detections import Detections
from helpers.boxes import as_boxes
from helpers.drawing import GROUND_TRUTH_COLOR, captioned, class_color, draw_boxes
from helpers.fonts import legible_names
from helpers.images import resize_to_max_dim


def draw_detections(
    image: NDArray[np.uint8],
    found: Detections,
    *,
    gt_boxes: ArrayLike | None = None,
    gt_classes: ArrayLike | None = None,
    missed: ArrayLike | None = None,
    max_dim: int = 800,
) -> NDArray[np.uint8]:
    """Return `image` (H, W, 3) uint8 BGR, scaled to a longest side of `max_dim`, with `found` drawn on it.

    found: the detections to draw, usually `Detections.select(threshold)`. With (G, 4) `gt_boxes` and (G,)
    `gt_classes` the annotated objects are dashed in white; those that (G,) `missed` names say "missed".
    """
    scaled, scale = scale_to(image, max_dim)
    shown = legible_names(found.class_names)
    boxes, labels = found.boxes, [shown[label] for label in found.labels]
    scores = found.scores.astype(float)
    colors = [class_color(int(label)) for label in found.labels]
    dashed = np.zeros(len(found), dtype=bool)
    if gt_boxes is not None:
        truth = as_boxes(gt_boxes, np.int32)
        classes = np.asarray(gt_classes, dtype=int)
        marked = np.zeros(len(truth), bool) if missed is None else np.asarray(missed, bool)
        names = [shown[number] for number in classes]
        boxes = np.concatenate([truth, boxes])
        labels = [f"missed: {name}" if mark else "" for mark, name in zip(marked, names, strict=True)] + labels
        scores = np.concatenate([np.full(len(truth), np.nan), scores])
        colors = [GROUND_TRUTH_COLOR] * len(truth) + colors
        dashed = np.concatenate([np.ones(len(truth), dtype=bool), dashed])
    return draw_boxes(scaled, scale_boxes(boxes, scale), labels, scores, colors=colors, dashed=dashed)


def scale_to(image: NDArray[np.uint8], max_dim: int) -> tuple[NDArray[np.uint8], float]:
    """Return `image` scaled to a longest side of `max_dim`, small pictures enlarged as well, and the scale."""
    height, width = image.shape[:2]
    scale = max_dim / max(height, width)
    if scale <= 1:
        return resize_to_max_dim(image, max_dim)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_CUBIC).astype(np.uint8), scale


def scale_boxes(boxes: ArrayLike, scale: float) -> NDArray[np.float64]:
    """Return (N, 4) `boxes` in a picture scaled by `scale`; the last pixel stays inside."""
    return (as_boxes(boxes) + [0, 0, 1, 1]) * scale - [0, 0, 1, 1]


def square_around(
    image: NDArray[np.uint8], box: Sequence[float] | NDArray, *, zoom: float = 2.0, least: int = 48
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Return the square of `image` around `box` (x1 y1 x2 y2) with what is beside it, and its left and top.

    Its side is `zoom` times the longer one of the box, `least` pixels at least; at an edge it moves inside, and is cut
    where the picture is smaller.
    """
    height, width = image.shape[:2]
    x1, y1, x2, y2 = box
    side = min(max(zoom * max(x2 - x1 + 1, y2 - y1 + 1), least), max(height, width))
    left, top = (
        int(np.clip(round((low + high + 1 - side) / 2), 0, max(0, limit - round(side))))
        for low, high, limit in ((x1, x2, width), (y1, y2, height))
    )
    return image[top : top + round(side), left : left + round(side)], (left, top)


def draw_rois(
    image: NDArray[np.uint8], rois: ArrayLike, nr_found: int, *, most: tuple[int, int] = (60, 40), max_dim: int = 800
) -> NDArray[np.uint8]:
    """Return `image`, scaled to a longest side of `max_dim`, with some of its (R, 4) `rois` and a caption that counts.

    The first `nr_found` come from Selective Search: of these the first (best) are drawn, in blue. The others are the
    grid's: some are drawn, evenly chosen, in orange. most: how many of each.
    """
    scaled, scale = scale_to(image, max_dim)
    boxes = scale_boxes(rois, scale)
    nr_grid = len(boxes) - nr_found
    of_grid = nr_found + np.linspace(0, max(nr_grid - 1, 0), min(most[1], nr_grid)).round().astype(int)
    first = np.arange(min(most[0], nr_found))
    colors = [class_color(2)] * len(of_grid) + [class_color(1)] * len(first)
    drawn = draw_boxes(scaled, boxes[np.concatenate([of_grid, first[::-1]])], colors=colors, thickness=1.5)
    caption = f"Selective Search {nr_found}, blue: first {len(first)}"
    if nr_grid:
        caption += f"; grid {nr_grid}, orange: {len(of_grid)}"
    return captioned(drawn, caption)


def draw_inputs(
    padded: NDArray[np.uint8],
    rois: ArrayLike,
    labels: ArrayLike,
    class_names: Sequence[str],
    *,
    max_negatives: int = 10,
    objects: ArrayLike = (),
) -> NDArray[np.uint8]:
    """Return the padded picture with (R, 4) `rois` drawn by their (R,) class `labels`.

    objects: the annotated boxes in pixels of the padded picture, (G, 4), dashed in white on top.

    Every ROI with an object is drawn in the colour of its class; the name stands once where several lie on each other.
    Of the others, `max_negatives` evenly chosen ones are grey. What is ignored (-1) is not drawn.
    """
    rois, labels = as_boxes(rois), np.asarray(labels, dtype=np.int64)
    negative, positive = np.flatnonzero(labels == 0), np.flatnonzero(labels > 0)
    if len(negative) > max_negatives:
        negative = negative[np.linspace(0, len(negative) - 1, max_negatives).round().astype(int)]
    canvas = draw_boxes(padded, rois[negative], colors=class_color(0), thickness=1)
    earlier_first = -np.arange(len(positive), dtype=float)
    named = nms_per_class(rois[positive], earlier_first, labels[positive], threshold=0.1)
    shown = legible_names(class_names)
    names = [shown[label] if name else "" for label, name in zip(labels[positive], named, strict=True)]
    colors = [class_color(int(label)) for label in labels[positive]]
    canvas = draw_boxes(canvas, rois[positive], names, colors=colors, thickness=1.5)
    truth = as_boxes(objects)
    return draw_boxes(canvas, truth, colors=GROUND_TRUTH_COLOR, dashed=np.ones(len(truth), bool), thickness=2)
