"""Anchors: boxes of several sizes and shapes around every cell of the feature map.

The published nine start from a box of 16 x 16 pixels at the picture's corner (py-faster-rcnn `generate_anchors.py`,
the same in CNTK's example). For each ratio height : width its sides are changed at about the same area and rounded, so
that areas differ a little (23 x 12, 16 x 16, 11 x 22); then each scale multiplies both. Letters in shapes: A anchors of
a cell, H and W cells of the map, K = H * W * A.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from helpers.boxes import as_boxes


def base_anchors(
    scales: Sequence[float] = (8, 16, 32), ratios: Sequence[float] = (0.5, 1.0, 2.0), *, base_size: int = 16
) -> NDArray[np.float64]:
    """Return the (A, 4) float64 anchors x1 y1 x2 y2 of the first cell, ratio by ratio, in each scale by scale.

    scales: factors of `base_size` pixels. ratios: height : width.

    >>> base_anchors([8], [1.0, 2.0]).tolist()
    [[-56.0, -56.0, 71.0, 71.0], [-36.0, -80.0, 51.0, 95.0]]
    """
    widths = np.round(np.sqrt(base_size**2 / np.asarray(ratios, np.float64)))
    heights = np.round(widths * np.asarray(ratios, np.float64))
    sides = np.stack([widths, heights], axis=1)[:, None] * np.asarray(scales, np.float64)[None, :, None]
    half = (sides.reshape(-1, 2) - 1) / 2
    centre = (base_size - 1) / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def anchors_of_map(
    base: NDArray[np.float64], height: int, width: int, *, stride: int = 16, offset: float = 0.0
) -> NDArray[np.float64]:
    """Return the (K, 4) float64 anchors of a map of `height` x `width` cells: by row, by cell, by anchor.

    base: (A, 4), see `base_anchors`. stride: pixels from one cell to the next. offset: pixels that all anchors are
    moved right and down; published code leaves it at 0, though the cells of an AlexNet whose first convolution has no
    padding see a place 9.5 pixels further.
    """
    across, down = np.meshgrid(np.arange(width) * stride + offset, np.arange(height) * stride + offset)
    shifts = np.stack([across, down, across, down], axis=-1).reshape(-1, 1, 4)
    return (shifts + as_boxes(base)[None]).reshape(-1, 4)
