"""Areas of drawn pictures against lists that hold each picture as often as it was drawn; intervals at their limits."""

from pathlib import Path

import numpy as np
import pytest

from fastRCNN.evaluation import bootstrap
from fastRCNN.evaluation.average_precision import PictureResult, evaluate
from fastRCNN.evaluation.bootstrap import Interval, map_interval, weighted_areas
from fastRCNN.evaluation.matching import Ranking
from fastRCNN.evaluation.precision_curve import ap_area

CLASSES = ("__background__", "disc", "square")
A, B = [0, 0, 9, 9], [50, 50, 59, 59]


def picture(index, scores, classes):
    """Two ROIs, A and B, with an object of each of `classes` on them, in order."""
    boxes = np.array([A, B], np.int32)
    truth = boxes[: len(classes)]
    return PictureResult(index, Path("a"), boxes, np.array(scores, np.float32), truth, np.array(classes, np.int64))


def test_weights_are_pictures_that_are_there_more_than_once():
    rng = np.random.default_rng(0)
    right, pictures = rng.random(60) < 0.4, rng.integers(0, 5, 60).astype(np.int32)
    ranking = Ranking(-np.arange(60.0), right, 40, pictures=pictures)
    weights = rng.integers(0, 4, (20, 5))
    weights[0] = 1
    areas = weighted_areas(ranking, weights, np.full(20, 40))
    expected = [ap_area(np.repeat(right, drawn[pictures]), positives=40) for drawn in weights]
    np.testing.assert_allclose(areas, expected, rtol=1e-12)


def test_a_class_of_no_object_in_a_sample_has_no_area():
    ranking = Ranking(np.array([1.0]), np.array([True]), 1, pictures=np.zeros(1, np.int32))
    assert weighted_areas(ranking, np.array([[0, 2]]), np.array([0])).tolist() == [0]


def test_the_interval_of_two_pictures_by_hand(monkeypatch):
    """Found in one picture, missed in the other: a quarter of the draws has AP 0, a half 0.5, a quarter 1."""
    both = [picture(0, [[0, 1, 0], [0, -1, 0]], [1]), picture(1, [[0, -1, 0], [0, -2, 0]], [])]
    both[1] = picture(1, [[0, -9, 0], [0, -9, 0]], [1])
    far = PictureResult(1, Path("b"), np.array([B, B], np.int32), both[1].scores, np.array([A]), np.array([1]))
    evaluation = evaluate([both[0], far], CLASSES)
    assert evaluation.map_area == pytest.approx(0.5)
    assert evaluation.objects.tolist() == [[1, 0], [1, 0]] and evaluation.pictures == 2
    assert map_interval(evaluation) is None, "two pictures say nothing of others"
    monkeypatch.setattr(bootstrap, "_FEWEST", 2)
    assert map_interval(evaluation) == Interval(0.0, 1.0, 1000)


def test_what_is_perfect_in_all_pictures_is_so_in_every_draw():
    evaluation = evaluate([picture(i, [[0, 3, -1], [0, -1, 2]], [1, 2]) for i in range(4)], CLASSES)
    assert map_interval(evaluation) == Interval(1.0, 1.0, 1000)


def test_the_same_seed_gives_the_same_interval():
    rng = np.random.default_rng(1)
    evaluation = evaluate([picture(i, rng.normal(size=(2, 3)), rng.integers(1, 3, 2)) for i in range(9)], CLASSES)
    first = map_interval(evaluation, seed=3)
    assert 0 <= first.low < evaluation.map_area < first.high <= 1
    assert map_interval(evaluation, seed=3) == first != map_interval(evaluation, seed=4)


def test_nothing_to_draw_and_too_much(monkeypatch):
    alone = evaluate([picture(0, [[0, 1, 0], [0, 1, 0]], [1])], CLASSES)
    assert map_interval(alone) is None
    empty = evaluate([picture(i, [[0, 1, 0], [0, 1, 0]], []) for i in range(3)], CLASSES)
    assert map_interval(empty) is None
    several = evaluate([picture(i, [[0, 1, 0], [0, 1, 0]], [1]) for i in range(4)], CLASSES)
    monkeypatch.setattr(bootstrap, "_LARGEST_TABLE", 16)  # 4 right detections in 4 pictures
    assert map_interval(several).samples == bootstrap.SAMPLES
    monkeypatch.setattr(bootstrap, "_LARGEST_TABLE", 8)
    assert map_interval(several) is None


def test_a_class_that_nothing_finds_has_area_0():
    ranking = Ranking(np.array([1.0]), np.array([False]), 1, pictures=np.zeros(1, np.int32))
    assert weighted_areas(ranking, np.array([[1, 1]]), np.array([1])).tolist() == [0]


def test_rankings_without_pictures_are_refused():
    with pytest.raises(ValueError, match="know the pictures"):
        weighted_areas(Ranking(np.ones(1), np.ones(1, bool), 1), np.ones((1, 1), int), np.ones(1, int))
