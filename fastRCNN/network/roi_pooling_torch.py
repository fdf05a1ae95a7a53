"""ROI max pooling with a gradient: the numbers of `fastRCNN.network.roi_pooling`, bit for bit, for a batch of maps.

Forward: the maximum of each bin and the cell that holds it, the first in reading order when several are equal. A bin
whose cells are all 0 or less gives 0, and so does an empty bin. Backward: a bin's gradient goes to its cell; a bin of 0
passes nothing on. Two ways, the same result: compiled loops on a CPU, tables (`roi_pooling_tables`) on a GPU, and for
float64, where finite differences check the gradient.

Girshick, Fast R-CNN (2015), section 2.3. Letters in shapes: N maps, C channels, H rows and W columns of a map, R ROIs,
S = `size`.
"""

from typing import Any

import numba
import numpy as np
import torch
from numpy.typing import ArrayLike
from torch.autograd.function import once_differentiable

from fastRCNN.compiling import compiled
from fastRCNN.network.copies import to_device
from fastRCNN.network.roi_pooling import bin_edges, roi_cells
from fastRCNN.network.roi_pooling_tables import NOWHERE, largest_by_tables


def roi_pool_torch(
    maps: torch.Tensor, rois: ArrayLike, owner: ArrayLike, *, size: int = 6, spatial_scale: float = 1 / 16
) -> torch.Tensor:
    """Return (R, S, S, C), channels last: `maps` (N, C, H, W) pooled over `rois`.

    rois: (R, 4) x1 y1 x2 y2 pixels. owner: (R,) whole numbers, the map of each ROI. The result is float32, float64 for
    maps of float64.
    """
    if maps.ndim != 4:
        raise ValueError(f"maps: expected shape (N, C, H, W), got {tuple(maps.shape)}")
    cells = roi_cells(_array(rois), spatial_scale=spatial_scale)
    owners = _array(owner).astype(np.int64)
    if owners.shape != (len(cells),) or (len(cells) and not 0 <= owners.min() <= owners.max() < len(maps)):
        raise ValueError(f"owner: expected the number of a map, 0 to {len(maps) - 1}, for each of {len(cells)} ROIs")
    bins = (owners, bin_edges(cells[:, 1], cells[:, 3], maps.shape[2], size),
            bin_edges(cells[:, 0], cells[:, 2], maps.shape[3], size))  # fmt: skip
    pooled: torch.Tensor = _RoiPool.apply(maps, *(torch.from_numpy(array) for array in bins))  # type: ignore[no-untyped-call]
    return pooled


class _RoiPool(torch.autograd.Function):
    """`owner` (R,); `rows` and `columns` (R, S, 2): start and end (exclusive) of each bin; all int64 on the CPU."""

    @staticmethod
    def forward(
        ctx: Any, maps: torch.Tensor, owner: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor
    ) -> torch.Tensor:
        ctx.shape, ctx.dtype = maps.shape, maps.dtype
        ctx.compiled = maps.device.type == "cpu" and maps.dtype != torch.float64
        numbers = maps.detach().permute(0, 2, 3, 1)
        numbers = (numbers if maps.dtype == torch.float64 else numbers.float()).contiguous()
        bins = [to_device(each.numpy(), maps.device) for each in (owner, rows, columns)]
        if ctx.compiled:
            values, cells = _largest_compiled(numbers, *bins)
        else:
            tall, wide = (int((each[..., 1] - each[..., 0]).max()) if each.numel() else 0 for each in (rows, columns))
            values, found = largest_by_tables(numbers, *bins, longest=(tall, wide), with_cells=True)
            assert found is not None
            cells = found.long()
        ctx.save_for_backward(bins[0], cells)
        return values

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        owner, cells = ctx.saved_tensors
        nr_maps, channels, height, width = ctx.shape
        add = _add_compiled if ctx.compiled else _add_by_scatter
        kind = torch.float64 if ctx.dtype == torch.float64 else torch.float32
        summed = add(gradient.to(kind).contiguous(), owner, cells, (nr_maps, height * width, channels))
        back = summed.reshape(nr_maps, height, width, channels).permute(0, 3, 1, 2)
        return back.to(ctx.dtype), None, None, None


