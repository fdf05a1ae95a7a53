"""One picture of a miniature data set: products on a procedural ground, with exact boxes.

A picture is a function of (seed, index). Boxes are x1 y1 x2 y2, 0-based, inclusive; K is the number of products.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from resources.train_alexnet import backgrounds
from resources.train_alexnet.products import Design
from resources.train_alexnet.scenes import paste, visible_boxes

_SIDES = ((250, 188), (250, 167), (188, 250), (250, 250), (222, 250))  # width, height: halves of common ones of VOC


@dataclass(frozen=True)
class DrawnPicture:
    """image: (H, W, 3) uint8 BGR. boxes: (K, 4) int64. classes: (K,) int64 from 0. visible: (K,) float32, the visible
    share of each product. cut: (K,) bool, whether it reaches beyond the picture."""

    image: NDArray
    boxes: NDArray
    classes: NDArray
    visible: NDArray
    cut: NDArray


@cache
def design_of(number: int) -> Design:
    """Return the product that stands for class `number`."""
    return Design(number)


def draw_picture(nr_classes: int, *, seed: int, index: int, size: Sequence[int] | None = None) -> DrawnPicture:
    """Return picture number `index` of the stream `seed`, `size` (width, height) or one of the usual sizes.

    Its three or four products are of the classes that follow each other in the order of the pictures, so that seven
    pictures show all of 20.
    """
    rng = np.random.default_rng([seed, index])
    width, height = size or _SIDES[int(rng.integers(len(_SIDES)))]
    side = max(width, height)
    canvas, _ = backgrounds.place(rng, side)
    owner = np.zeros((side, side), np.uint8)
    classes = (3 * index + np.arange(int(rng.integers(3, 5)))) % nr_classes
    columns = rng.permutation(len(classes))
    drawn, cut = [], []
    for number, (label, column) in enumerate(zip(classes, columns, strict=True), start=1):
        sprite = design_of(int(label)).render(rng, float(rng.uniform(0.22, 0.45) * side))
        h, w = sprite.shape[:2]
        middle = (column + rng.uniform(0.35, 0.65)) * width / len(classes)
        x, y = int(middle - w / 2), int(rng.uniform(-0.05 * h, height - 0.9 * h))
        drawn.append(paste(canvas, owner, sprite, x, y, number))
        cut.append(x < 0 or y < 0 or x + w > width or y + h > height)
    owner = owner[:height, :width]
    padded = np.zeros((side, side), np.uint8)
    padded[:height, :width] = owner  # what is cut off is not visible
    boxes, visible = visible_boxes(padded, drawn)
    shown = visible > 0.05
    return DrawnPicture(
        np.ascontiguousarray(canvas[:height, :width]),
        boxes[shown].astype(np.int64),
        classes[shown].astype(np.int64),
        visible[shown],
        np.array(cut, np.bool_)[shown],
    )
