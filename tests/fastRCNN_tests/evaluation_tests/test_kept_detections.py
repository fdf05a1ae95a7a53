"""Detections of many pictures in compact arrays, and their evaluation by themselves."""

import dataclasses

import numpy as np
import pytest

from fastRCNN.boxes.ignored import IgnoredBoxes
from fastRCNN.evaluation.average_precision import evaluate, evaluate_detections
from fastRCNN.evaluation.kept_detections import KeptDetections
from tests.fastRCNN_tests.evaluation_tests.test_average_precision import CLASSES, _picture, _random_pictures


def test_columns_in_the_order_of_adding() -> None:
    kept = KeptDetections()
    assert len(kept) == 0 and kept.boxes.shape == (0, 4)
    kept.add(3, np.array([[1, 2, 3, 4], [5, 6, 7, 8]]), np.array([0.5, 0.25]), np.array([2, 1]))
    kept.add(1, np.zeros((0, 4)), [], [])
    assert len(kept) == 2 and kept.pictures.tolist() == [3, 3]
    kept.add(0, [[9, 9, 9, 9]], [1], [20])
    assert kept.classes.tolist() == [2, 1, 20] and kept.scores.tolist() == [0.5, 0.25, 1.0]
    assert kept.boxes.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 9, 9, 9]]
    row = sum(column[0].nbytes for column in (kept.pictures, kept.classes, kept.scores, kept.boxes))
    assert row == 26


@pytest.mark.parametrize("limit", [0, 3])
def test_what_is_kept_gives_the_same_numbers_again(limit):
    """Kept detections evaluated by themselves; and the limit of a picture is over all its classes."""
    pictures, kept = _random_pictures(np.random.default_rng(5)), KeptDetections()
    pictures[1] = dataclasses.replace(pictures[1], ignored_boxes=IgnoredBoxes.of(pictures[1].boxes[:2], [0, 2]))
    first = evaluate(pictures, CLASSES, max_per_picture=limit, kept=kept)
    again = evaluate_detections(pictures, kept, CLASSES)
    for one, two in zip(first.classes, again.classes, strict=True):
        assert (one.ap_area, one.ap_11point, one.detections) == (two.ap_area, two.ap_11point, two.detections)
    counts = np.bincount(kept.pictures, minlength=len(pictures))
    if limit:
        assert counts.max() == limit
        best = [np.sort(p.scores[:, 1:].ravel())[-1] for p in pictures]
        assert [kept.scores[kept.pictures == n].max() for n in range(len(pictures))] == best
    else:
        assert counts.min() > 3


def test_kept_detections_in_any_order():
    orange = [0, 0, 99, 99]
    kept = KeptDetections()
    kept.add(1, [orange], [0.9], [1])  # the second picture first
    kept.add(0, [orange, orange], [0.8, 0.7], [1, 1])  # a duplicate is wrong
    result = evaluate_detections([_picture([], [], [orange], [1]), _picture([], [], [orange], [1])], kept, CLASSES)
    assert result.classes[0].matching.right.tolist() == [True, True, False]


def test_published_candidates_are_kept_too():
    pictures, kept = _random_pictures(np.random.default_rng(5)), KeptDetections()
    result = evaluate(pictures, CLASSES, compat="tutorial", kept=kept)
    assert len(kept) == sum(each.detections for each in result.classes)


def test_several_pictures_at_once_make_no_difference():
    pictures, found = _random_pictures(np.random.default_rng(5)), []
    for jobs in (1, 4):
        kept = KeptDetections()
        result = evaluate(pictures, CLASSES, kept=kept, jobs=jobs)
        found.append((kept.pictures.tolist(), kept.scores.tolist(), [each.ap_area for each in result.classes]))
    assert found[0] == found[1]
