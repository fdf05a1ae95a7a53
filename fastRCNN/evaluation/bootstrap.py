"""How far a mean average precision can be trusted: the interval that other pictures like these would give.

The bootstrap (Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 1979): draw as many
pictures as there are, with replacement, measure, and do so many times. What is drawn are pictures, not objects, since
objects of one picture are found or missed together. The network and what it learnt stay as they are, so it says nothing
of other training pictures.

Letters in shapes: P pictures, N detections of one class, S samples.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastRCNN.evaluation.average_precision import Evaluation
from fastRCNN.evaluation.matching import Ranking

SAMPLES = 1000
_MOST_NUMBERS = 1_000_000_000  # that are looked at: fewer samples of more, and none below `_FEWEST`
_FEWEST = 100
_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Interval:
    """`low` to `high`: where 95 of 100 samples lie; `samples`: how many were drawn."""

    low: float
    high: float
    samples: int

    def text(self) -> str:
        """Return "0.86 to 0.97"."""
        return f"{self.low:.2f} to {self.high:.2f}"


def map_interval(evaluation: Evaluation, *, samples: int = SAMPLES, seed: int = 0) -> Interval | None:
    """Return the interval of the mean `ap_area` over `samples` draws of the pictures.

    None where there is nothing to draw (no object, fewer than two pictures), or so much that it would take minutes: the
    interval is narrow then.
    """
    rankings = [_up_to_the_last_right(each.matching) for each in evaluation.classes]
    total = sum(len(each.scores) for each in rankings)
    samples = min(samples, _MOST_NUMBERS // max(total, 1))
    if evaluation.pictures < 2 or not evaluation.objects.any() or samples < min(_FEWEST, SAMPLES):
        return None
    rng = np.random.default_rng(seed)
    means = []
    at_once = max(1, _AT_ONCE // max([1, *(len(each.scores) for each in rankings)]))
    for start in range(0, samples, at_once):
        size = min(at_once, samples - start)
        weights = rng.multinomial(evaluation.pictures, np.full(evaluation.pictures, 1 / evaluation.pictures), size)
        positives = weights @ evaluation.objects
        areas = np.stack([weighted_areas(each, weights, positives[:, k]) for k, each in enumerate(rankings)])
        defined = positives.T > 0
        counted = defined.sum(axis=0)
        means.append((np.where(defined, areas, 0).sum(axis=0) / np.maximum(counted, 1))[counted > 0])
    low, high = np.quantile(np.concatenate(means), (0.025, 0.975))
    return Interval(float(low), float(high), samples)


def weighted_areas(ranking: Ranking, weights: NDArray[np.int64], positives: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return (S,) the area under the precision envelope, where each picture counts as often as `weights` (S, P) say.

    positives: (S,) objects of the class; 0 gives 0. A picture that counts twice is one that is there twice: its
    detections stand twice in the list, right ones beside each other.
    """
    if ranking.pictures is None:
        raise ValueError("ranking: expected to know the pictures of its detections")
    counts = weights[:, ranking.pictures]
    found = np.cumsum(counts * ranking.right, axis=1)
    precisions = found / np.maximum(np.cumsum(counts, axis=1), 1)
    heights = np.maximum.accumulate(precisions[:, ::-1], axis=1)[:, ::-1]
    return (heights * counts * ranking.right).sum(axis=1) / np.maximum(positives, 1)


def _up_to_the_last_right(ranking: Ranking) -> Ranking:
    """Return `ranking` without the wrong detections at its end, which change no area."""
    end = int(np.flatnonzero(ranking.right).max(initial=-1)) + 1
    pictures = None if ranking.pictures is None else ranking.pictures[:end]
    return Ranking(ranking.scores[:end], ranking.right[:end], ranking.positives, pictures=pictures)
