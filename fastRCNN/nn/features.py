"""What the frozen part of a network gives for each training picture: computed once, not once per epoch.

With a frozen trunk the pooled ROIs are kept, ready for the head: 37 KB for each different ROI with 256 channels. Where
that is more than the memory limit, or convolutions are trained, the frozen layers' maps are kept instead (4 MB for a
picture of 1000 pixels), in memory as far as the limit goes, the rest in one temporary file.
Letters in shapes: C channels, H rows and W columns of a map, R ROIs of a picture, n of them.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

import numpy as np
import torch
from numpy.typing import NDArray

from fastRCNN.network.copies import to_device
from fastRCNN.network.pooling import pool, pool_array, pooling_keys
from fastRCNN.nn.network import TrainableNetwork
from fastRCNN.nn.sampling import TrainingPicture, flipped_rois
from helpers.in_order import in_order


class FrozenFeatures:
    """The frozen layers' outputs of `pictures`, each as it is and, with `flips`, mirrored. Call `fill` first."""

    def __init__(
        self,
        network: TrainableNetwork,
        pictures: Sequence[TrainingPicture],
        *,
        pad_size: int,
        flips: bool = False,
        memory_limit: float = 4e9,
        device_limit: float = 0.0,
        folder: Path | None = None,
    ) -> None:
        """`memory_limit` in bytes; `folder` for what does not fit (default: the system's folder for such files).

        device_limit: bytes of the GPU's memory; pooled ROIs that fit into it stay there.
        """
        self.network, self.pictures, self.pad_size, self.folder = network, pictures, pad_size, folder
        sides = (False, True) if flips else (False,)
        self.keys = [(number, flip) for number in range(len(pictures)) for flip in sides]
        self._free = memory_limit
        self._pooled: dict[tuple[int, bool], tuple[NDArray[np.float32] | torch.Tensor, NDArray[np.int64]]] = {}
        self._maps: dict[tuple[int, bool], NDArray[np.float32] | int] = {}  # a map, or its place in the file
        self._file = _MapFile(folder)
        different = {key: self._different_rois(key) for key in self.keys}
        spec = network.spec
        self._row_length = spec.trunk_channels * spec.pooling_size**2
        nr_rows = sum(len(first) for first, _ in different.values())
        self.keeps_pooled = not network.trains_trunk and nr_rows * self._row_length * 4 <= memory_limit
        self._different = different if self.keeps_pooled else {}
        self._on_device = self.keeps_pooled and nr_rows * self._row_length * 4 <= device_limit

    def rois(self, number: int, flip: bool) -> NDArray[np.float32]:
        """Return the ROIs (R, 4) of picture `number` in its padded square, mirrored where `flip`."""
        rois = self.pictures[number].rois
        return flipped_rois(rois, self.pad_size) if flip else rois

    def fill(self) -> Iterator[tuple[int, bool]]:
        """Compute everything; yields the number of each picture, and whether it was mirrored, when it is done."""
        pictures = in_order(self._picture, self.keys, threads=self.network.engine.readers)
        for (number, flip), picture in zip(self.keys, pictures, strict=True):
            frozen = self.network.frozen_there(picture)
            if self.keeps_pooled:
                first, which = self._different[number, flip]
                rois = self.rois(number, flip)[first]
                there = self._on_device
                rows = self._pool_there(frozen, rois) if there else self._pool(frozen[0].cpu().numpy(), rois)
                self._pooled[number, flip] = rows, which
            else:
                self._maps[number, flip] = self._stored(frozen[0].cpu().numpy())
            yield number, flip

    def map(self, number: int, flip: bool) -> NDArray[np.float32]:
        """Return the frozen layers' map (C, H, W) of a picture; not to be written to."""
        found = self._maps[number, flip]
        return self._file[found] if isinstance(found, int) else found

    def rows(self, number: int, flip: bool, indices: NDArray[np.int64]) -> torch.Tensor:
        """Return (n, C * 36) float32: the pooled ROIs `indices` (n,) of a picture, where the network is.

        For a frozen trunk only.
        """
        device = self.network.device
        if not self.keeps_pooled:
            return to_device(self._pool(self.map(number, flip), self.rois(number, flip)[indices]), device)
        rows, which = self._pooled[number, flip]
        if isinstance(rows, torch.Tensor):
            return rows[to_device(which[indices], device)]
        return to_device(rows[which[indices]], device)

    def close(self) -> None:
        """Give back memory and temporary files."""
        self._pooled.clear()
        self._maps.clear()
        self._file.close()

    def _picture(self, key: tuple[int, bool]) -> NDArray[np.uint8]:
        picture = self.pictures[key[0]].pixels(self.pad_size)
        return np.ascontiguousarray(picture[:, ::-1]) if key[1] else picture

    def _pool(self, frozen_map: NDArray[np.float32], rois: NDArray[np.float32]) -> NDArray[np.float32]:
        return pool_array(self.network.spec, frozen_map, rois).reshape(len(rois), self._row_length)

    @torch.inference_mode()
    def _pool_there(self, frozen: torch.Tensor, rois: NDArray[np.float32]) -> torch.Tensor:
        """Return what `_pool` does, where the map `frozen` (1, C, H, W) is."""
        return pool(self.network.spec, frozen, rois, np.zeros(len(rois))).permute(0, 3, 1, 2).flatten(1)

    def _different_rois(self, key: tuple[int, bool]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the ROIs that pool to different numbers, and for each ROI (R,) which of those it equals."""
        keys = pooling_keys(self.network.spec, self.rois(*key))
        _, first, which = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        return first, which.ravel()

    def _stored(self, frozen_map: NDArray[np.float32]) -> NDArray[np.float32] | int:
        """Return `frozen_map` itself where it fits, else its place in the file."""
        self._free -= frozen_map.nbytes
        return np.array(frozen_map) if self._free >= 0 else self._file.append(frozen_map)


class _MapFile:
    """Maps of one shape in one temporary file that disappears with `close`, and one mapping of it, however many."""

    def __init__(self, folder: Path | None) -> None:
        self.folder, self._count = folder, 0
        self._file: IO[bytes] | None = None
        self._mapped: NDArray[np.float32] | None = None

    def append(self, frozen_map: NDArray[np.float32]) -> int:
        """Write a map (C, H, W) and return its place."""
        if self._file is None:
            if self.folder is not None:
                self.folder.mkdir(parents=True, exist_ok=True)
            self._file, self._shape = NamedTemporaryFile(prefix=".tmp-map-", dir=self.folder), frozen_map.shape  # noqa: SIM115
        try:
            self._file.seek(self._count * frozen_map.nbytes)
            self._file.write(np.ascontiguousarray(frozen_map).data)
            self._file.flush()  # a full disk is an error here; later, in the mapping, it would end the process
        except OSError as error:
            error.filename = self._file.name
            raise
        self._mapped = None
        self._count += 1
        return self._count - 1

    def __getitem__(self, place: int) -> NDArray[np.float32]:
        if self._mapped is None:
            assert self._file is not None
            self._mapped = np.memmap(self._file, np.float32, "r", shape=(self._count, *self._shape))  # type: ignore[call-overload]
        return self._mapped[place]

    def close(self) -> None:
        """Remove the file."""
        self._mapped = None
        if self._file is not None:
            self._file.close()
            self._file = None
