"""Records come out of the flat arrays as they went in; the digest of an annotation sees what changed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fastRCNN.boxes.ignored import IgnoredBoxes
from fastRCNN.datasets.imdb import ImageRecord
from fastRCNN.datasets.record_table import RecordTable, some_records
from helpers.errors import UserError

CLASSES = ("__background__", "disc", "square")


def record(index, boxes=(), classes=(), ignored=()):
    boxes = np.array(boxes, np.float64).reshape(-1, 4)
    return ImageRecord(
        index, f"positive/{index}", Path(f"{index}.png"), 100 + index, 50, boxes, np.array(classes, np.int64),
        IgnoredBoxes.of(ignored),
    )  # fmt: skip


RECORDS = [
    record(0, [[1, 2, 3.5, 4]], [2], [[5, 6, 7, 8], [0, 0, 1, 1]]),
    record(1),
    record(2, [[0, 0, 9, 9], [1, 1, 2, 2]], [1, 2]),
]


def test_what_goes_in_comes_out():
    table = RecordTable("train", CLASSES, RECORDS)
    assert (table.image_set, table.classes, len(table)) == ("train", CLASSES, 3)
    assert list(table.keys) == ["positive/0", "positive/1", "positive/2"]
    assert table.image_paths == [Path("0.png"), Path("1.png"), Path("2.png")]
    for given, got in zip(RECORDS, table, strict=True):
        assert (got.index, got.key, got.path, got.width, got.height) == (
            given.index, given.key, given.path, given.width, given.height
        )  # fmt: skip
        assert got.gt_boxes.tolist() == given.gt_boxes.tolist()
        assert got.gt_classes.tolist() == given.gt_classes.tolist()
        assert got.ignored_boxes.boxes.tolist() == given.ignored_boxes.boxes.tolist()
        assert got.gt_boxes.dtype == np.float64
        assert got.gt_classes.dtype == np.int64
    assert table[-1].key == "positive/2"
    with pytest.raises(IndexError):
        table[3]
    assert table.objects_per_class() == {"disc": 1, "square": 2}


def test_a_table_of_nothing():
    table = RecordTable("test", CLASSES, [])
    assert list(table) == []
    assert table.objects_per_class() == {"disc": 0, "square": 0}


def test_records_cannot_change_the_table():
    table = RecordTable("train", CLASSES, RECORDS)
    with pytest.raises(ValueError, match="read-only"):
        table[0].gt_boxes[0, 0] = 7


@pytest.mark.parametrize(
    "change",
    [
        {"width": 101},
        {"gt_boxes": np.array([[1, 2, 3.25, 4]])},
        {"gt_classes": np.array([1])},
        {"gt_boxes": np.zeros((0, 4)), "gt_classes": np.zeros(0, np.int64)},
        {"ignored_boxes": IgnoredBoxes.of([[5, 6, 7, 8]])},
        {"ignored_boxes": IgnoredBoxes.of([[5, 6, 7, 8], [0, 0, 1, 1]], [1, 0])},
        {"ignored_boxes": IgnoredBoxes.of([[5, 6, 7, 8], [0, 0, 1, 1]], None, [True, False])},
    ],
)
def test_the_digest_of_an_annotation_sees_every_change(change):
    before = RecordTable("train", CLASSES, RECORDS)
    after = RecordTable("train", CLASSES, [replace(RECORDS[0], **change), *RECORDS[1:]])
    assert before.annotation_digest(0) != after.annotation_digest(0)
    assert before.annotation_digest(2) == after.annotation_digest(2)


def test_the_digest_does_not_depend_on_the_place_in_the_set():
    table = RecordTable("train", CLASSES, RECORDS)
    moved = RecordTable("train", CLASSES, RECORDS[::-1])
    assert [table.annotation_digest(i) for i in range(3)] == [moved.annotation_digest(2 - i) for i in range(3)]


def test_the_digest_goes_by_the_names_of_classes():
    def table(classes, numbers, hidden):
        record = ImageRecord(0, "a", Path("a.png"), 9, 9, np.zeros((2, 4)), np.array(numbers),
                             IgnoredBoxes.of([[1, 1, 2, 2]], [hidden]))  # fmt: skip
        return RecordTable("train", classes, [record]).annotation_digest(0)

    first = table(("__background__", "x", "y"), [1, 2], 2)
    assert table(("__background__", "a", "y", "x"), [3, 2], 2) == first
    assert table(("__background__", "x", "y"), [2, 1], 2) != first
    assert table(("__background__", "x", "y"), [1, 2], 1) != first


def test_two_pictures_of_one_name_are_refused():
    """Their ROIs and embeddings would be written to the same files."""
    with pytest.raises(UserError, match=r"(?s)1 name\(s\) of train pictures stand for more than one:.*positive/1"):
        RecordTable("train", CLASSES, [*RECORDS, record(1)])


def test_some_records_are_numbered_anew_and_keep_the_classes():
    table = some_records(RecordTable("train", CLASSES, RECORDS), [2, 0])
    assert (table.image_set, table.classes, list(table.keys)) == ("train", CLASSES, ["positive/2", "positive/0"])
    assert [each.index for each in table] == [0, 1]
    np.testing.assert_array_equal(table[0].gt_boxes, RECORDS[2].gt_boxes)
    np.testing.assert_array_equal(table[1].ignored_boxes.boxes, RECORDS[0].ignored_boxes.boxes)
