"""The embeddings that SVM training holds in memory: positives and cached negatives of all classes, each row once.

The caches of the classes overlap almost wholly (what is no ketchup is mostly no mustard either), so one pool holds
the rows and each class holds slot numbers.
Letters in shapes: P rows of the pool, D features.
"""

import numpy as np
from numpy.typing import NDArray


class FeaturePool:
    """Embeddings in slots 0..size-1, found again by (picture, row) keys; slots without a user are used again.

    rows: (P, D) float32; a later `put` may move it in memory, so hold no view of it.
    """

    def __init__(self, dimension: int) -> None:
        self.size = 0
        self.rows = np.empty((0, dimension), np.float32)
        self.keys = np.empty(0, np.int64)

    def put(
        self, features: NDArray[np.float32], row_numbers: NDArray[np.int64], picture: int, used: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Return the slots, (k,) int64, of the rows `row_numbers` (k,) of `features` (n, D) of picture `picture`.

        A row that is in the pool already keeps its slot. `used` (at least P entries) says which slots have a user;
        the others are taken for new rows.
        """
        keys = (np.int64(picture) << 32) + row_numbers.astype(np.int64)
        order = np.argsort(self.keys, kind="stable")
        if len(order):
            places = np.minimum(np.searchsorted(self.keys[order], keys), len(order) - 1)
            slots = np.where(self.keys[order[places]] == keys, order[places], -1)
        else:
            slots = np.full(len(keys), -1)
        new = np.flatnonzero(slots < 0)
        free = np.flatnonzero(~used[: self.size])
        free = free[~np.isin(free, slots)][: len(new)]
        target = np.concatenate([free, np.arange(self.size, self.size + len(new) - len(free))])
        self.size += len(new) - len(free)
        # the system enlarges such a block where it lies: nothing is copied, and there are never two of them
        self.rows.resize((self.size, self.rows.shape[1]), refcheck=False)
        self.keys.resize(self.size, refcheck=False)
        slots[new] = target
        self.keys[target] = keys[new]
        self.rows[target] = features[row_numbers[new]]
        return slots
