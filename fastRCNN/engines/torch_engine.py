"""The network in PyTorch: trunk once per picture, ROI pooling, head once per different ROI.

With precision "bfloat16", convolutions and linear layers multiply numbers of 8 significant bits and sum in float32.
Processors with instructions for it (Intel's AMX, AVX-512 BF16) and GPUs are several times as fast at that. Layers that
give scores and offsets stay in float32: their results would be rounded to 8 bits, and scores would tie. NumPy does not
know the type, so between PyTorch and our compiled loops such arrays pass as int16 with the same bits.

A CPU takes one picture after the other. A GPU, which would mostly wait, takes `at_once` of them in each call: pixels
are copied to it as they are and normalised there, and the ROIs of all pictures go through pooling and head side by
side, in blocks that bound the memory. The last bits of a picture's numbers may then depend on how many are beside it.

Letters in shapes: B pictures, S side of the padded square, C channels, H and W of the map, N ROIs, U different ROIs,
P side of a pooled ROI, D outputs.
"""

import os
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from fastRCNN.engines.torch_device import Process, choose_device, exact_products
from fastRCNN.engines.torch_fusion import can_fuse, fused
from fastRCNN.engines.torch_layers import as_numpy, as_tensor, build_layers
from fastRCNN.network.copies import stacked_to_device, to_device, to_host
from fastRCNN.network.layers import Layer
from fastRCNN.network.network import Network
from fastRCNN.network.pooling import pool, pooling_keys
from fastRCNN.network.roi_pooling import roi_pool
from fastRCNN.network.roi_pooling_tables import roi_pool_tables
from helpers.errors import UserError
from helpers.images import require_picture

_MOST_THREADS = torch.get_num_threads()  # when nobody has asked for fewer: PyTorch knows how many cores are real
_BLOCK = 1024  # ROIs that are pooled and go through the head at once, at most: fills the matrix units
_FULL = 16  # ROIs in bfloat16 are filled up to a multiple of it: for each other number oneDNN compiles each layer anew
_BLOCK_NUMBERS = 1 << 24  # pooled numbers at once, at most: bounds the memory (1024 ROIs of AlexNet are 9.4 million)
_AT_ONCE = 16  # pictures in a call, on a GPU
_READERS = 4  # on a GPU: more of them wait for Python's lock only
_TOGETHER_NUMBERS = 1 << 26  # pooled numbers of several pictures at once: 7281 ROIs of AlexNet
_TOGETHER_CELLS = 1 << 24  # numbers of maps that are pooled at once; their tables have 16 times as many
_NONE = np.zeros(0, np.int64)


