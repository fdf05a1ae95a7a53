"""ROI align for training, a whole batch at once on any device: the numbers of `fastRCNN/network/roi_align.py`.

There each ROI may lie on any map and the weights come from NumPy; here each window has as many ROIs, and nothing is
computed one by one. Letters: N windows, R ROIs of each, C channels, H rows and W columns of a map, S bins along a side.
"""

import math

import torch
from torch import Tensor


def align(maps: Tensor, rois: Tensor, *, size: int = 7, stride: int = 16, first_centre: float = 0.0) -> Tensor:
    """Return (N * R, S, S, C): the means of `maps` (N, C, H, W) over the bins of `rois` (N, R, 4), x1 y1 x2 y2."""
    windows, channels, height, width = maps.shape
    count = rois.shape[1]
    edges = (rois + rois.new_tensor([0, 0, 1, 1]) - 0.5 - first_centre) / stride
    rows = bin_weights(edges[..., 1], edges[..., 3], height, size).to(maps.dtype)
    columns = bin_weights(edges[..., 0], edges[..., 2], width, size).to(maps.dtype)
    pixels = maps.permute(0, 2, 3, 1).reshape(windows, height, width * channels)
    strips = torch.bmm(rows.reshape(windows, count * size, height), pixels)
    strips = strips.reshape(windows * count, size, width, channels)
    return torch.matmul(columns.reshape(windows * count, 1, size, width), strips)


def bin_weights(first: Tensor, last: Tensor, length: int, size: int) -> Tensor:
    """Return (N, R, S, `length`): what each cell counts in each bin from `first` to `last` (N, R), in cells."""
    width = (last - first)[..., None, None] / size  # (N, R, 1, 1): bins, points
    points = width.ceil().clamp(min=1)
    number = torch.arange(max(1, math.ceil((length + 2) / size)), device=first.device)
    bins = torch.arange(size, device=first.device)[:, None]
    places = first[..., None, None] + (bins + (number + 0.5) / points) * width
    shares = (number < points) / points
    cells = torch.arange(length, device=first.device)
    near = (1 - (places.clamp(0, length - 1)[..., None] - cells).abs()).clamp(min=0)
    return (near * shares[..., None]).sum(dim=-2)
