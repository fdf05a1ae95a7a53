"""What AP is lost to, worked out by hand; and equal to `evaluate` where nothing is undone."""

from pathlib import Path

import numpy as np
import pytest

from fastRCNN.boxes.ignored import IgnoredBoxes
from fastRCNN.evaluation.average_precision import PictureResult, evaluate
from fastRCNN.evaluation.error_analysis import KINDS, ErrorCounter

A, B, C = [0, 0, 99, 99], [300, 0, 399, 99], [600, 0, 699, 99]  # far from each other
AGAIN = [0, 0, 99, 89]  # 0.9 of A
NEAR_B, NEARER_B = [260, 0, 359, 99], [270, 0, 369, 99]  # 60 / 140 and 70 / 130 of B: the second is on it
BESIDE_B = [360, 0, 459, 99]  # 40 / 160
NOWHERE = [0, 500, 99, 599]


def analysed(boxes, scores, objects, classes, *, names=("_", "a"), moved=None, ignored=None):
    """One picture; scores: one per ROI, or rows for several classes (background left out)."""
    scores = np.asarray(scores, np.float32).reshape(len(boxes), -1 if boxes else len(names) - 1)
    picture = PictureResult(
        0, Path("a.jpg"), np.array(boxes).reshape(-1, 4), np.concatenate([np.zeros((len(boxes), 1)), scores], axis=1)
        .astype(np.float32), np.array(objects).reshape(-1, 4), np.array(classes, np.int64),
        moved=None if moved is None else np.array(moved, np.int32), ignored_boxes=ignored or IgnoredBoxes.of(),
    )  # fmt: skip
    counter = ErrorCounter(names, nms_threshold=1.0)
    evaluation = evaluate(counter.watching([picture]), names, nms_threshold=1.0)
    found = counter.result()
    expected = [np.nan if c.ap_area is None else c.ap_area for c in evaluation.classes]
    np.testing.assert_allclose(found.ap, expected)
    assert tuple(found.gains) == KINDS
    return found


def gains(found, number=0):
    return {kind: pytest.approx(float(values[number])) for kind, values in found.gains.items() if values[number]}


def test_a_place_and_a_miss():
    # right, duplicate, near B, nothing; C was missed: AP = 1 / 3
    found = analysed([A, AGAIN, NEAR_B, NOWHERE], [0.9, 0.8, 0.7, 0.6], [A, B, C], [1, 1, 1])
    assert found.ap[0] == pytest.approx(1 / 3)
    # on B: the third of three, 2 right: (1 + 2 / 3) / 3. Without C: 1 / 2. The other two stand behind what is right.
    assert gains(found) == {"place": 2 / 9, "missed": 1 / 6}
    assert found.mean_gains()["place"] == pytest.approx(2 / 9)


def test_a_duplicate_and_a_false_alarm_before_what_is_right():
    # A, again, nowhere, B: (1 + 2 / 4) / 2; without one of the two in between: (1 + 2 / 3) / 2
    found = analysed([A, AGAIN, NOWHERE, NEARER_B], [0.9, 0.8, 0.75, 0.7], [A, B], [1, 1])
    assert gains(found) == {"duplicate": 1 / 12, "background": 1 / 12}


def test_the_best_of_two_mistakes_takes_the_object():
    # A, near B, beside B: moved there the first is right and the second goes: 2 of 2
    found = analysed([A, NEAR_B, BESIDE_B], [0.9, 0.7, 0.6], [A, B], [1, 1])
    assert found.ap[0] == 0.5
    assert gains(found) == {"place": 0.5}
    # what lies near an object that is found anyway just goes: near B, B -> B
    found = analysed([NEAR_B, B], [0.9, 0.7], [B], [1])
    assert gains(found) == {"place": 0.5}


def test_a_wrong_class():
    # Each class has the other's object first: 1 / 2 each. Its own was found too, so the wrong one goes.
    found = analysed([A, B], [[0.8, 0.7], [0.9, 0.6]], [A, B], [1, 2], names=("_", "a", "b"))
    assert found.ap.tolist() == [0.5, 0.5]
    assert gains(found) == gains(found, 1) == {"class": 0.5}


