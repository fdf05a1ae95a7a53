"""ROIs and overlaps of many pictures, compact: a picture shows few of the classes, so most overlaps are 0.

4,000 ROIs, 20 classes, two of them shown: 96 KB instead of 464. Letters in shapes: R ROIs of a picture, C classes.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastRCNN.datasets.roidb import RoiRecord


class _Packed(NamedTuple):
    rois: NDArray  # (R, 4), float32 where that holds them exactly
    columns: NDArray[np.int64]  # the classes with an overlap other than 0
    overlaps: NDArray[np.float32]  # (R, columns)
    nr_classes: int


class _View(Sequence[NDArray]):
    """One array for each picture, made when it is asked for."""

    def __init__(self, packed: Sequence[_Packed], unpack: Callable[[_Packed], NDArray]) -> None:
        self._packed, self._unpack = packed, unpack

    def __len__(self) -> int:
        return len(self._packed)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]  # a number gives an array, a slice a list of them
        if isinstance(index, slice):
            return [self._unpack(each) for each in self._packed[index]]
        return self._unpack(self._packed[index])


class RoiTable:
    """What is needed of `RoiRecord`s to train on them."""

    def __init__(self, records: Iterable[RoiRecord]) -> None:
        """Take over `records`, read one at a time."""
        self._packed = [_pack(record) for record in records]

    @property
    def counts(self) -> list[int]:
        """R of each picture."""
        return [len(each.rois) for each in self._packed]

    @property
    def rois(self) -> Sequence[NDArray[np.float64]]:
        """The ROIs of each picture, (R, 4) float64."""
        return _View(self._packed, lambda each: each.rois.astype(np.float64))

    @property
    def overlaps(self) -> Sequence[NDArray[np.float32]]:
        """The overlaps of each picture, (R, C) float32."""
        return _View(self._packed, _overlaps)


def _pack(record: RoiRecord) -> _Packed:
    columns = np.flatnonzero((record.overlaps != 0).any(axis=0))  # NaN, to be ignored, is not 0
    small = record.rois.astype(np.float32)
    rois = small if np.array_equal(small, record.rois) else record.rois
    return _Packed(rois, columns, record.overlaps[:, columns], record.overlaps.shape[1])


def _overlaps(packed: _Packed) -> NDArray[np.float32]:
    whole = np.zeros((len(packed.rois), packed.nr_classes), np.float32)
    whole[:, packed.columns] = packed.overlaps
    return whole
