"""Objects unlike their class: by hand in two dimensions, and wrong labels among many."""

import numpy as np
import pytest

from fastRCNN.checking.unlike_objects import unlike_objects

RIGHT, UP = [10, 0], [0, 10]


def test_a_wrong_label_is_first_with_what_it_looks_like():
    """Two clusters; the third object lies in the first cluster, and is labelled as one of the second."""
    rows = np.array([RIGHT, RIGHT, RIGHT, UP, UP, UP], np.float32)
    labels = np.array([1, 1, 2, 2, 2, 2])
    labels[1] = 1
    rows = np.concatenate([rows, [RIGHT]]).astype(np.float32)
    labels = np.append(labels, 1)
    first, *others = unlike_objects(rows, labels)
    assert (first.number, first.label, first.resembles) == (2, 2, 1)
    assert first.looks_wrong
    assert first.other == pytest.approx(1)
    assert first.own == pytest.approx(-1), "the others of its class lie opposite, seen from the mean of all"
    assert not any(each.looks_wrong for each in others)


def test_five_of_each_class_in_order_of_their_margin():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 20))
    labels = np.repeat([1, 2, 3], 30)
    rows = (centres[labels - 1] * 3 + rng.normal(size=(90, 20)) * 0.5).astype(np.float32)
    wrong = labels.copy()
    wrong[[4, 50]] = [3, 1]
    found = unlike_objects(rows, wrong)
    assert [each.number for each in found[:2]] in ([4, 50], [50, 4])
    assert {each.number: each.resembles for each in found[:2]} == {4: 1, 50: 2}
    assert np.bincount([each.label for each in found]).tolist() == [0, 5, 5, 5]
    margins = [each.own - each.other for each in found]
    assert margins == sorted(margins)
    assert len(unlike_objects(rows, wrong, of_each=1)) == 3


def test_too_few_objects_or_classes_say_nothing():
    assert unlike_objects(np.zeros((0, 1), np.float32), np.zeros(0, np.int64)) == []
    assert unlike_objects(np.eye(4, dtype=np.float32), np.array([1, 1, 1, 1])) == []
    assert unlike_objects(np.eye(5, dtype=np.float32), np.array([1, 1, 1, 2, 2])) == []
