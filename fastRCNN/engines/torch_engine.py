"""The network in PyTorch: trunk once per picture, ROI pooling, head once per different ROI.

Letters in shapes: S side of the padded square, C channels, H and W of the map, N ROIs, U different ROIs, D outputs.
"""

import logging
from types import TracebackType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fastRCNN.alexnet import Network
from fastRCNN.layers import Conv, Dropout, Layer, Linear, Lrn, MaxPool, Relu
from fastRCNN.local_response import local_response_norm
from fastRCNN.roi_pooling import roi_cells, roi_pool
from helpers.errors import UserError

log = logging.getLogger(__name__)

_BLOCK = 256  # ROIs that are pooled and go through the head at once: bounds the memory, fills the matrix units


class TorchEngine:
    """Runs a `Network` with PyTorch; see `fastRCNN.engines.Engine`."""

    name = "torch"

    def __init__(self, network: Network, *, device: str = "auto", threads: int | None = None) -> None:
        self.spec = network.spec
        self.device = choose_device(device)
        if threads:
            torch.set_num_threads(threads)
        trunk = build_layers(network, network.spec.trunk).to(self.device).eval()
        # channels last is what the pooling and the normalisation want
        self.trunk = trunk.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.head = build_layers(network, network.spec.head).to(self.device).eval()
        self.feature_dimension = network.spec.feature_dimension

    def embed(self, picture: NDArray[np.uint8], rois: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (N, D) float32 for a padded `picture` (S, S, 3) uint8 BGR and `rois` (N, 4) x1 y1 x2 y2 in its pixels.

        ROIs that fall on the same cells of the map give the same numbers and are computed once.
        """
        _, first, which = np.unique(
            roi_cells(rois, spatial_scale=self.spec.spatial_scale), axis=0, return_index=True, return_inverse=True
        )
        feature_map, different = self.feature_map(picture), np.asarray(rois)[first]
        rows = np.empty((len(different), self.feature_dimension), np.float32)
        for start in range(0, len(different), _BLOCK):  # pooled numbers are used while they are in the cache
            block = slice(start, start + _BLOCK)
            rows[block] = self.embed_pooled(self.pool(feature_map, different[block]))
        return rows[which.ravel()]

    def feature_map(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the trunk's output (C, H, W) float32 for a padded `picture` (S, S, 3) uint8 BGR."""
        with torch.inference_mode():
            return self.trunk(self.normalised(picture))[0].cpu().numpy()

    def pool(self, feature_map: NDArray[np.float32], rois: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (N, C, 6, 6) float32: `feature_map` (C, H, W) pooled over `rois` (N, 4)."""
        return roi_pool(feature_map, rois, size=self.spec.pooling_size, spatial_scale=self.spec.spatial_scale)

    def embed_pooled(self, pooled: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (N, D) float32: the head's output for `pooled` (N, C, 6, 6)."""
        with torch.inference_mode():
            return self.head(torch.from_numpy(pooled).to(self.device).flatten(1)).cpu().numpy()

    def normalised(self, picture: NDArray[np.uint8]) -> torch.Tensor:
        """Return (1, 3, S, S) float32: `picture` as the network's first layer wants it."""
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
            raise ValueError(f"picture: expected (S, S, 3) uint8, got {picture.shape} {picture.dtype}")
        wanted = self.spec.input
        channels = picture if wanted.channels == "BGR" else picture[:, :, ::-1]
        pixels = torch.from_numpy(np.ascontiguousarray(channels.transpose(2, 0, 1))).to(self.device).float()
        mean = torch.tensor(wanted.mean, device=self.device).view(3, 1, 1)
        scale = torch.tensor(wanted.scale, device=self.device).view(3, 1, 1)
        return ((pixels - mean) * scale)[None].contiguous(memory_format=torch.channels_last)

    def close(self) -> None:
        """Nothing to give back."""

    def __enter__(self) -> "TorchEngine":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class LocalResponseNorm(nn.LocalResponseNorm):
    """PyTorch's layer; on the CPU, where no gradient is wanted, our faster one."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return `x` (B, C, H, W) normalised across channels."""
        if x.device.type != "cpu" or x.dtype != torch.float32 or torch.is_grad_enabled():
            return super().forward(x)
        pixels = x.permute(0, 2, 3, 1).contiguous()  # no copy where the channels are last in memory
        rows = pixels.view(-1, x.shape[1]).numpy()
        y = local_response_norm(rows, size=self.size, alpha=self.alpha, beta=self.beta, k=self.k)
        return torch.from_numpy(y).view(pixels.shape).permute(0, 3, 1, 2)


def choose_device(wanted: str) -> torch.device:
    """Return the device for "auto" (the GPU where there is one), "cpu" or "cuda"; `UserError` when it is absent."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: PyTorch finds no NVIDIA GPU here. Use --device cpu, or auto")
    return torch.device("cuda" if wanted == "cuda" or (wanted == "auto" and torch.cuda.is_available()) else "cpu")


def build_layers(network: Network, layers: tuple[Layer, ...]) -> nn.Sequential:
    """Return PyTorch modules for `layers` with the network's weights; they share the mapped memory of the file."""
    modules: list[nn.Module] = []
    channels = 3
    for layer in layers:
        match layer:
            case Conv():
                module: nn.Module = nn.utils.skip_init(
                    nn.Conv2d, channels, layer.out, layer.kernel, layer.stride, layer.pad, groups=layer.groups,
                    bias=network.bias(layer.name) is not None,
                )  # fmt: skip
                channels = layer.out
            case Linear():
                out, inputs = network.weight(layer.name).shape
                module = nn.utils.skip_init(nn.Linear, inputs, out, bias=network.bias(layer.name) is not None)
            case Relu():
                module = nn.ReLU(inplace=True)
            case Lrn():
                module = LocalResponseNorm(layer.size, layer.alpha, layer.beta, layer.k)
            case MaxPool():
                module = nn.MaxPool2d(layer.kernel, layer.stride, layer.pad, ceil_mode=layer.ceil)
            case Dropout():
                module = nn.Dropout(layer.p)
        if isinstance(layer, (Conv, Linear)):
            module.weight = nn.Parameter(torch.from_numpy(network.weight(layer.name)))
            bias = network.bias(layer.name)
            if bias is not None:
                module.bias = nn.Parameter(torch.from_numpy(bias))
        modules.append(module)
    return nn.Sequential(*modules)
