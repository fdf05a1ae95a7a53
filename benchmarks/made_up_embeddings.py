"""Embeddings that no network gave: as many pictures as one likes, each made when it is asked for, none is kept.

They are non-negative, point in similar directions, and have a part that depends on the object and one on the picture,
like those of a network. Letters in shapes: R ROIs, C classes with background first, D features.
"""

import time
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

LATENT = 48  # what an embedding is mixed from
_BANK = 1 << 24  # numbers of noise, which all pictures take theirs from


class MadeUpEmbeddings(Sequence[NDArray[np.float32]]):
    """(R, D) float32 of each picture; `overlaps` with objects of the classes, (R, C) float32, likewise.

    learnable: how much of a ROI that covers an object the object determines; 0: annotations have nothing to do with
    what is seen.
    """

    def __init__(
        self, pictures: int, *, rois: int = 1000, classes: int = 20, dimension: int = 4096, learnable: float = 1.0
    ) -> None:
        self._pictures, self._rois, self._classes, self._learnable = pictures, rois, classes, learnable
        rng = np.random.default_rng(0)
        self.dimension = dimension
        self.seconds = 0.0  # of processor, that making them took
        self._objects = rng.normal(size=(classes + 1, LATENT)).astype(np.float32)
        self._mixing = rng.normal(size=(LATENT, dimension)) * np.exp(-np.arange(LATENT) / 16)[:, None]
        self._mixing = self._mixing.astype(np.float32)
        self._common = (np.abs(rng.normal(size=dimension)) * 2).astype(np.float32)
        self._noise = (0.3 * rng.standard_normal(_BANK, np.float32)).astype(np.float32)

    def __len__(self) -> int:
        return self._pictures

    def __getitem__(self, index):  # type: ignore[no-untyped-def]  # a number gives an array
        start = time.thread_time()
        rows = self._made(index)
        self.seconds += time.thread_time() - start
        return rows

    def _made(self, index: int) -> NDArray[np.float32]:
        shown, overlap, rng = self._objects_of(index)
        inside = self._learnable * overlap[:, None]
        code = inside * self._objects[shown] + (1 - inside) * rng.standard_normal((self._rois, LATENT), np.float32)
        code += 0.3 * rng.standard_normal(LATENT, np.float32)
        code += 0.4 * rng.standard_normal((self._rois, LATENT), np.float32)
        rows = code.astype(np.float32) @ self._mixing
        rows += self._common
        size = rows.size
        start = int(rng.integers(0, _BANK - size)) if size < _BANK else 0
        rows += np.resize(self._noise[start:], size).reshape(rows.shape)
        return np.maximum(rows, 0, out=rows)

    @property
    def overlaps(self) -> "_Overlaps":
        """The overlaps of each picture, made when they are asked for."""
        return _Overlaps(self)

    def overlap(self, index: int) -> NDArray[np.float32]:
        """Return (R, C) float32 of a picture."""
        shown, overlap, _ = self._objects_of(index)
        whole = np.zeros((self._rois, self._classes + 1), np.float32)
        whole[np.arange(self._rois), shown] = overlap
        return whole

    def _objects_of(self, index: int) -> tuple[NDArray[np.int64], NDArray[np.float32], np.random.Generator]:
        """Return which class each ROI is nearest to, (R,), by how much it covers that, and what draws the rest.

        A picture shows two classes; a tenth of its ROIs touch an object, and a hundredth covers one by half.
        """
        rng = np.random.default_rng([1, index])
        of_picture = 1 + rng.choice(self._classes, min(2, self._classes), replace=False)
        of_picture[0] = 1 + index % self._classes  # every class has its pictures
        shown = of_picture[rng.integers(0, len(of_picture), self._rois)]
        overlap = np.where(rng.random(self._rois) < 0.1, rng.beta(1, 4, self._rois), 0).astype(np.float32)
        overlap[: len(of_picture)], shown[: len(of_picture)] = 1, of_picture  # the annotated boxes come first
        return shown, overlap, rng


class _Overlaps(Sequence[NDArray[np.float32]]):
    def __init__(self, of: MadeUpEmbeddings) -> None:
        self._of = of

    def __len__(self) -> int:
        return len(self._of)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return self._of.overlap(index)

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        return (self._of.overlap(index) for index in range(len(self)))
