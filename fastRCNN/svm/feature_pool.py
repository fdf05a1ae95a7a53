"""The embeddings that SVM training holds in memory: positives and cached negatives of all classes, each row once.

The caches of the classes overlap almost wholly (what is no ketchup is mostly no mustard either), so one pool holds
the rows and each class holds slot numbers.
Letters in shapes: P slots of the pool, D features.
"""

import heapq

import numpy as np
from numpy.typing import NDArray


class FeaturePool:
    """Embeddings in slots 0..size-1, found again by (picture, row); slots without a user are used again.

    rows: (P, D) float32; a later `put` may move it in memory, so hold no view of it. keys: (P,) int64, which row of
    which picture it is. users: (P,) int64, how many each slot has. nr_used: how many slots have a user.
    """

    def __init__(self, dimension: int) -> None:
        self.size = self.nr_used = 0
        self.rows = np.empty((0, dimension), np.float32)
        self.keys = np.empty(0, np.int64)
        self.users = np.zeros(0, np.int64)
        self._free: list[int] = []  # a heap: all slots without a user, and some that have got one again
        self._of_picture: dict[int, NDArray[np.int64]] = {}  # the slots that were given to its rows last

    def restore(self, rows: NDArray[np.float32], keys: NDArray[np.int64], users: NDArray[np.int64]) -> None:
        """Be a pool again that had these `rows`, `keys` and `users`; takes over the arrays."""
        self.rows, self.keys, self.users = rows, keys, users
        self.size, self.nr_used = len(keys), int(np.count_nonzero(users))
        self._free = np.flatnonzero(users == 0).tolist()  # sorted: a heap
        order = np.argsort(keys >> 32, kind="stable")
        pictures, begins = np.unique(keys[order] >> 32, return_index=True)
        self._of_picture = dict(zip(pictures.tolist(), np.split(order, begins[1:]), strict=True)) if len(keys) else {}

    def put(self, features: NDArray[np.float32], row_numbers: NDArray[np.int64], picture: int) -> NDArray[np.int64]:
        """Return the slots, (k,) int64, of the rows `row_numbers` (k,) of `features` (n, D) of picture `picture`.

        A row that is in the pool already keeps its slot. New rows take slots without a user, the lowest first. `use`
        the slots before the next call.
        """
        keys = key_of(picture, row_numbers)
        known = self._of_picture.get(picture, np.zeros(0, np.int64))
        known = known[self.keys[known] >> 32 == picture]  # some may have been given away
        known = known[np.argsort(self.keys[known], kind="stable")]
        slots = np.full(len(keys), -1)
        if len(known):
            places = np.minimum(np.searchsorted(self.keys[known], keys), len(known) - 1)
            slots = np.where(self.keys[known[places]] == keys, known[places], -1)
        new = np.flatnonzero(slots < 0)
        if len(new):
            slots[new] = target = self._take(len(new), set(slots.tolist()))
            self.keys[target] = keys[new]
            self.rows[target] = features[row_numbers[new]]
            known = known[self.keys[known] >> 32 == picture]
            self._of_picture[picture] = np.union1d(known, target)
        return slots

    def use(self, slots: NDArray[np.int64]) -> None:
        """Give each of `slots`, none twice, one more user."""
        self.nr_used += int(np.count_nonzero(self.users[slots] == 0))
        self.users[slots] += 1

    def leave(self, slots: NDArray[np.int64]) -> None:
        """Take a user from each of `slots`, none twice."""
        self.users[slots] -= 1
        empty = slots[self.users[slots] == 0]
        self.nr_used -= len(empty)
        for slot in empty.tolist():
            heapq.heappush(self._free, slot)

    def _take(self, count: int, wanted: set[int]) -> NDArray[np.int64]:
        """Return `count` slots: without a user and not among the `wanted`, then new ones."""
        taken: list[int] = []
        spared: list[int] = []
        while self._free and len(taken) < count:
            slot = heapq.heappop(self._free)
            if slot in wanted:
                spared.append(slot)
            elif self.users[slot] == 0 and (not taken or slot != taken[-1]):
                taken.append(slot)
        for slot in spared:
            heapq.heappush(self._free, slot)
        more = count - len(taken)
        target = np.concatenate([np.array(taken, np.int64), np.arange(self.size, self.size + more)])
        self.size += more
        # the system enlarges such a block where it lies: nothing is copied, and there are never two of them
        self.rows.resize((self.size, self.rows.shape[1]), refcheck=False)
        self.keys.resize(self.size, refcheck=False)
        self.users.resize(self.size, refcheck=False)
        return target


def key_of(picture: int, row_numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the keys (n,) int64 of rows `row_numbers` (n,) of a picture."""
    return (np.int64(picture) << 32) + row_numbers.astype(np.int64)


def lots(keys: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """Return a number in 0..1 for each of `keys` (n,), evenly spread, always the same for a key and a seed.

    Whoever keeps the keys whose lot is below a share keeps a random part, and of a smaller share a part of that part.
    """
    with np.errstate(over="ignore"):  # splitmix64 (Steele, Lea and Flood, OOPSLA 2014)
        mixed = keys.astype(np.uint64) + np.uint64(seed) * np.uint64(0xD1B54A32D192ED03) + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) / 2**53