def _array(values: Any) -> np.ndarray:
    return values.cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)


# ---- compiled --------------------------------------------------------------------------------------------------------


def _largest_compiled(
    maps: torch.Tensor, owner: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the maxima (R, S, S, C) and their cells (row * W + column) in `maps` (N, H, W, C)."""
    shape = (*rows.shape[:2], columns.shape[1], maps.shape[3])
    values, cells = np.zeros(shape, np.float32), np.full(shape, NOWHERE, np.int32)
    _use_torchs_threads()
    _pool_rois(maps.numpy(), owner.numpy(), rows.numpy(), columns.numpy(), values, cells)
    return torch.from_numpy(values), torch.from_numpy(cells)


def _add_compiled(
    gradient: torch.Tensor, owner: torch.Tensor, cells: torch.Tensor, shape: tuple[int, int, int]
) -> torch.Tensor:
    """Return (N, H * W, C): the sum of the gradients (R, S, S, C) of all bins with that cell."""
    summed = np.zeros(shape, np.float32)
    _use_torchs_threads()
    parts = max(1, min(torch.get_num_threads(), shape[2]))
    edges = np.arange(parts + 1) * shape[2] // parts
    _add_gradients(gradient.numpy(), owner.numpy(), cells.numpy(), summed, edges)
    return torch.from_numpy(summed)


def _use_torchs_threads() -> None:
    """Let Numba use as many threads as PyTorch does.

    Starting Numba's threads, which happens here, sets the number of OpenMP's, and PyTorch's with it, to that of all
    cores: sums in another order from then on, and another last bit. So PyTorch's is put back.
    """
    most: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]  # set when it is imported
    threads = torch.get_num_threads()
    numba.set_num_threads(min(threads, most))
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)


@compiled(what="ROI pooling for training", seconds=8, parallel=True)
def _pool_rois(maps, owner, rows, columns, values, cells):  # type: ignore[no-untyped-def]
    """Fill `values` and `cells` in place, ROI by ROI; channels innermost make it a vector."""
    width, channels = maps.shape[2:]
    for roi in numba.prange(len(rows)):
        for i in range(rows.shape[1]):
            for j in range(columns.shape[1]):
                best, place = values[roi, i, j], cells[roi, i, j]
                for y in range(rows[roi, i, 0], rows[roi, i, 1]):
                    for x in range(columns[roi, j, 0], columns[roi, j, 1]):
                        cell = maps[owner[roi], y, x]
                        number = np.int32(y * width + x)
                        for c in range(channels):
                            if cell[c] > best[c]:
                                best[c] = cell[c]
                                place[c] = number


@compiled(what="ROI pooling for training", seconds=8, parallel=True)
def _add_gradients(gradient, owner, cells, summed, edges):  # type: ignore[no-untyped-def]
    """Add the gradients to `summed` in place: each thread some of the channels, so that the order stays the same."""
    nr_rois, height, width, _ = gradient.shape
    for part in numba.prange(len(edges) - 1):
        start, end = edges[part], edges[part + 1]
        for roi in range(nr_rois):
            into = summed[owner[roi], :, start:end]
            for i in range(height):
                for j in range(width):
                    numbers, places = gradient[roi, i, j, start:end], cells[roi, i, j, start:end]
                    for c in range(end - start):
                        if places[c] >= 0:
                            into[places[c], c] += numbers[c]


# ---- by tables -------------------------------------------------------------------------------------------------------


def _add_by_scatter(
    gradient: torch.Tensor, owner: torch.Tensor, cells: torch.Tensor, shape: tuple[int, int, int]
) -> torch.Tensor:
    """Return the same as `_add_compiled`, on any device."""
    nr_maps, nr_cells, channels = shape
    summed = gradient.new_zeros(nr_maps * nr_cells + 1, channels)  # the last row takes what goes nowhere
    rows = torch.where(cells >= 0, cells + nr_cells * owner[:, None, None, None], nr_maps * nr_cells)
    summed.scatter_add_(0, rows.reshape(-1, channels), gradient.reshape(-1, channels))
    return summed[:-1].reshape(shape)
