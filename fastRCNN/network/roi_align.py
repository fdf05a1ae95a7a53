"""ROI align: the mean of each bin, read between the map's cells instead of from the nearest ones.

Max pooling after CNTK starts from 0 and rounds a ROI to whole cells of 16 pixels. Both fit AlexNet, whose maps come out
of a ReLU. Maps of linear bottlenecks hold numbers below 0 as well, and small objects want better places.

A ROI, x1 y1 x2 y2 inclusive, covers x1 to x2 + 1. Each of `size` x `size` bins is the mean over n x n points, evenly
spread in it, n = ceil(cells in a bin); a point takes its number from the four cells around it, by bilinear
interpolation, and from the nearest ones outside of the map. Cell i is centred on the pixel `first_centre` + i /
`spatial_scale`, as the layers before put it, where other programs assume the middle of 16 pixels.

The mean over a grid of points is one of rows of one of columns. So a ROI is two small matrices, and pooling is two
products: with a gradient, on any device. He, Gkioxari, Dollar, Girshick: Mask R-CNN (2017), section 3.

Letters in shapes: N maps, C channels, H rows and W columns of a map, R ROIs, S = `size`.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

_SMALL = 6  # a ROI is small when its sides are below this part of the map's
_MOST = 1 << 25  # numbers between the two products, at most: bounds the memory


def roi_align(
    maps: torch.Tensor,
    rois: ArrayLike,
    owner: ArrayLike,
    *,
    size: int = 7,
    spatial_scale: float = 1 / 16,
    first_centre: float = 0.0,
) -> torch.Tensor:
    """Return (R, S, S, C), channels last, of the type of `maps` (N, C, H, W), whose numbers are pooled over `rois`.

    rois: (R, 4) x1 y1 x2 y2 pixels. owner: (R,) whole numbers, the map of each ROI.
    """
    if maps.ndim != 4:
        raise ValueError(f"maps: expected shape (N, C, H, W), got {tuple(maps.shape)}")
    boxes, owners = np.asarray(rois, np.float64).reshape(-1, 4), np.asarray(owner).astype(np.int64)
    if owners.shape != (len(boxes),) or (len(boxes) and not 0 <= owners.min() <= owners.max() < len(maps)):
        raise ValueError(f"owner: expected the number of a map, 0 to {len(maps) - 1}, for each of {len(boxes)} ROIs")
    channels, height, width = maps.shape[1:]
    edges = (boxes + [0, 0, 1, 1] - 0.5 - first_centre) * spatial_scale
    small = (edges[:, 3] - edges[:, 1] < height / _SMALL) & (edges[:, 2] - edges[:, 0] < width / _SMALL)
    small &= maps.device.type == "cpu" and not torch.is_grad_enabled()
    block = max(1, _MOST // (size * width * channels))
    found = maps.new_empty(len(boxes), size, size, channels)
    for number in np.unique(owners):
        pixels = maps[int(number)].permute(1, 2, 0).reshape(height, width * channels)
        one_by_one, of_map = np.flatnonzero((owners == number) & small), np.flatnonzero((owners == number) & ~small)
        if len(one_by_one):
            of_rows, of_columns = (
                bin_weights(edges[one_by_one, axis], edges[one_by_one, axis + 2], length, size)
                for axis, length in ((1, height), (0, width))
            )
            pooled = _one_by_one(pixels.reshape(height, width, channels).float().numpy(), of_rows, of_columns)
            found.index_copy_(0, _to(maps.device, one_by_one), torch.from_numpy(pooled).to(maps.dtype))
        for start in range(0, len(of_map), block):
            chosen = of_map[start : start + block]
            rows, columns = (
                torch.from_numpy(bin_weights(edges[chosen, axis], edges[chosen, axis + 2], length, size)).to(pixels)
                for axis, length in ((1, height), (0, width))
            )
            strips = (rows.reshape(-1, height) @ pixels).reshape(len(chosen), size, width, channels)
            found.index_copy_(0, _to(maps.device, chosen), columns[:, None] @ strips)
    return found


def _to(device: torch.device, numbers: NDArray[np.int64]) -> torch.Tensor:
    return torch.from_numpy(numbers).to(device)


def _one_by_one(
    pixels: NDArray[np.float32], rows: NDArray[np.float32], columns: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return (R, S, S, C): the same two products for each ROI alone, with the part of the map (H, W, C) below it.

    For small ROIs, and where no gradient is wanted, this is several times as fast. rows: (R, S, H), columns: (R, S, W)
    weights.
    """
    pooled = np.empty((len(rows), rows.shape[1], rows.shape[1], pixels.shape[2]), np.float32)
    ranges = []
    for weights in (rows, columns):
        used = np.any(weights, axis=1)
        ranges.append((used.argmax(axis=1), used.shape[1] - used[:, ::-1].argmax(axis=1)))
    (tops, bottoms), (lefts, rights) = ranges
    for roi, (top, bottom, left, right) in enumerate(zip(tops, bottoms, lefts, rights, strict=True)):
        below = pixels[top:bottom, left:right].reshape(bottom - top, -1)
        strips = (rows[roi, :, top:bottom] @ below).reshape(-1, right - left, pixels.shape[2])
        np.matmul(columns[roi, :, left:right], strips, out=pooled[roi])
    return pooled


def bin_weights(first: NDArray[Any], last: NDArray[Any], length: int, size: int) -> NDArray[np.float32]:
    """Return (R, S, `length`): what each of `length` cells counts in each bin from `first` to `last` (R,), in cells.

    The weights of a bin sum to 1.
    """
    width = (last - first) / size
    points = np.maximum(np.ceil(width), 1).astype(np.int64)
    weights = np.zeros((len(first), size, length))
    roi, bins = np.arange(len(first))[:, None], np.arange(size)[None, :]
    for point in range(int(points.max(initial=0))):
        place = first[:, None] + (bins + (point + 0.5) / points[:, None]) * width[:, None]
        place = np.clip(place, 0, length - 1)
        share = np.where(point < points, 1 / points, 0)[:, None]
        low = np.floor(place).astype(np.int64)
        np.add.at(weights, (roi, bins, low), (1 - (place - low)) * share)
        np.add.at(weights, (roi, bins, np.minimum(low + 1, length - 1)), (place - low) * share)
    return weights.astype(np.float32)
