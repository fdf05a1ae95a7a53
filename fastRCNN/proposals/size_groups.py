"""ROIs dealt among groups of sizes, so that a small number of them has some of every size that objects have.

The rank of Selective Search favours large regions with a clear outline: where objects are many and small, hardly one of
the first hundred ROIs has their size. Letters in shapes: N boxes, K edges between groups.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.boxes import areas

GROUPS = 5  # by recall on folds of training pictures: 3 gain less, 8, 12 and 20 no more (benchmarks/ROIS.md)


def relative_sizes(boxes: ArrayLike, longest_side: ArrayLike) -> NDArray[np.float64]:
    """Return the root of the area of each of `boxes` (N, 4), relative to the longest side of its picture in pixels."""
    sizes: NDArray[np.float64] = np.sqrt(areas(boxes)) / np.asarray(longest_side, np.float64)
    return sizes


def size_edges(sizes: ArrayLike, *, groups: int = GROUPS) -> list[float]:
    """Return the edges between `groups` groups that each hold as many of `sizes` (N,), rounded to four digits.

    [] where there are no sizes. Edges that are equal stand there once.

    >>> size_edges([0.1, 0.2, 0.3, 0.4], groups=2)
    [0.25]
    """
    sizes = np.asarray(sizes, np.float64)
    if len(sizes) == 0:
        return []
    edges = np.quantile(sizes, np.arange(1, groups) / groups)
    return sorted({float(f"{edge:.4g}") for edge in edges.tolist()})


def dealt_by_size(boxes: ArrayLike, edges: Sequence[float], longest_side: float) -> NDArray[np.int64]:
    """Return the order, (N,) numbers, in which each group in turn gives its best of `boxes` (N, 4), the best first.

    So every group has as many among the first ones, until it has no more; its own order stays. edges: (K,) between the
    K + 1 groups, see `relative_sizes`. Of those dealt in one turn the one that stood first comes first.

    Large, large, large, small in groups that part at 0.25: the small one comes second.

    >>> dealt_by_size([[0, 0, 49, 49], [1, 1, 50, 50], [2, 2, 51, 51], [0, 0, 9, 9]], [0.25], 100).tolist()
    [0, 3, 1, 2]
    """
    groups = np.digitize(relative_sizes(boxes, longest_side), edges)
    turns = np.zeros(len(groups), np.int64)
    for group in np.unique(groups).tolist():
        mine = np.flatnonzero(groups == group)
        turns[mine] = np.arange(len(mine))
    return np.argsort(turns, kind="stable")
