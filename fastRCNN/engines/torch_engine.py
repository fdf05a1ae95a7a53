"""The network in PyTorch: trunk once per picture, ROI pooling, head once per different ROI.

With precision "bfloat16", convolutions and linear layers multiply numbers of 8 significant bits and sum in float32.
Processors with instructions for it (Intel's AMX, AVX-512 BF16) and GPUs are several times as fast at that. NumPy does
not know the type, so between PyTorch and our compiled loops such arrays pass as int16 with the same bits.

Letters in shapes: S side of the padded square, C channels, H and W of the map, N ROIs, U different ROIs, D outputs.
"""

import logging
from types import TracebackType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fastRCNN.network.layers import Conv, Dropout, Layer, Linear, Lrn, MaxPool, Relu
from fastRCNN.network.local_response import local_response_norm
from fastRCNN.network.network import Network
from fastRCNN.network.roi_pooling import roi_cells, roi_pool
from helpers.errors import UserError

log = logging.getLogger(__name__)

_BLOCK = 1024  # ROIs that are pooled and go through the head at once: bounds the memory, fills the matrix units


class TorchEngine:
    """Runs a `Network` with PyTorch; see `fastRCNN.engines.Engine`. `precision` is "float32" or "bfloat16"."""

    name = "torch"

    def __init__(
        self, network: Network, *, device: str = "auto", threads: int | None = None, precision: str = "float32"
    ) -> None:
        if precision not in ("float32", "bfloat16"):
            raise ValueError(f"precision: expected 'float32' or 'bfloat16', got {precision!r}")
        self.spec = network.spec
        self.device = choose_device(device)
        self.dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        if threads:
            torch.set_num_threads(min(threads, torch.get_num_threads()))  # PyTorch knows how many cores are real
        trunk = build_layers(network, network.spec.trunk).to(self.device, self.dtype).eval()
        # channels last is what the pooling and the normalisation want
        self.trunk = trunk.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.head = build_layers(network, network.spec.head).to(self.device, self.dtype).eval()
        self.feature_dimension = network.spec.feature_dimension

    def embed(self, picture: NDArray[np.uint8], rois: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (N, D) float32 for a padded `picture` (S, S, 3) uint8 BGR and `rois` (N, 4) x1 y1 x2 y2 in its pixels.

        ROIs that fall on the same cells of the map give the same numbers and are computed once.
        """
        if len(rois) == 0:
            return np.zeros((0, self.feature_dimension), np.float32)
        first, which = _different(roi_cells(rois, spatial_scale=self.spec.spatial_scale))
        different = np.asarray(rois)[first]
        blocks = [different[start : start + _BLOCK] for start in range(0, len(different), _BLOCK)]
        with torch.inference_mode():
            feature_map = self._map(picture)
            rows = torch.cat([self._head(self._pooled(feature_map, block)) for block in blocks])
            return rows[torch.from_numpy(which).to(self.device)].float().cpu().numpy()

    def feature_map(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the trunk's output (C, H, W) float32 for a padded `picture` (S, S, 3) uint8 BGR."""
        with torch.inference_mode():
            return self._map(picture).float().cpu().numpy()

    def pool(self, feature_map: NDArray[Any], rois: NDArray[np.float32]) -> NDArray[Any]:
        """Return (N, C, 6, 6): `feature_map` (C, H, W) pooled over `rois` (N, 4), of a type that `roi_pool` takes.

        PyTorch makes the array, because its memory begins at a multiple of 64 bytes and NumPy's does not: the matrix
        units read bfloat16 rows from there nearly twice as fast.
        """
        size = self.spec.pooling_size
        kind = torch.float32 if feature_map.dtype == np.float32 else torch.int16
        pooled = torch.empty((len(rois), len(feature_map), size, size), dtype=kind).numpy()
        return roi_pool(feature_map, rois, size=size, spatial_scale=self.spec.spatial_scale, out=pooled)

    def embed_pooled(self, pooled: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (N, D) float32: the head's output for `pooled` (N, C, 6, 6)."""
        with torch.inference_mode():
            return self._head(torch.from_numpy(pooled)).float().cpu().numpy()

    def normalised(self, picture: NDArray[np.uint8]) -> torch.Tensor:
        """Return (1, 3, S, S): `picture` as the network's first layer wants it, channels last in memory."""
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
            raise ValueError(f"picture: expected (S, S, 3) uint8, got {picture.shape} {picture.dtype}")
        wanted = self.spec.input
        channels = picture if wanted.channels == "BGR" else picture[:, :, ::-1]
        pixels = torch.from_numpy(np.ascontiguousarray(channels)).to(self.device).float()
        pixels -= torch.tensor(wanted.mean, device=self.device)
        if wanted.scale != (1.0, 1.0, 1.0):
            pixels *= torch.tensor(wanted.scale, device=self.device)
        return pixels.to(self.dtype).permute(2, 0, 1)[None]

    def _map(self, picture: NDArray[np.uint8]) -> torch.Tensor:
        """Return the trunk's output (C, H, W), of the engine's type and on its device."""
        result: torch.Tensor = self.trunk(self.normalised(picture))[0]
        return result

    def _pooled(self, feature_map: torch.Tensor, rois: NDArray[np.float32]) -> torch.Tensor:
        """Return (N, C, 6, 6), where `feature_map` (C, H, W) is."""
        if feature_map.device.type == "cpu":
            return _as_tensor(self.pool(_as_numpy(feature_map), rois))
        return _pooled_by_torch(feature_map, rois, self.spec.pooling_size, self.spec.spatial_scale)

    def _head(self, pooled: torch.Tensor) -> torch.Tensor:
        """Return (N, D), of the engine's type and on its device: the head's output for `pooled` (N, C, 6, 6)."""
        result: torch.Tensor = self.head(pooled.to(self.device, self.dtype).flatten(1))
        return result

    def close(self) -> None:
        """Nothing to give back."""

    def __enter__(self) -> "TorchEngine":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _different(cells: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first row of each kind in `cells` (N, 4): its index (U,), in order; and for each row which of these.

    Cells of a map need few bits, so that a row fits into one whole number, and those are sorted faster than rows.
    """
    low, span = cells.min(), cells.max() - cells.min() + 1
    if float(span) ** 4 < 2**63:
        _, first, which = np.unique((cells - low) @ span ** np.arange(4), return_index=True, return_inverse=True)
    else:
        _, first, which = np.unique(cells, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)  # the pooled rows of neighbours lie together
    return first[order], np.argsort(order)[which.ravel()]


def _pooled_by_torch(
    feature_map: torch.Tensor, rois: NDArray[np.float32], size: int, spatial_scale: float
) -> torch.Tensor:
    """Return the same as `roi_pool`, (N, C, S, S), on any device."""
    from fastRCNN.network.roi_pooling_torch import roi_pool_torch  # only here: it loads Numba

    pooled = roi_pool_torch(feature_map[None], rois, np.zeros(len(rois)), size=size, spatial_scale=spatial_scale)
    return pooled.permute(0, 3, 1, 2)


def _as_numpy(tensor: torch.Tensor) -> NDArray[Any]:
    """Return the memory of a CPU tensor, bfloat16 as int16."""
    return (tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor).numpy()


def _as_tensor(array: NDArray[Any]) -> torch.Tensor:
    """Return the memory of an array as a tensor, int16 as bfloat16."""
    tensor = torch.from_numpy(array)
    return tensor.view(torch.bfloat16) if tensor.dtype == torch.int16 else tensor


class LocalResponseNorm(nn.LocalResponseNorm):
    """PyTorch's layer; on the CPU, where no gradient is wanted, our faster one."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return `x` (B, C, H, W) normalised across channels."""
        if x.device.type != "cpu" or x.dtype not in (torch.float32, torch.bfloat16) or torch.is_grad_enabled():
            return super().forward(x)
        pixels = x.permute(0, 2, 3, 1).contiguous()  # no copy where the channels are last in memory
        rows = _as_numpy(pixels.view(-1, x.shape[1]))
        y = local_response_norm(rows, size=self.size, alpha=self.alpha, beta=self.beta, k=self.k)
        return _as_tensor(y).view(pixels.shape).permute(0, 3, 1, 2)


def choose_device(wanted: str) -> torch.device:
    """Return the device for "auto" (the GPU where there is one), "cpu" or "cuda"; `UserError` when it is absent."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: PyTorch finds no NVIDIA GPU here. Use --device cpu, or auto")
    return torch.device("cuda" if wanted == "cuda" or (wanted == "auto" and torch.cuda.is_available()) else "cpu")


def build_layers(network: Network, layers: tuple[Layer, ...]) -> nn.Sequential:
    """Return PyTorch modules for `layers` with the network's weights; they share the mapped memory of the file.

    Modules are made on the device "meta", without numbers: `nn.utils.skip_init` would import SymPy, half a second.
    """
    modules: list[nn.Module] = []
    channels = 3
    for layer in layers:
        match layer:
            case Conv():
                module: nn.Module = nn.Conv2d(
                    channels, layer.out, layer.kernel, layer.stride, layer.pad, groups=layer.groups,
                    bias=network.bias(layer.name) is not None, device="meta",
                )  # fmt: skip
                channels = layer.out
            case Linear():
                out, inputs = network.weight(layer.name).shape
                module = nn.Linear(inputs, out, bias=network.bias(layer.name) is not None, device="meta")
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
