"""ROI max pooling for training: the numbers of `fastRCNN.roi_pooling`, bit for bit, with gradients.

Forward: every bin is a rectangle of cells, and the maximum over a rectangle is the maximum over four overlapping ones
whose sides are powers of two. So the maxima over all windows of 1, 2, 4, ... cells are made once for the whole map (a
sparse table), and each bin looks up four of them: no loop over ROIs, the same code on CPU and GPU.
Backward: a bin's gradient goes to the one cell that was its maximum, the first in reading order when several are equal.
A bin whose cells are all 0 or less gives 0 and passes nothing on, and so does an empty bin.

Girshick, Fast R-CNN (2015), section 2.3. Letters in shapes: C channels, H rows and W columns of the map, R ROIs,
S = `size`.
"""

import math
from typing import Any

import torch
from numpy.typing import ArrayLike
from torch.autograd.function import once_differentiable

from fastRCNN.roi_pooling import bin_edges, roi_cells


def roi_pool_torch(
    features: torch.Tensor, rois: ArrayLike, *, size: int = 6, spatial_scale: float = 1 / 16
) -> torch.Tensor:
    """Return (R, C, S, S): `features` (C, H, W), of any float type, pooled over `rois` (R, 4) x1 y1 x2 y2 pixels."""
    if features.ndim != 3:
        raise ValueError(f"features: expected shape (C, H, W), got {tuple(features.shape)}")
    cells = roi_cells(rois, spatial_scale=spatial_scale)
    rows = torch.from_numpy(bin_edges(cells[:, 1], cells[:, 3], features.shape[1], size)).to(features.device)
    columns = torch.from_numpy(bin_edges(cells[:, 0], cells[:, 2], features.shape[2], size)).to(features.device)
    pooled: torch.Tensor = _RoiPool.apply(features, rows, columns)  # type: ignore[no-untyped-call]
    return pooled


class _RoiPool(torch.autograd.Function):
    """`rows` and `columns` (R, S, 2): start and end (exclusive) of each bin."""

    @staticmethod
    def forward(ctx: Any, features: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        values, cells = _largest(features.detach(), rows, columns)
        ctx.save_for_backward(cells)
        ctx.map_shape = features.shape
        return values

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (cells,) = ctx.saved_tensors
        channels, height, width = ctx.map_shape
        summed = gradient.new_zeros(channels, height * width + 1)  # the last place takes what goes nowhere
        summed.scatter_add_(1, cells.transpose(0, 1).flatten(1), gradient.transpose(0, 1).flatten(1))
        return summed[:, :-1].reshape(channels, height, width), None, None


def _largest(features: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (R, C, S, S) maxima, from 0 on, and the numbers of their cells (row * W + column; H * W for none)."""
    channels, height, width = features.shape
    nr_rois, size = rows.shape[:2]
    values = features.new_zeros(nr_rois, size, size, channels)
    places = torch.full(values.shape, height * width, dtype=torch.int64, device=features.device)
    tall, wide = (edges[..., 1] - edges[..., 0] for edges in (rows, columns))
    if nr_rois == 0 or int(tall.max()) <= 0 or int(wide.max()) <= 0:
        return values.permute(0, 3, 1, 2).contiguous(), places.permute(0, 3, 1, 2).contiguous()
    level_y, level_x = _level(tall), _level(wide)
    window = (
        features.permute(1, 2, 0).contiguous(),
        torch.arange(height * width, device=features.device).reshape(height, width, 1).expand(height, width, channels),
    )
    for power_y in range(int(level_y.max()) + 1):
        if power_y:
            window = _double(*window, axis=0, shift=2 ** (power_y - 1))
        wider = window
        for power_x in range(int(level_x.max()) + 1):
            if power_x:
                wider = _double(*wider, axis=1, shift=2 ** (power_x - 1))
            chosen = (level_y == power_y)[:, :, None] & (level_x == power_x)[:, None, :]
            chosen &= (tall > 0)[:, :, None] & (wide > 0)[:, None, :]
            roi, i, j = chosen.nonzero(as_tuple=True)
            if len(roi) == 0:
                continue
            top, bottom = rows[roi, i, 0], rows[roi, i, 1] - 2**power_y
            left, right = columns[roi, j, 0], columns[roi, j, 1] - 2**power_x
            best = wider[0][top, left], wider[1][top, left]
            for y, x in ((top, right), (bottom, left), (bottom, right)):
                best = _larger(*best, wider[0][y, x], wider[1][y, x])
            positive = best[0] > 0
            values[roi, i, j] = torch.where(positive, best[0], 0)
            places[roi, i, j] = torch.where(positive, best[1], height * width)
    return values.permute(0, 3, 1, 2).contiguous(), places.permute(0, 3, 1, 2).contiguous()


def _level(lengths: torch.Tensor) -> torch.Tensor:
    """Return the largest k with 2 ** k <= length, for lengths from 1 on."""
    thresholds = 2 ** torch.arange(1, 2 + int(math.log2(max(int(lengths.max()), 1))), device=lengths.device)
    return (lengths[..., None] >= thresholds).sum(dim=-1)


def _double(values: torch.Tensor, places: torch.Tensor, *, axis: int, shift: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the maxima over windows twice as long; the last `shift` windows of a map have no partner and go."""
    length = values.shape[axis] - shift
    return _larger(
        values.narrow(axis, 0, length), places.narrow(axis, 0, length),
        values.narrow(axis, shift, length), places.narrow(axis, shift, length),
    )  # fmt: skip


def _larger(
    a: torch.Tensor, place_a: torch.Tensor, b: torch.Tensor, place_b: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the larger value and its place; of equal ones the earlier place."""
    second = (b > a) | ((b == a) & (place_b < place_a))
    return torch.where(second, b, a), torch.where(second, place_b, place_a)