def test_a_wrong_class_where_its_own_found_nothing():
    # As a "b" the second ROI is moved away, so B is found by a ROI of class "a" only, which then counts for "b".
    moved = [[A, A, A], [B, B, NOWHERE]]
    found = analysed([A, B], [[0.8, 0.7], [0.9, 0.6]], [A, B], [1, 2], names=("_", "a", "b"), moved=moved)
    assert found.ap.tolist() == [0.5, 0.0]
    assert gains(found) == {"class": 0.5}
    assert gains(found, 1) == {"class": 1.0}, "0.9 on B is the first of two then, and A's goes"
    assert found.mean_gains()["class"] == pytest.approx(0.75)


def test_near_an_object_of_another_class():
    found = analysed([NEAR_B, A], [[0.9, -1.0], [0.8, -2.0]], [A, B], [1, 2], names=("_", "a", "b"))
    assert gains(found) == {"both": 0.5}


def test_what_is_ignored_is_no_mistake():
    ignored = IgnoredBoxes.of([NOWHERE])
    found = analysed([NOWHERE, A], [0.9, 0.8], [A], [1], ignored=ignored)
    assert (found.ap[0], gains(found)) == (1, {})


def test_nothing_found_and_nothing_to_find():
    found = analysed([], [], [A], [1])
    assert gains(found) == {"missed": 1.0}
    found = analysed([NOWHERE], [0.5], [], [])
    assert np.isnan(found.ap[0]) and np.isnan(found.gains["background"][0])
    assert set(found.mean_gains().values()) == {0.0}
    assert ErrorCounter(("_", "a")).result().mean_gains()["class"] == 0


def test_the_best_of_a_picture():
    counter = ErrorCounter(("_", "a"), nms_threshold=1.0, max_per_picture=2)
    scores = np.array([[0, 0.9], [0, 0.8], [0, 0.7]], np.float32)
    counter.add(PictureResult(0, Path("x"), np.array([NOWHERE, A, B]), scores, np.array([A, B]), np.array([1, 1])))
    assert counter.result().ap[0] == 0.25, "B is the third"


def test_pictures_do_not_meet():
    counter = ErrorCounter(("_", "a"), nms_threshold=1.0)
    for number, objects in enumerate(([A], [A, B])):
        boxes, scores = np.array([A, NEAR_B]), np.array([[0, 0.9], [0, 0.8]], np.float32)
        counter.add(PictureResult(number, Path("x"), boxes, scores, np.array(objects), np.ones(len(objects), int)))
    found = counter.result()
    # A, A, nothing in the first picture, near B in the second: 2 of 3 objects. Moved onto B, the last is the third
    # that is right, of four: (1 + 1 + 3 / 4) / 3
    assert found.ap[0] == pytest.approx(2 / 3)
    assert gains(found) == {"place": 1 / 4}


@pytest.mark.parametrize(("compat", "most"), [("corrected", 0), ("corrected", 2), ("tutorial", 0)])
def test_the_candidates_of_the_evaluation_serve_as_well(compat, most):
    """What is suppressed once is not suppressed again; the published code knows its candidates at the end only."""
    rng = np.random.default_rng(1)
    boxes = np.concatenate([corner := rng.integers(0, 60, (40, 2)), corner + 30], axis=1)
    scores = rng.random((40, 3), np.float32)
    picture = PictureResult(0, Path("x"), boxes, scores, boxes[:3] + 4, np.array([1, 2, 1]))
    names, found, told = ("_", "a", "b"), [], []
    for way in ("watching", "watch"):
        counter = ErrorCounter(names, max_per_picture=most)

        def watch(picture, candidates, counter=counter):
            told.append(candidates)
            counter.add(picture, candidates)

        pictures = counter.watching([picture]) if way == "watching" else [picture]
        evaluate(pictures, names, max_per_picture=most, compat=compat, watch=watch if way == "watch" else None)
        found.append(counter.result())
    assert [each is None for each in told] == [compat == "tutorial"]
    np.testing.assert_array_equal(found[0].ap, found[1].ap)
    for kind in KINDS:
        np.testing.assert_array_equal(found[0].gains[kind], found[1].gains[kind])
    assert any(values.any() for values in found[0].gains.values())
