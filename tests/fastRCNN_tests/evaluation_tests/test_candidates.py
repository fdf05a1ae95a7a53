"""Which ROIs are candidates: all that survive NMS; with `compat="tutorial"` as many as the published heap left."""

import heapq

import numpy as np
import pytest

from fastRCNN.boxes.nms import nms
from fastRCNN.evaluation import candidates
from fastRCNN.evaluation.candidates import PublishedCandidates, best_of_picture, picture_candidates


def far_apart(number):
    return np.array([[20 * i, 0, 20 * i + 9, 9] for i in range(number)]).reshape(-1, 4)


@pytest.mark.parametrize("at_once", [1, 90, 100_000])
@pytest.mark.parametrize("places", [1, 6])
def test_each_class_keeps_what_nms_keeps(monkeypatch, at_once, places):
    monkeypatch.setattr(candidates, "_AT_ONCE", at_once)
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 60, (40, places, 2))
    boxes = np.concatenate([corners, corners + rng.integers(10, 30, (40, places, 2))], axis=2)
    scores = rng.integers(0, 25, (40, 6)).astype(np.float32)  # with ties
    found = [np.concatenate(parts) for parts in zip(*picture_candidates(boxes, scores, nms_threshold=0.3), strict=True)]
    expected = []
    for number in range(1, 6):
        of_class = boxes[:, number if places > 1 else 0]
        keep = nms(of_class, scores[:, number], threshold=0.3)
        expected.append((of_class[keep], scores[keep, number], np.full(len(keep), number)))
    for part, wanted in zip(found, zip(*expected, strict=True), strict=True):
        np.testing.assert_array_equal(part, np.concatenate(wanted))


def test_a_picture_without_rois_has_none():
    parts = list(picture_candidates(np.zeros((0, 1, 4)), np.zeros((0, 3), np.float32), nms_threshold=0.3))
    assert [len(boxes) for boxes, _, _ in parts] == [0]


def published(tables, **limits):
    """Scores of class 1 that are left of each picture, with ROIs far apart."""
    kept = PublishedCandidates(2, **limits)
    for values in tables:
        scores = np.zeros((len(values), 2), np.float32)
        scores[:, 1] = values
        kept.add(far_apart(len(values))[:, None], scores)
    return [kept.candidates(i, nms_threshold=0.3)[1].tolist() for i in range(len(tables))]


def test_at_most_100_per_picture():
    (left,) = published([np.arange(150) / 256], max_per_set=1000)
    assert left == [i / 256 for i in range(149, 49, -1)]


def test_those_of_the_set_lie_strictly_above_the_limiting_score():
    """40 * 2 pictures = 80 of 60 + 60: the 80th best score is the limit and, as published, falls out itself."""
    scores = np.arange(120) / 128
    left = published([scores[::2], scores[1::2]])
    assert sorted(left[0] + left[1]) == (np.arange(41, 120) / 128).tolist()


def test_as_many_as_the_limit_all_stay():
    assert [len(of) for of in published([np.arange(40) / 64, np.arange(40) / 64])] == [40, 40]


def test_the_limit_equals_the_published_heap():
    """The closed form against a running heap, as the published code keeps it, on scores with many ties."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        pictures, heap, limit, kept = 5, [], -np.inf, []
        scores = [rng.integers(0, 30, size=rng.integers(0, 25)).astype(np.float32) for _ in range(pictures)]
        for values in scores:
            best = np.sort(values[values > limit])[::-1][:10]
            kept.append(best)
            for value in best:
                heapq.heappush(heap, value)
            if len(heap) > 4 * pictures:
                while len(heap) > 4 * pictures:
                    heapq.heappop(heap)
                limit = heap[0]
        expected = [values[values > limit].tolist() for values in kept]
        assert published(scores, max_per_picture=10, max_per_set=4) == expected


def test_nms_comes_after_the_limits():
    """Two ROIs on one place, one elsewhere, at most two per picture: the third is lost, though one of the two goes."""
    kept = PublishedCandidates(2, max_per_picture=2)
    boxes = np.array([[0, 0, 9, 9], [0, 0, 9, 9], [50, 0, 59, 9]])
    kept.add(boxes[:, None], np.array([[0, 3], [0, 2], [0, 1]], np.float32))
    assert kept.candidates(0, nms_threshold=0.3)[1].tolist() == [3]


def test_best_of_picture_over_all_classes() -> None:
    def some(scores, label):
        count = len(scores)
        return np.arange(4 * count).reshape(count, 4) + 100 * label, np.array(scores), np.full(count, label)

    boxes, scores, classes = best_of_picture([some([0.9, 0.5, 0.1], 1), some([0.8, 0.5], 2)], 3)
    assert scores.tolist() == [0.9, 0.5, 0.8] and classes.tolist() == [1, 1, 2]  # of equal scores the first
    assert boxes[:, 0].tolist() == [100, 104, 200]
    assert len(best_of_picture([some([0.9], 1)], 100)[0]) == 1
