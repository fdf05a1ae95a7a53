"""ROI max pooling as CNTK 2.7 computes it, without a loop over ROIs in Python.

With s the spatial scale and r rounding half away from zero: x1 = r(X1*s), x2 = r(X2*s), w = max(x2 - x1 + 1, 1), and
bin j of `size` covers the columns floor(j*w/size) + x1 to ceil((j+1)*w/size) + x1 - 1 (bin width in double precision),
clipped to the map. A bin's value is the maximum over its cells, starting from 0; an empty bin gives 0. Rows likewise.

Source: Girshick, Fast R-CNN (2015), section 2.1; CNTK's `ROIPoolingForward`. Letters in shapes: C channels, H rows and
W columns of the map, R ROIs, S = `size`.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastRCNN.compiling import compiled
from helpers.boxes import as_boxes


def roi_pool(
    features: NDArray[np.float32], rois: ArrayLike, *, size: int = 6, spatial_scale: float = 1 / 16
) -> NDArray[np.float32]:
    """Return (R, C, S, S) float32: `features` (C, H, W) pooled over each of `rois`, (R, 4) x1 y1 x2 y2 pixels."""
    if features.ndim != 3:
        raise ValueError(f"features: expected shape (C, H, W), got {features.shape}")
    channels, height, width = features.shape
    cells = roi_cells(rois, spatial_scale=spatial_scale)
    columns = bin_edges(cells[:, 0], cells[:, 2], width, size)
    rows = bin_edges(cells[:, 1], cells[:, 3], height, size)
    channels_last = np.ascontiguousarray(features.transpose(1, 2, 0), dtype=np.float32)
    pooled = np.zeros((len(cells), channels, size, size), np.float32)
    _pool(channels_last, rows, columns, pooled)
    return pooled


def roi_cells(rois: ArrayLike, *, spatial_scale: float = 1 / 16) -> NDArray[np.int64]:
    """Return (R, 4) int64 first and last cell x1 y1 x2 y2 of each ROI, before clipping.

    ROIs with the same cells pool to the same numbers, so only different rows need computing.
    """
    scaled = as_boxes(rois) * spatial_scale
    cells = (np.floor(np.abs(scaled) + 0.5) * np.sign(scaled)).astype(np.int64)
    cells[:, 2:] = np.maximum(cells[:, 2:], cells[:, :2])
    return cells


def bin_edges(first: NDArray[np.int64], last: NDArray[np.int64], length: int, size: int) -> NDArray[np.int64]:
    """Return (R, S, 2) int64 start and end (exclusive) of the bins of cells `first` to `last` (R,), within `length`."""
    bin_width = (last - first + 1)[:, None] / float(size)
    number = np.arange(size)[None, :]
    start = np.floor(number * bin_width).astype(np.int64) + first[:, None]
    end = np.ceil((number + 1) * bin_width).astype(np.int64) + first[:, None]
    return np.stack([np.clip(start, 0, length), np.clip(end, 0, length)], axis=-1)


@compiled(what="ROI pooling", seconds=2)
def _pool(features, rows, columns, pooled):  # type: ignore[no-untyped-def]
    """Fill `pooled` (R, C, S, S) in place from `features` (H, W, C): channels innermost make each maximum a vector."""
    nr_rois, channels, size, _ = pooled.shape
    best = np.empty(channels, np.float32)
    for roi in range(nr_rois):
        for i in range(size):
            for j in range(size):
                best[:] = 0
                for y in range(rows[roi, i, 0], rows[roi, i, 1]):
                    for x in range(columns[roi, j, 0], columns[roi, j, 1]):
                        for c in range(channels):
                            best[c] = max(best[c], features[y, x, c])
                for c in range(channels):
                    pooled[roi, c, i, j] = best[c]
