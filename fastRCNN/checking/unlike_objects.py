"""Objects that look unlike the rest of their class, by the network's numbers for them: label errors are among them.

For each object: how much it resembles the mean of the other objects of its class, and that of each other class (the
cosine of the angle between two embeddings whose mean over all objects has been taken off). What resembles another class
more is named after it. Letters in shapes: O objects, D features, C classes with background first.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEWEST = 3  # objects of a class that tell what it looks like


@dataclass(frozen=True)
class Unlike:
    """An object: its number, its class, the class that it resembles most beside its own, and by how much it does so.

    own, other: cosines, 1 the same, 0 nothing in common.
    """

    number: int
    label: int
    resembles: int
    own: float
    other: float

    @property
    def looks_wrong(self) -> bool:
        """Whether the object resembles another class more than its own."""
        return self.other > self.own


def unlike_objects(embeddings: NDArray[np.float32], labels: NDArray[np.int64], *, of_each: int = 5) -> list[Unlike]:
    """Return up to `of_each` objects of each class that fit it worst, worst first; (O, D) numbers, (O,) classes >= 1.

    Classes with fewer than `FEWEST` objects are left out, and so is everything if there is one class only.
    """
    counts = np.bincount(labels, minlength=1)
    classes = np.flatnonzero(counts >= FEWEST)
    if len(classes) < 2:
        return []
    rows = embeddings.astype(np.float64) - embeddings.mean(axis=0, dtype=np.float64)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    sums = np.stack([rows[labels == number].sum(axis=0) for number in classes])
    alike = _cosines(rows, sums)
    found: list[Unlike] = []
    for place, number in enumerate(classes):
        mine = np.flatnonzero(labels == number)
        own = _cosines_by_row(rows[mine], sums[place] - rows[mine])  # without itself
        others = np.delete(alike[mine], place, axis=1)
        best = others.argmax(axis=1)
        margins = own - others.max(axis=1)
        for at in np.argsort(margins, kind="stable")[:of_each]:
            other = int(np.delete(classes, place)[best[at]])
            found.append(Unlike(int(mine[at]), int(number), other, float(own[at]), float(others[at].max())))
    return sorted(found, key=lambda each: (each.own - each.other, each.number))


def _cosines(rows: NDArray, others: NDArray) -> NDArray:
    return rows @ (others / np.maximum(np.linalg.norm(others, axis=1, keepdims=True), 1e-12)).T


def _cosines_by_row(rows: NDArray, others: NDArray) -> NDArray:
    return np.einsum("nd,nd->n", rows, others) / np.maximum(np.linalg.norm(others, axis=1), 1e-12)
