"""ROI max pooling as CNTK 2.7 computes it, without a loop over ROIs in Python.

With s the spatial scale and r rounding half away from zero: x1 = r(X1*s), x2 = r(X2*s), w = max(x2 - x1 + 1, 1), and
bin j of `size` covers the columns floor(j*w/size) + x1 to ceil((j+1)*w/size) + x1 - 1 (bin width in double precision),
clipped to the map. A bin's value is the maximum over its cells, starting from 0; an empty bin gives 0. Rows likewise.

Source: Girshick, Fast R-CNN (2015), section 2.1; CNTK's `ROIPoolingForward`. Letters in shapes: C channels, H rows and
W columns of the map, R ROIs, S = `size`.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastRCNN.compiling import compiled
from helpers.boxes import as_boxes


def roi_pool(
    features: NDArray[Any],
    rois: ArrayLike,
    *,
    size: int = 6,
    spatial_scale: float = 1 / 16,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Return (R, C, S, S): `features` (C, H, W) pooled over each of `rois`, (R, 4) x1 y1 x2 y2 pixels.

    `features` is float32, or int16 with the bits of bfloat16 numbers, and so is the result. Of numbers above 0 the
    larger one has the larger bits, and those of all others are 0 or below, so the maximum is that of whole numbers.
    `out`, when given, takes the result: contiguous, with its shape and type.
    """
    if features.ndim != 3 or features.dtype not in (np.float32, np.int16):
        raise ValueError(f"features: expected shape (C, H, W), float32 or int16, got {features.shape} {features.dtype}")
    channels, height, width = features.shape
    cells = roi_cells(rois, spatial_scale=spatial_scale)
    columns = bin_edges(cells[:, 0], cells[:, 2], width, size)
    rows = bin_edges(cells[:, 1], cells[:, 3], height, size)
    channels_last = np.ascontiguousarray(features.transpose(1, 2, 0))
    shape = (len(cells), channels, size, size)
    pooled = np.empty(shape, features.dtype) if out is None else out
    if pooled.shape != shape or pooled.dtype != features.dtype or not pooled.flags.c_contiguous:
        raise ValueError(f"out: expected contiguous {shape} {features.dtype}, got {pooled.shape} {pooled.dtype}")
    _pool(channels_last, rows, columns, pooled.reshape(len(cells), channels, size * size))
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
    """Fill `pooled` (R, C, S * S) in place from `features` (H, W, C): channels innermost make each maximum a vector.

    A ROI is turned round to channels first at its end, while it is in the processor's cache.
    """
    nr_rois, channels, nr_bins = pooled.shape
    size = rows.shape[1]
    best = np.empty((nr_bins, channels), features.dtype)
    for roi in range(nr_rois):
        best[:] = 0
        for i in range(size):
            for j in range(size):
                of_bin = best[i * size + j]
                for y in range(rows[roi, i, 0], rows[roi, i, 1]):
                    for x in range(columns[roi, j, 0], columns[roi, j, 1]):
                        cell = features[y, x]
                        for c in range(channels):
                            of_bin[c] = max(of_bin[c], cell[c])
        for c in range(channels):
            for b in range(nr_bins):
                pooled[roi, c, b] = best[b, c]
