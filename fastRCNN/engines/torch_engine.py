"""The network in PyTorch: trunk once per picture, ROI pooling, head once per different ROI.

With precision "bfloat16", convolutions and linear layers multiply numbers of 8 significant bits and sum in float32.
Processors with instructions for it (Intel's AMX, AVX-512 BF16) and GPUs are several times as fast at that. Layers that
give scores and offsets stay in float32: their results would be rounded to 8 bits, and scores would tie. NumPy does not
know the type, so between PyTorch and our compiled loops such arrays pass as int16 with the same bits.

Letters in shapes: B pictures, S side of the padded square, C channels, H and W of the map, N ROIs, U different ROIs,
P side of a pooled ROI, D outputs.
"""

from collections.abc import Sequence
from types import TracebackType
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from fastRCNN.engines.torch_device import Process, choose_device, exact_products
from fastRCNN.engines.torch_fusion import can_fuse, fused
from fastRCNN.engines.torch_layers import as_numpy, as_tensor, build_layers
from fastRCNN.network.layers import Layer
from fastRCNN.network.network import Network
from fastRCNN.network.pooling import pool, pooling_keys
from fastRCNN.network.roi_pooling import roi_pool
from helpers.errors import UserError
from helpers.images import require_picture

_MOST_THREADS = torch.get_num_threads()  # when nobody has asked for fewer: PyTorch knows how many cores are real
_BLOCK = 1024  # ROIs that are pooled and go through the head at once, at most: fills the matrix units
_FULL = 16  # ROIs in bfloat16 are filled up to a multiple of it: for each other number oneDNN compiles each layer anew
_BLOCK_NUMBERS = 1 << 24  # pooled numbers at once, at most: bounds the memory (1024 ROIs of AlexNet are 9.4 million)


