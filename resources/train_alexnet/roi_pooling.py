"""ROI max pooling with a gradient, the formula of CNTK 2.7: compiled (Numba) on a CPU, gathers on a GPU.

The map is post-ReLU, so the maximum starts from 0 and an empty bin gives 0. Letters: N windows, R ROIs, C channels,
H, W cells of the map, B bins a side (6). Result in the order R, B, B, C: channels last, as the maps lie in memory.
"""

import numpy as np
import torch
from numba import njit, prange
from torch import Tensor

BINS = 6


@njit(cache=True)
def _range(low: float, high: float, j: int, limit: int) -> tuple[int, int]:  # pragma: no cover - compiled
    first = int(np.floor(low / 16.0 + 0.5))
    size = max(int(np.floor(high / 16.0 + 0.5)) - first + 1, 1)
    start = int(np.floor(j * (size / 6.0))) + first
    stop = int(np.ceil((j + 1) * (size / 6.0))) + first
    return min(max(start, 0), limit), min(max(stop, 0), limit)


@njit(parallel=True, cache=True)
def _forward(maps, rois, owner, out, winner):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    height, width, channels = maps.shape[1:]
    for r in prange(len(rois)):
        for i in range(6):
            y1, y2 = _range(rois[r, 1], rois[r, 3], i, height)
            for j in range(6):
                x1, x2 = _range(rois[r, 0], rois[r, 2], j, width)
                best, who = out[r, i, j], winner[r, i, j]
                for y in range(y1, y2):
                    for x in range(x1, x2):
                        cell = maps[owner[r], y, x]
                        place = y * width + x
                        for c in range(channels):
                            if cell[c] > best[c]:
                                best[c] = cell[c]
                                who[c] = place


@njit(parallel=True, cache=True)
def _backward(gradient, winner, starts, result):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    channels = result.shape[2]
    for n in prange(len(result)):
        for r in range(starts[n], starts[n + 1]):
            for i in range(6):
                for j in range(6):
                    for c in range(channels):
                        place = winner[r, i, j, c]
                        if place >= 0:
                            result[n, place, c] += gradient[r, i, j, c]


class _CompiledPooling(torch.autograd.Function):
    @staticmethod
    def forward(ctx, maps: Tensor, rois: Tensor, owner: Tensor) -> Tensor:  # type: ignore[no-untyped-def,override]
        cells = np.ascontiguousarray(maps.detach().permute(0, 2, 3, 1).float().numpy())
        who = owner.numpy()
        if len(who) and (np.diff(who) < 0).any():
            raise ValueError("roi_pool: ROIs must come sorted by window")
        out = np.zeros((len(rois), BINS, BINS, cells.shape[3]), np.float32)
        winner = np.full(out.shape, -1, np.int32)
        _forward(cells, rois.double().numpy(), who, out, winner)
        ctx.shape, ctx.winner, ctx.dtype = cells.shape, winner, maps.dtype
        ctx.starts = np.searchsorted(who, np.arange(len(cells) + 1))
        return torch.from_numpy(out)

    @staticmethod
    def backward(ctx, gradient: Tensor):  # type: ignore[no-untyped-def,override]
        n, height, width, channels = ctx.shape
        result = np.zeros((n, height * width, channels), np.float32)
        _backward(gradient.float().contiguous().numpy(), ctx.winner, ctx.starts, result)
        return torch.from_numpy(result.reshape(ctx.shape)).permute(0, 3, 1, 2).to(ctx.dtype), None, None


def gather_pool(maps: Tensor, rois: Tensor, owner: Tensor) -> Tensor:
    """Pool by gathering, on any device: `maps` (N, C, H, W), `rois` (R, 4), `owner` (R,) -> (R, 6, 6, C)."""
    height, width = maps.shape[2:]
    cells = maps.permute(0, 2, 3, 1)

    def spans(low: Tensor, high: Tensor, limit: int) -> tuple[Tensor, Tensor]:
        first = torch.floor(low.double() / 16 + 0.5)
        size = torch.clamp(torch.floor(high.double() / 16 + 0.5) - first + 1, min=1)[:, None] / 6
        j = torch.arange(BINS, device=low.device, dtype=torch.float64)
        start, stop = torch.floor(j * size) + first[:, None], torch.ceil((j + 1) * size) + first[:, None]
        return start.clamp(0, limit).long(), stop.clamp(0, limit).long()

    x1, x2 = spans(rois[:, 0], rois[:, 2], width)
    y1, y2 = spans(rois[:, 1], rois[:, 3], height)
    out = maps.new_zeros((len(rois), BINS, BINS, maps.shape[1]))
    if not len(rois):
        return out
    for a in range(int((y2 - y1).max())):
        for b in range(int((x2 - x1).max())):
            y, x = (y1 + a)[:, :, None], (x1 + b)[:, None, :]
            inside = (y < y2[:, :, None]) & (x < x2[:, None, :])
            value = cells[owner[:, None, None], y.clamp(max=height - 1), x.clamp(max=width - 1)]
            out = torch.maximum(out, value * inside[..., None])
    return out


def roi_pool(maps: Tensor, rois: Tensor, owner: Tensor) -> Tensor:
    """Return the maxima, (R, 6, 6, C) float32, of `rois` (R, 4) pixels in `maps` of windows `owner` (R,), sorted."""
    if maps.device.type == "cpu":
        return _CompiledPooling.apply(maps, rois, owner)
    return gather_pool(maps.float(), rois, owner)
