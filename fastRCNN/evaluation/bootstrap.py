"""How far a mean average precision can be trusted: the interval that other pictures like these would give.

The bootstrap (Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 1979): draw as many
pictures as there are, with replacement, measure, and do so many times. What is drawn are pictures, not objects, since
objects of one picture are found or missed together. The network and what it learnt stay as they are, so it says nothing
of other training pictures.

What changes from draw to draw is how often each picture counts. So a ranking is first put together to a table: for each
right detection, in order, how many detections of each picture stand since the right one before. With that, a draw is a
product of matrices, however many wrong detections there are.

Letters in shapes: P pictures, K right detections of one class, S samples.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastRCNN.evaluation.average_precision import Evaluation
from fastRCNN.evaluation.matching import Ranking

SAMPLES = 1000
FEW = 30  # test objects: of fewer, the numbers say little
_FEWEST = 4  # pictures
_LARGEST_TABLE = 50_000_000  # numbers, of one class: where pictures and objects are so many, the interval is narrow


@dataclass(frozen=True)
class Interval:
    """`low` to `high`: where 95 of 100 samples lie; `samples`: how many were drawn."""

    low: float
    high: float
    samples: int

    def text(self) -> str:
        """Return "0.86 to 0.97"."""
        return f"{self.low:.2f} to {self.high:.2f}"

    def as_data(self) -> list[float]:
        """Return both ends as JSON files have them."""
        return [round(self.low, 4), round(self.high, 4)]


def map_interval(evaluation: Evaluation, *, samples: int = SAMPLES, seed: int = 0) -> Interval | None:
    """Return the interval of the mean `ap_area` over `samples` draws of the pictures.

    None where there is little to draw (no object, fewer than four pictures: their draws are too much alike), and where
    pictures and objects are so many that it would take too much memory: the interval is narrow then.
    """
    nr_pictures = evaluation.pictures
    most = max((np.count_nonzero(each.matching.right) for each in evaluation.classes), default=0)
    if nr_pictures < _FEWEST or not evaluation.objects.any() or most * nr_pictures > _LARGEST_TABLE:
        return None
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(nr_pictures, np.full(nr_pictures, 1 / nr_pictures), samples)
    positives = weights @ evaluation.objects
    areas = np.stack([weighted_areas(c.matching, weights, positives[:, k]) for k, c in enumerate(evaluation.classes)])
    defined = positives.T > 0
    counted = defined.sum(axis=0)
    means = (np.where(defined, areas, 0).sum(axis=0) / np.maximum(counted, 1))[counted > 0]
    low, high = np.quantile(means, (0.025, 0.975))
    return Interval(float(low), float(high), samples)


def weighted_areas(ranking: Ranking, weights: NDArray[np.int64], positives: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return (S,) the area under the precision envelope, where each picture counts as often as `weights` (S, P) say.

    positives: (S,) objects of the class; 0 gives 0. A picture that counts twice is one that is there twice: its
    detections stand twice in the list, right ones beside each other.
    """
    if ranking.pictures is None:
        raise ValueError("ranking: expected to know the pictures of its detections")
    right, nr_pictures = np.flatnonzero(ranking.right), weights.shape[1]
    if len(right) == 0:
        return np.zeros(len(weights))
    up_to_last = slice(0, right[-1] + 1)
    # of each detection: the number of the right one that comes next, or that it is
    block: NDArray[np.int64] = (np.cumsum(ranking.right) - ranking.right)[up_to_last]
    cells = block * nr_pictures + ranking.pictures[up_to_last]
    table = np.bincount(cells, minlength=len(right) * nr_pictures).reshape(len(right), nr_pictures)
    counts = np.cumsum(weights.astype(np.float64) @ table.T.astype(np.float64), axis=1)
    hits = weights[:, ranking.pictures[right]]
    precisions = np.cumsum(hits, axis=1) / np.maximum(counts, 1)
    heights = np.maximum.accumulate(precisions[:, ::-1], axis=1)[:, ::-1]
    return (heights * hits).sum(axis=1) / np.maximum(positives, 1)
