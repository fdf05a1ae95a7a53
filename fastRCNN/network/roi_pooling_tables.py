"""ROI max pooling by tables: the numbers of `fastRCNN.network.roi_pooling`, bit for bit, for many maps, on any device.

Every bin is a rectangle of cells, and its maximum is the maximum over four overlapping rectangles whose sides are
powers of two. So the maxima over all windows of 1, 2, 4, ... cells are made once for each map (a sparse table), and
each bin looks up four of them: no loop over ROIs, and nothing that a GPU would have to be asked for in between.

Letters in shapes: N maps, C channels, H rows and W columns of a map, R ROIs, S = `size`.
"""

import math
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch.nn import functional

from fastRCNN.network.copies import to_device
from fastRCNN.network.roi_pooling import bin_edges, roi_cells

NOWHERE = -1  # the cell of a bin without a positive number


def roi_pool_tables(
    maps: torch.Tensor, rois: ArrayLike, owner: NDArray[np.int64], *, size: int = 6, spatial_scale: float = 1 / 16
) -> torch.Tensor:
    """Return (R, S, S, C), channels last, of the type of `maps` (N, C, H, W), which are pooled over `rois` (R, 4).

    rois: x1 y1 x2 y2 pixels. owner: (R,) the map of each. Without a gradient: see `roi_pooling_torch` for one.
    """
    cells = roi_cells(rois, spatial_scale=spatial_scale)
    longest = (cells[:, 2:] - cells[:, :2] + 1).max(axis=0, initial=1)
    numbers = to_device(np.column_stack([owner, cells]), maps.device)
    bins = to_device(_bins(int(longest.max()), size), maps.device)
    rows, columns = (
        (bins[numbers[:, 2 + axis] - numbers[:, axis]] + numbers[:, axis, None, None]).clamp(0, length)
        for axis, length in ((2, maps.shape[2]), (1, maps.shape[3]))
    )
    wide, tall = (longest // size + 2).tolist()  # no bin has more cells
    return largest_by_tables(maps.permute(0, 2, 3, 1), numbers[:, 0], rows, columns, longest=(tall, wide))[0]


@lru_cache(64)
def _bins(longest: int, size: int) -> NDArray[np.int64]:
    """Return (`longest`, S, 2): start and end (exclusive) of the bins of 1, 2, ... cells that begin at 0.

    NumPy's numbers: on a GPU PyTorch multiplies by 1 / size instead of dividing, and 3 * (14 / 6) becomes less than 7.
    """
    last = np.arange(longest)
    return bin_edges(np.zeros_like(last), last, longest + 1, size)  # rounding may reach one cell too far


def largest_by_tables(
    maps: torch.Tensor,
    owner: torch.Tensor,
    rows: torch.Tensor,
    columns: torch.Tensor,
    *,
    longest: tuple[int, int],
    with_cells: bool = False,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return the maxima (R, S, S, C) of all bins in `maps` (N, H, W, C), 0 where none is above it.

    owner: (R,) the map of each ROI; rows, columns: (R, S, 2) start and end (exclusive) of its bins, within the map.
    longest: cells in a row and in a column that no bin has more of. with_cells: also return the cell of each maximum,
    row * W + column, int32, the first of equal ones, and `NOWHERE` for 0.
    """
    nr_maps, height, width, channels = maps.shape
    values, cells = _tables(maps, longest, with_cells)
    nr_levels = values.shape[1]
    (top, bottom, level_y), (left, right, level_x) = (
        _corners(edges, length) for edges, length in ((rows, height), (columns, width))
    )
    level = (level_y[:, :, None] * nr_levels + level_x[:, None, :]) * nr_maps + owner[:, None, None]
    corners = torch.stack(
        [(level * height + y[:, :, None]) * width + x[:, None, :] for y in (top, bottom) for x in (left, right)], dim=-1
    )
    empty = (rows[..., 1] <= rows[..., 0])[:, :, None] | (columns[..., 1] <= columns[..., 0])[:, None, :]
    shape = (*level.shape, channels)
    if cells is None:  # each bin is the largest of five rows, the fifth being zeros, which are all of an empty one
        zeros = values.numel() // channels
        five = functional.pad(corners.masked_fill(empty[..., None], zeros), (0, 1), value=zeros).reshape(-1, 5)
        flat = values.as_strided((zeros + 1, channels), (channels, 1))
        return functional.embedding_bag(five, flat, mode="max").reshape(shape), None
    flat_values, flat_cells, best = values.reshape(-1, channels), cells.reshape(-1, channels), None
    for corner in corners.reshape(-1, 4).T:
        found = flat_values[corner], flat_cells[corner]
        best = found if best is None else _larger(*best, *found)
    assert best is not None
    largest, place = (part.reshape(shape) for part in best)
    nothing = empty[..., None] | ~(largest > 0)
    return largest.masked_fill(nothing, 0), place.masked_fill(nothing, NOWHERE)


def _tables(maps: torch.Tensor, longest: tuple[int, int], with_cells: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return the maxima over windows of 2^i x 2^j cells, (I, J, N, H, W, C), by their first cell; and their cells.

    What lies behind the last whole window is not filled, and nobody reads it. Behind the maxima, in the same memory,
    there is a row of C zeros.
    """
    height, width = maps.shape[1:3]
    levels = [max(1, min(most, length)).bit_length() for most, length in zip(longest, (height, width), strict=True)]
    shape = (*levels, *maps.shape)
    flat = maps.new_empty(math.prod(shape) + maps.shape[3])
    flat[-maps.shape[3] :] = 0
    values = flat[: math.prod(shape)].reshape(shape)
    values[0, 0] = maps
    cells = None
    if with_cells:
        cells = torch.empty(values.shape, dtype=torch.int32, device=maps.device)
        numbers = torch.arange(height * width, dtype=torch.int32, device=maps.device)
        cells[0, 0] = numbers.reshape(1, height, width, 1)
    for i in range(levels[0]):
        for j in range(levels[1]):
            if i == j == 0:
                continue
            axis, shift = (2, 2 ** (j - 1)) if j else (1, 2 ** (i - 1))
            before = (i, j - 1) if j else (i - 1, j)
            tall, wide = height - 2**i + 1, width - 2**j + 1
            length = wide if axis == 2 else tall
            parts = [
                [table[before].narrow(3 - axis, 0, tall if axis == 2 else wide).narrow(axis, start, length)
                 for start in (0, shift)]
                for table in (values, cells) if table is not None
            ]  # fmt: skip
            if cells is None:
                torch.maximum(*parts[0], out=values[i, j, :, :tall, :wide])
            else:
                (a, b), (place_a, place_b) = parts
                values[i, j, :, :tall, :wide], cells[i, j, :, :tall, :wide] = _larger(a, place_a, b, place_b)
    return values, cells


def _corners(edges: torch.Tensor, length: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return where the first and the last window of each bin begin, and the power of two that they are long (R, S).

    edges: (R, S, 2). Of empty bins any, inside the map.
    """
    first, cells = edges[..., 0], (edges[..., 1] - edges[..., 0]).clamp(min=1)
    powers = torch.tensor([1 << power for power in range(1, length.bit_length())])
    level = (cells[..., None] >= to_device(powers.numpy(), edges.device)).sum(dim=-1)
    last = edges[..., 1] - torch.bitwise_left_shift(torch.ones_like(level), level)
    return first.clamp(0, length - 1), last.clamp(0, length - 1), level


def _larger(
    a: torch.Tensor, place_a: torch.Tensor, b: torch.Tensor, place_b: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the larger value and its place; of equal ones the earlier place."""
    second = (b > a) | ((b == a) & (place_b < place_a))
    return torch.where(second, b, a), torch.where(second, place_b, place_a)
