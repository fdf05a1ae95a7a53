"""Which rows of the pool are examples of a class, and what happens when they do not all fit.

Letters in shapes: P slots of the pool, k of them.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fastRCNN.svm.feature_pool import FeaturePool

_ROOM = 0.8  # of the examples of the largest class stay when there are too many rows


class Examples:
    """The positives and the negative cache of one class, as slots of `pool`, which knows its users.

    counts: (P or more,) int64, how often a row is in the cache. positive: (P or more,) bool. shares: of all positives
    and of all negatives that belong here, the part that is kept; 1 while they fit.
    """

    def __init__(self, pool: FeaturePool) -> None:
        self.pool = pool
        self.positive = np.zeros(0, bool)
        self.counts = np.zeros(0, np.int64)
        self.positive_share = self.negative_share = 1.0

    def add_positives(self, slots: NDArray[np.int64]) -> None:
        """Take the rows in `slots` (k,), none of which is a positive yet."""
        self._make_room()
        self.positive[slots] = True
        self.pool.use(slots)

    def add_negatives(self, slots: NDArray[np.int64]) -> None:
        """Take the rows in `slots` (k,), none twice; those that are in the cache count once more."""
        self._make_room()
        self.pool.use(slots[self.counts[slots] == 0])
        self.counts[slots] += 1

    def drop_negatives(self, slots: NDArray[np.int64]) -> None:
        """Take the rows in `slots` (k,) from the cache."""
        self.counts[slots] = 0
        self.pool.leave(slots)

    def most(self) -> int:
        """Return the number of its positives or of its negatives, whichever are more."""
        return int(max(np.count_nonzero(self.positive), np.count_nonzero(self.counts)))

    def thin(self, most: int, lots: NDArray[np.float64]) -> None:
        """Leave about `most` positives and `most` negatives, those with the lowest of the `lots` (P,) of all slots."""
        positives, negatives = np.flatnonzero(self.positive), np.flatnonzero(self.counts)
        if len(positives) > most:
            self.positive_share *= most / len(positives)
            gone = positives[lots[positives] >= self.positive_share]
            self.positive[gone] = False
            self.pool.leave(gone)
        if len(negatives) > most:
            self.negative_share *= most / len(negatives)
            self.drop_negatives(negatives[lots[negatives] >= self.negative_share])

    def _make_room(self) -> None:
        if len(self.counts) < self.pool.size:
            size = max(self.pool.size, len(self.counts) * 3 // 2)
            for name in ("positive", "counts"):
                array = getattr(self, name)
                setattr(self, name, np.concatenate([array, np.zeros(size - len(array), array.dtype)]))


def make_fit(classes: Sequence[Examples], pool: FeaturePool, limit: int, lots: NDArray[np.float64]) -> None:
    """Thin out the classes with most examples until `pool` has at most `limit` rows in use. lots: (P,) of its slots."""
    while pool.nr_used > limit:
        most = max(1, int(_ROOM * max(examples.most() for examples in classes)))
        for examples in classes:
            examples.thin(most, lots)
