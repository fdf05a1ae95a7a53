"""The embeddings of one picture after the other, from files, memory, or a network that computes them.

Letters in shapes: n_i ROIs of picture i, D features.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np
from numpy.typing import NDArray

AHEAD = 2  # pictures


def in_order(features: Sequence[NDArray[np.float32]], pictures: Sequence[int]) -> Iterator[NDArray[np.float32]]:
    """Yield (n_i, D) float32 of each of `pictures`; `AHEAD` + 1 of them are in memory at a time.

    Where `features` have a method `in_order`, that yields them: it knows best what to do ahead. Else the next ones are
    read while one is worked on.
    """
    if hasattr(features, "in_order"):
        yield from features.in_order(pictures)
        return
    left = iter(pictures)
    with ThreadPoolExecutor(AHEAD) as readers:
        waiting = deque(readers.submit(_read, features, picture) for picture in islice(left, AHEAD))
        while waiting:
            found = waiting.popleft().result()
            waiting.extend(readers.submit(_read, features, picture) for picture in islice(left, 1))
            yield found


def _read(features: Sequence[NDArray[np.float32]], picture: int) -> NDArray[np.float32]:
    return np.asarray(features[picture], np.float32)


def dimension_of(features: Sequence[NDArray[np.float32]]) -> int:
    """Return D; of `features` that know it, without reading any."""
    known: int | None = getattr(features, "dimension", None)
    return features[0].shape[1] if known is None else known
