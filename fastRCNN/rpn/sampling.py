"""Drawing a few of many: used for anchors and for proposals alike."""

import numpy as np
from numpy.typing import NDArray


def draw(
    candidates: NDArray[np.int64], count: int, rng: np.random.Generator | None, *, last: bool = False
) -> NDArray[np.int64]:
    """Return `count` of `candidates` (N,), sorted; all of them where there are no more.

    rng: draws without repeats; None takes the first ones, or with `last` the last ones, which is how recorded runs of
    published code can be repeated.
    """
    if len(candidates) <= count:
        return candidates
    if rng is None:
        return candidates[len(candidates) - count :] if last else candidates[:count]
    return np.sort(rng.choice(candidates, count, replace=False))
