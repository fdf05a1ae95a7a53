"""The embeddings of one picture after the other, from files, memory, or a network that computes them.

Letters in shapes: n_i ROIs of picture i, D features.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray


def in_order(features: Sequence[NDArray[np.float32]], pictures: Sequence[int]) -> Iterator[NDArray[np.float32]]:
    """Yield (n_i, D) float32 of each of `pictures`; two of them are in memory at a time.

    Where `features` have a method `in_order`, that yields them: it knows best what to do ahead. Else the next one is
    read while one is worked on.
    """
    if hasattr(features, "in_order"):
        yield from features.in_order(pictures)
        return
    if not pictures:
        return
    with ThreadPoolExecutor(1) as reader:
        waiting = reader.submit(_read, features, pictures[0])
        for following in [*pictures[1:], None]:
            found = waiting.result()
            if following is not None:
                waiting = reader.submit(_read, features, following)
            yield found


def _read(features: Sequence[NDArray[np.float32]], picture: int) -> NDArray[np.float32]:
    return np.asarray(features[picture], np.float32)


def dimension_of(features: Sequence[NDArray[np.float32]]) -> int:
    """Return D; of `features` that know it, without reading any."""
    known: int | None = getattr(features, "dimension", None)
    return features[0].shape[1] if known is None else known
