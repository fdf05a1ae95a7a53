"""Each doubt by hand, and that pictures and objects keep together."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from fastRCNN.boxes.ignored import IgnoredBoxes
from fastRCNN.checking.examination import Objects, copies, examine, labels_like_others, recall_per_class, whole_pictures
from fastRCNN.datasets.imdb import ImageRecord
from fastRCNN.datasets.record_table import RecordTable
from helpers.images import write_image

CLASSES = ("__background__", "disc", "square")


def record(tmp_path, index, boxes, classes, folder="positive", seed=None):
    path = tmp_path / folder / f"{index}.png"
    noise = np.random.default_rng(index if seed is None else seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    write_image(path, cv2.resize(noise, (120, 90), interpolation=cv2.INTER_CUBIC))
    boxes = np.array(boxes, np.float64).reshape(-1, 4)
    return ImageRecord(index, f"{folder}/{index}", path, 120, 90, boxes, np.array(classes, np.int64), IgnoredBoxes.of())


@pytest.fixture
def datasets(tmp_path):
    train = [
        record(tmp_path, 0, [[0, 0, 9, 9], [20, 20, 29, 29]], [1, 1]),
        record(tmp_path, 1, [[0, 0, 119, 89]], [1]),
        record(tmp_path, 2, [], [], seed=1),
    ]
    test = [record(tmp_path, 0, [[5, 5, 9, 9]], [2], "testImages", seed=1)]
    return {name: RecordTable(name, CLASSES, of) for name, of in (("train", train), ("test", test))}


def test_what_is_found_on_a_small_set(datasets):
    best = {"positive/0": [0.9, 0.3], "positive/1": [0.6], "positive/2": [], "testImages/0": [0.0]}
    objects, findings = examine(datasets, overlaps=lambda image, record: np.array(best[record.key], np.float64))
    assert objects.covered.tolist() == [0.9, 0.3, 0.6, 0.0]
    assert [each.key for each in objects.records] == ["positive/0", "positive/0", "positive/1", "testImages/0"]
    assert objects.labels.tolist() == [1, 1, 1, 2]
    found = {each.kind: each.places for each in findings if each.places}
    assert found == {
        "pair(s) of nearly the same picture, one for training, one for testing": (
            "positive/1 and testImages/0 (0 of 256 bits differ)",
            "positive/2 and testImages/0 (0 of 256 bits differ)",
        ),
        "pair(s) of nearly the same picture, one with objects, one without": (
            "positive/1 and positive/2 (0 of 256 bits differ): 1 and 0 object(s)",
            "positive/2 and testImages/0 (0 of 256 bits differ): 0 and 1 object(s)",
        ),
        "box(es) cover their whole picture": ("positive/1: 0 0 119 89 (disc), 120x90 pixels",),
        "class(es) are in test pictures only: they cannot be learnt": ("square: 1",),
        "class(es) have no object in test pictures: their average precision is not defined": ("disc",),
        "object(s) are covered by no ROI (overlap 0.5)": (
            "testImages/0: 5 5 9 9 (square), best overlap 0.00",
            "positive/0: 20 20 29 29 (disc), best overlap 0.30",
        ),
    }
    third = pytest.approx(1 / 3)
    recall = {"disc": (3, pytest.approx(2 / 3), third), "square": (1, 0, 0)}
    assert recall_per_class(objects, CLASSES) == recall


def test_two_views_of_the_same_objects_contradict_nothing():
    hashes = np.ones((2, 32), np.uint8)
    found = {each.kind: each.places for each in copies(hashes, [("train", "a"), ("train", "b")], [2, 3])}
    assert found["pair(s) of nearly the same picture"] == ("a and b (0 of 256 bits differ)",)
    assert found["pair(s) of nearly the same picture, one with objects, one without"] == ()


def test_without_rois_there_is_no_recall(datasets):
    objects, findings = examine(datasets, overlaps=lambda image, record: np.full(len(record.gt_boxes), np.nan))
    assert recall_per_class(objects, CLASSES) == {}
    assert not any("covered" in each.kind for each in findings if each.places)


def test_wrong_labels_are_told_by_embeddings(tmp_path):
    boxes = [[0, 0, 9, 9], [20, 20, 29, 29]]
    train = RecordTable("train", CLASSES, [record(tmp_path, i, boxes, [1, 2]) for i in range(5)])
    test = RecordTable("test", CLASSES, [record(tmp_path, 0, boxes, [2, 2], "testImages")])

    def embed(image, of):
        assert image.shape == (90, 120, 3)
        return np.array([[1, 0], [0, 1]], np.float32)

    datasets = {"train": train, "test": test}
    objects, findings = examine(datasets, overlaps=lambda image, of: np.ones(len(of.gt_boxes)), embed=embed)
    (wrong,) = (each for each in findings if "look more like another class" in each.kind)
    assert len(wrong.places) == 1
    assert wrong.places[0].startswith("testImages/0: 0 0 9 9 (square) looks like disc, 1.00 against ")
    assert objects.records[objects.unlike[0].number].key == "testImages/0"


def test_rare_labels_like_frequent_ones():
    def table(counts):
        rows = [
            ImageRecord(0, f"a{number}", Path(f"a{number}"), 9, 9, np.zeros((count, 4)), np.full(count, number))
            for number, count in enumerate(counts.values(), start=1)
        ]
        return RecordTable("train", ("__background__", *counts), rows)

    (finding,) = labels_like_others(table({"squash": 20, "sqash": 2, "orange": 20, "oranges": 19, "water": 1}))
    assert finding.places == ("'sqash' (2) and 'squash' (20)",)


def test_a_box_that_covers_nearly_all_is_the_picture(tmp_path):
    of = record(tmp_path, 0, [[0, 0, 119, 89], [0, 0, 119, 87], [0, 0, 118, 89]], [1, 1, 1])
    objects = Objects([of] * 3, of.gt_boxes, of.gt_classes, np.ones(3), [])
    (finding,) = whole_pictures(objects, CLASSES)
    assert [place.split(" (")[0] for place in finding.places] == ["positive/0: 0 0 119 89", "positive/0: 0 0 118 89"]