class TorchEngine:
    """Runs a `Network` with PyTorch; see `fastRCNN.engines.Engine`. `precision` is "float32" or "bfloat16"."""

    name = "torch"

    def __init__(
        self, network: Network, *, device: str = "auto", threads: int | None = None, precision: str = "float32"
    ) -> None:
        if precision not in ("float32", "bfloat16"):
            raise ValueError(f"precision: expected 'float32' or 'bfloat16', got {precision!r}")
        self.spec = network.spec
        self.device, self.precision = choose_device(device), precision
        self.dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        if threads:
            torch.set_num_threads(min(threads, _MOST_THREADS))
        spec, rpn = network.spec, network.spec.rpn
        hidden = len(spec.head) - (spec.classes is not None)  # behind these it scores classes
        self.trunk_layers, self.head_layers = self._built(network, spec.trunk), self._built(network, spec.head[:hidden])
        self.score_layers = self._built(network, spec.head[hidden:], torch.float32)
        self.rpn_layers = (
            [self._built(network, rpn.conv), *(self._built(network, of, torch.float32) for of in (rpn.cls, rpn.box))]
            if rpn else []
        )  # fmt: skip
        self.feature_dimension = network.spec.feature_dimension
        self.block = max(1, min(_BLOCK, _BLOCK_NUMBERS // network.spec.pooled_shape.numbers))
        mean, scale = (torch.tensor(values) for values in (network.spec.input.mean, network.spec.input.scale))
        self._of_values = ((torch.arange(256.0)[:, None] - mean) * scale).to(
            self.dtype
        )  # (256, 3): of each pixel value
        self._process = Process(self.device)

    def _built(
        self, network: Network, layers: Sequence[Layer], dtype: torch.dtype | None = None
    ) -> torch.nn.Sequential:
        """Return `layers`, channels last in memory: what convolutions, pooling and normalisation want."""
        built = build_layers(network, layers).to(self.device, dtype or self.dtype)
        built = built.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        halved = self.device.type == "cpu" and (dtype or self.dtype) == torch.bfloat16
        return fused(built) if halved and can_fuse() else built

    def embed(
        self, pictures: Sequence[NDArray[np.uint8]], rois: Sequence[NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]:
        """Return (N, D) float32 for each padded picture (S, S, 3) uint8 BGR and its `rois` (N, 4) in its pixels."""
        return self.head(self.feature_map(pictures), rois)

    def feature_map(self, pictures: Sequence[NDArray[np.uint8]]) -> torch.Tensor:
        """Return the trunk's output (B, C, H, W) for B padded pictures, of the engine's type and on its device.

        A GPU takes all pictures at once. The CPU takes one after the other, which is as fast, so that a picture's
        numbers are the same whatever is beside it.
        """
        self._process.check()
        with torch.inference_mode(), exact_products(self.device, self.precision):
            pixels = [self.normalised(picture) for picture in pictures]
            if self.device.type != "cpu":
                pixels = [torch.cat(pixels)]
            maps: list[torch.Tensor] = [self.trunk_layers(each) for each in pixels]
            return maps[0] if len(maps) == 1 else torch.cat(maps)

    def regions(self, maps: torch.Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return raw scores (B, 2 A, H, W) and offsets (B, 4 A, H, W) of all anchors on `maps` (B, C, H, W)."""
        if not self.rpn_layers:
            raise UserError("this network has no layers that propose regions: train one with --classifier faster")
        self._process.check()
        conv, cls, box = self.rpn_layers
        with torch.inference_mode(), exact_products(self.device, self.precision):
            seen = [conv(one[None]) for one in maps] if self.device.type == "cpu" else [conv(maps)]
            scores, offsets = (torch.cat([layer(one.float()) for one in seen]).cpu() for layer in (cls, box))
        return scores.contiguous().numpy(), offsets.contiguous().numpy()

    def head(self, maps: torch.Tensor, rois: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Return (N, D) float32 for each of `maps` (B, C, H, W) and its `rois` (N, 4) x1 y1 x2 y2.

        ROIs that fall on the same cells of the map give the same numbers and are computed once.
        """
        self._process.check()
        with torch.inference_mode(), exact_products(self.device, self.precision):
            return [self._rows(one, of_one) for one, of_one in zip(maps, rois, strict=True)]

    def pool(self, feature_map: NDArray[Any], rois: NDArray[np.float32]) -> NDArray[Any]:
        """Return (N, C, P, P): `feature_map` (C, H, W) max-pooled over `rois` (N, 4), of a type that `roi_pool` takes.

        PyTorch makes the array, because its memory begins at a multiple of 64 bytes and NumPy's does not: the matrix
        units read bfloat16 rows from there nearly twice as fast.
        """
        size = self.spec.pooling_size
        kind = torch.float32 if feature_map.dtype == np.float32 else torch.int16
        pooled = torch.empty((len(rois), len(feature_map), size, size), dtype=kind).numpy()
        return roi_pool(feature_map, rois, size=size, spatial_scale=self.spec.spatial_scale, out=pooled)

    def normalised(self, picture: NDArray[np.uint8]) -> torch.Tensor:
        """Return (1, 3, S, S): `picture` as the network's first layer wants it, channels last in memory."""
        require_picture(picture)
        channels = picture if self.spec.input.channels == "BGR" else picture[:, :, ::-1]
        pixels = cv2.LUT(np.ascontiguousarray(channels), as_numpy(self._of_values)[None])
        return as_tensor(pixels).to(self.device).permute(2, 0, 1)[None]

    def _rows(self, feature_map: torch.Tensor, rois: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (N, D) float32 for `rois` (N, 4) on one map (C, H, W)."""
        if len(rois) == 0:
            return np.zeros((0, self.feature_dimension), np.float32)
        first, which = _different(pooling_keys(self.spec, rois))
        if self.precision == "bfloat16" and feature_map.device.type == "cpu":
            first = np.pad(first, (0, -len(first) % _FULL), mode="edge")
        different = np.asarray(rois)[first]
        blocks = [different[start : start + self.block] for start in range(0, len(different), self.block)]
        rows = torch.cat([self._of_block(self._pooled(feature_map, block)) for block in blocks])
        return rows[torch.from_numpy(which).to(self.device)].cpu().numpy()

    def _of_block(self, pooled: torch.Tensor) -> torch.Tensor:
        """Return (N, D) float32 for `pooled` (N, C, P, P)."""
        rows: torch.Tensor = self.score_layers(self.head_layers(pooled).flatten(1).float())
        return rows

    def _pooled(self, feature_map: torch.Tensor, rois: NDArray[np.float32]) -> torch.Tensor:
        """Return (N, C, P, P), of the engine's type and where `feature_map` (C, H, W) is."""
        if feature_map.device.type == "cpu" and self.spec.pooling_kind == "max":
            return as_tensor(self.pool(as_numpy(feature_map), rois))
        return pool(self.spec, feature_map[None], rois, np.zeros(len(rois))).permute(0, 3, 1, 2).to(self.dtype)

    def close(self) -> None:
        """Nothing to give back."""

    def __enter__(self) -> "TorchEngine":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _different(cells: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first row of each kind in `cells` (N, 4): its index (U,), in order; and for each row which of these.

    Cells of a map need few bits, so that a row fits into one whole number, and those are sorted faster than rows.
    """
    low, span = cells.min(), cells.max() - cells.min() + 1
    if cells.dtype.kind == "i" and float(span) ** 4 < 2**63:
        _, first, which = np.unique((cells - low) @ span ** np.arange(4), return_index=True, return_inverse=True)
    else:
        _, first, which = np.unique(cells, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)  # the pooled rows of neighbours lie together
    return first[order], np.argsort(order)[which.ravel()]
