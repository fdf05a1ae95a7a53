"""The embeddings that SVM training holds in memory: positives and cached negatives of all classes, each row once.

The caches of the classes overlap almost wholly (what is no ketchup is mostly no mustard either), so one pool holds
the rows and each class holds slot numbers. The pool also keeps the inner products of all its rows, which every
retraining of every class uses again. A row is stored minus a fixed vector `center`: embeddings point in similar
directions, and without their common part float32 inner products keep some two more digits.
Letters in shapes: P rows of the pool, D features.
"""

import numpy as np
from numpy.typing import NDArray

from fastRCNN.compiling import compiled

_BLOCK = 1024  # rows converted to float64, or multiplied, at a time
_SMALLEST = 4096  # rows made room for at first; the system gives memory only where it is used


class FeaturePool:
    """Rows `f - center` in slots 0..size-1, found again by (picture, row) keys; slots without a user are used again.

    center: (D,) float32.
    gram_limit: up to this many rows the inner products are kept: (P, P) float32, 1 GiB for 16384.
    """

    def __init__(self, center: NDArray[np.float32], gram_limit: int = 16384) -> None:
        dimension = len(center)
        self.center = np.array(center, dtype=np.float32)
        self.center_square = float(self.center.astype(np.float64) @ self.center.astype(np.float64))
        self.gram_limit = gram_limit
        self.size = 0
        self.rows = np.empty((0, dimension), np.float32)
        self.keys = np.empty(0, np.int64)
        self.moments = np.empty(0)  # center . (f - center)
        self.squares = np.empty(0)  # |f - center|^2
        self.gram = np.empty((0, 0), np.float32)  # current where neither row is stale
        self._stale = np.empty(0, bool)

    @property
    def has_gram(self) -> bool:
        """Whether `gram` can be used after `update_gram`."""
        return self.size <= self.gram_limit

    def put(
        self, features: NDArray[np.float32], row_numbers: NDArray[np.int64], picture: int, used: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Return the slots, (k,) int64, of the rows `row_numbers` (k,) of `features` (n, D) of picture `picture`.

        A row that is in the pool already keeps its slot. `used` (at least P entries) says which slots have a user;
        the others are taken for new rows.
        """
        keys = (np.int64(picture) << 32) + row_numbers.astype(np.int64)
        order = np.argsort(self.keys[: self.size], kind="stable")
        if len(order):
            places = np.minimum(np.searchsorted(self.keys[order], keys), len(order) - 1)
            slots = np.where(self.keys[order[places]] == keys, order[places], -1)
        else:
            slots = np.full(len(keys), -1)
        new = np.flatnonzero(slots < 0)
        free = np.flatnonzero(~used[: self.size])
        free = free[~np.isin(free, slots)][: len(new)]
        target = np.concatenate([free, np.arange(self.size, self.size + len(new) - len(free))])
        self._grow(self.size + len(new) - len(free))
        slots[new] = target
        self.keys[target] = keys[new]
        self.rows[target] = features[row_numbers[new]] - self.center
        for start in range(0, len(target), _BLOCK):
            part = target[start : start + _BLOCK]
            block = self.rows[part].astype(np.float64)
            self.moments[part] = block @ self.center
            self.squares[part] = np.einsum("ij,ij->i", block, block)
        self._stale[target] = True
        return slots

    def _grow(self, size: int) -> None:
        capacity = len(self.rows)
        if size > capacity:
            capacity = max(size, capacity * 3 // 2, _SMALLEST)
            self.rows = _enlarged(self.rows, (capacity, self.rows.shape[1]), self.size)
            self.keys = _enlarged(self.keys, (capacity,), self.size)
            self.moments = _enlarged(self.moments, (capacity,), self.size)
            self.squares = _enlarged(self.squares, (capacity,), self.size)
            self._stale = _enlarged(self._stale, (capacity,), self.size)
        self.size = size

    def update_gram(self) -> None:
        """Compute the inner products that new rows lack; above the limit give their memory back instead."""
        if not self.has_gram:
            self.gram = np.empty((0, 0), np.float32)
            self._stale[: self.size] = True
            return
        if len(self.gram) < self.size:
            # rows double, then jump to the limit: memory is taken from the system only where it is written
            capacity = self.gram_limit if self.size > _SMALLEST else min(_SMALLEST, self.gram_limit)
            old = min(len(self.gram), self.size)
            larger = np.empty((capacity, capacity), np.float32)
            larger[:old, :old] = self.gram[:old, :old]
            self.gram = larger
        stale = np.flatnonzero(self._stale[: self.size])
        current = np.flatnonzero(~self._stale[: self.size])
        if len(stale):
            fresh = self.rows[stale]
            _place(self.gram, stale, stale, fresh @ fresh.T)
            for start in range(0, len(current), _BLOCK):
                part = current[start : start + _BLOCK]
                _place(self.gram, part, stale, self.rows[part] @ fresh.T)
            self._stale[stale] = False

    def combine(self, slots: NDArray[np.int64], factors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum of factor times embedding (center included), (D,) float64, over `slots`."""
        result = factors.sum() * self.center.astype(np.float64)
        chosen = np.flatnonzero(factors)
        for start in range(0, len(chosen), _BLOCK):
            part = chosen[start : start + _BLOCK]
            result += factors[part] @ self.rows[slots[part]].astype(np.float64)
        return result


@compiled(what="the SVM solver", seconds=9)
def _place(gram, rows, columns, products):
    """Write `products` (n, m) to the places `rows` x `columns` of `gram` and mirrored, in place, tile by tile.

    Tiles stay in the processor's cache, so that the mirrored half does not read the products column by column.
    """
    side = 64
    for i0 in range(0, len(rows), side):
        i1 = min(i0 + side, len(rows))
        for k0 in range(0, len(columns), side):
            k1 = min(k0 + side, len(columns))
            for i in range(i0, i1):
                for k in range(k0, k1):
                    gram[rows[i], columns[k]] = products[i, k]
            for k in range(k0, k1):
                for i in range(i0, i1):
                    gram[columns[k], rows[i]] = products[i, k]


def _enlarged(array: NDArray, shape: tuple[int, ...], used: int) -> NDArray:
    larger = np.empty(shape, array.dtype)
    larger[:used] = array[:used]
    return larger