class TorchEngine:
    """Runs a `Network` with PyTorch; see `fastRCNN.engines.Engine`. `precision` is "float32" or "bfloat16".

    at_once: pictures in a call that suit it, None for 1 on a CPU and 16 on a GPU. 1: one after the other.
    """

    name = "torch"

    def __init__(
        self,
        network: Network,
        *,
        device: str = "auto",
        threads: int | None = None,
        precision: str = "float32",
        at_once: int | None = None,
    ) -> None:
        if precision not in ("float32", "bfloat16"):
            raise ValueError(f"precision: expected 'float32' or 'bfloat16', got {precision!r}")
        self.spec = network.spec
        self.device, self.precision = choose_device(device), precision
        self.at_once = at_once or (1 if self.device.type == "cpu" else _AT_ONCE)
        # threads that read ahead of a training
        self.readers = 0 if self.at_once == 1 else min(threads or os.cpu_count() or 1, _READERS)
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
        self._of_values = ((torch.arange(256.0)[:, None] - mean) * scale).to(self.dtype)  # (256, 3): of pixel values
        self._mean, self._scale = mean.to(self.device), scale.to(self.device)
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
            if self.at_once > 1:
                together: torch.Tensor = self.trunk_layers(self.normalised_there(pictures))
                return together
            maps: list[torch.Tensor] = [self.trunk_layers(self.normalised(picture)) for picture in pictures]
            return maps[0] if len(maps) == 1 else torch.cat(maps)

    def regions(self, maps: torch.Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return raw scores (B, 2 A, H, W) and offsets (B, 4 A, H, W) of all anchors on `maps` (B, C, H, W)."""
        if not self.rpn_layers:
            raise UserError("this network has no layers that propose regions: train one with --classifier faster")
        self._process.check()
        conv, cls, box = self.rpn_layers
        with torch.inference_mode(), exact_products(self.device, self.precision):
            seen = [conv(maps)] if self.at_once > 1 else [conv(one[None]) for one in maps]
            found = [torch.cat([layer(one.float()) for one in seen]).contiguous() for layer in (cls, box)]
            scores, offsets = to_host(found)
        return scores, offsets

    def head(self, maps: torch.Tensor, rois: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Return (N, D) float32 for each of `maps` (B, C, H, W) and its `rois` (N, 4) x1 y1 x2 y2.

        ROIs that fall on the same cells of the map give the same numbers and are computed once.
        """
        self._process.check()
        with torch.inference_mode(), exact_products(self.device, self.precision):
            if self.at_once > 1:
                return self._rows_together(maps, rois)
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
        if self.at_once > 1:
            return self.normalised_there([picture])
        require_picture(picture)
        channels = picture if self.spec.input.channels == "BGR" else picture[:, :, ::-1]
        pixels = cv2.LUT(np.ascontiguousarray(channels), as_numpy(self._of_values)[None])
        return as_tensor(pixels).to(self.device).permute(2, 0, 1)[None]

    def normalised_there(self, pictures: Sequence[NDArray[np.uint8]]) -> torch.Tensor:
        """Return (B, 3, S, S): what `normalised` gives for B `pictures` of one size, computed where the engine is."""
        for picture in pictures:
            require_picture(picture)
        pixels = stacked_to_device(pictures, self.device)
        channels = pixels if self.spec.input.channels == "BGR" else pixels.flip(-1)
        return ((channels.float() - self._mean) * self._scale).to(self.dtype).permute(0, 3, 1, 2)

    def begin_thread(self) -> None:
        """Let the calling thread compute beside others: a GPU does what it asks for in an order of its own."""
        if self.device.type == "cuda":
            stream = torch.cuda.Stream(self.device)
            stream.wait_stream(torch.cuda.default_stream(self.device))  # the weights are there
            torch.cuda.set_stream(stream)

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

    def _rows_together(self, maps: torch.Tensor, rois: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Return (N, D) float32 for each of `maps` (B, C, H, W) and its `rois` (N, 4), all pictures side by side."""
        if len(maps) != len(rois):
            raise ValueError(f"expected ROIs of each of {len(maps)} maps, got those of {len(rois)}")
        kinds = [_different(pooling_keys(self.spec, each)) if len(each) else (_NONE, _NONE) for each in rois]
        counts = [len(first) for first, _ in kinds]
        different = np.concatenate([np.asarray(each)[first] for each, (first, _) in zip(rois, kinds, strict=True)])
        owner = np.repeat(np.arange(len(maps)), counts)
        blocks = [
            self._of_block(self._pooled_together(maps[low:high], different[part], owner[part] - low))
            for part, low, high in self._blocks_of(owner, maps)
        ]
        rows = torch.cat(blocks) if blocks else torch.zeros((0, self.feature_dimension), device=self.device)
        which = to_device(np.concatenate([which for _, which in kinds]), self.device)
        lengths = [len(each) for each in rois]
        parts = zip(rows.split(counts), which.split(lengths), strict=True)
        return to_host([of_one[places] for of_one, places in parts])

    def _blocks_of(self, owner: NDArray[np.int64], maps: torch.Tensor) -> Iterator[tuple[slice, int, int]]:
        """Yield slices of ROIs that are pooled at once, and the first and last (exclusive) of the maps that they need.

        owner: (U,) the map of each ROI, in order.
        """
        most = max(1, _TOGETHER_NUMBERS // self.spec.pooled_shape.numbers)
        most_maps, start = max(1, _TOGETHER_CELLS // maps[0].numel()), 0
        while start < len(owner):
            low = int(owner[start])
            end = min(start + most, int(np.searchsorted(owner, low + most_maps)))
            yield slice(start, end), low, int(owner[end - 1]) + 1
            start = end

    def _pooled_together(self, maps: torch.Tensor, rois: NDArray[np.float32], owner: NDArray[np.int64]) -> torch.Tensor:
        """Return (N, C, P, P) of the engine's type for `rois` (N, 4) on the maps of their `owner` (N,)."""
        if self.spec.pooling_kind == "max":
            size, scale = self.spec.pooling_size, self.spec.spatial_scale
            pooled = roi_pool_tables(maps, rois, owner, size=size, spatial_scale=scale)
        else:
            pooled = pool(self.spec, maps, rois, owner)
        return pooled.permute(0, 3, 1, 2).to(self.dtype)

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
