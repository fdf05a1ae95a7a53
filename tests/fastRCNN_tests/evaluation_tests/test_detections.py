"""Detections: decisions by hand, invariants, and both text formats there and back."""

import json

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fastRCNN.evaluation.detections import Detections, detections_table, read_detections_table
from helpers.errors import UserError

CLASSES = ("__background__", "orange", "eggBox")
# ROI 0 and 1 overlap (IoU 100 * 90 / 110 / 100 = 0.82), ROI 2 lies apart.
BOXES = np.array([[0, 0, 99, 99], [10, 0, 109, 99], [300, 300, 349, 349]], dtype=np.int32)


def _detections(**changes):
    values = {
        "boxes": BOXES,
        "labels": [1, 0, 2],
        "scores": [0.5, 0.25, -1.0],
        "keep": [True, True, False],
        "class_names": CLASSES,
    }
    return Detections(**{**values, **changes})


def test_from_scores_takes_the_best_class_and_suppresses_within_a_label():
    scores = [[0.0, 0.9, 0.1], [0.0, 0.8, 0.2], [0.0, 0.3, 0.4]]
    found = Detections.from_scores(scores, BOXES, CLASSES, nms_threshold=0.3)
    np.testing.assert_array_equal(found.labels, [1, 1, 2])
    np.testing.assert_array_equal(found.scores, np.float32([0.9, 0.8, 0.4]))
    np.testing.assert_array_equal(found.keep, [True, False, True])
    assert (found.scores.dtype, found.boxes.dtype, found.labels.dtype) == (np.float32, np.int32, np.int64)


def test_from_scores_leaves_boxes_of_other_labels_alone():
    found = Detections.from_scores([[0, 0.9, 0.1], [0, 0.1, 0.8], [0, 0.3, 0.4]], BOXES, CLASSES, nms_threshold=0.3)
    assert found.keep.all()


def test_from_scores_suppresses_background_as_well():
    found = Detections.from_scores([[3, 0, 0], [2, 0, 0], [1, 0, 0]], BOXES, CLASSES, nms_threshold=0.3)
    np.testing.assert_array_equal(found.labels, [0, 0, 0])
    np.testing.assert_array_equal(found.keep, [True, False, True])


def test_from_scores_gives_the_first_class_on_ties():
    found = Detections.from_scores([[0.5, 0.5, 0.5], [0, 0.7, 0.7], [0, 0, 0]], BOXES, CLASSES)
    np.testing.assert_array_equal(found.labels, [0, 1, 0])


def test_from_scores_turns_weak_decisions_into_background_that_keep_their_score():
    scores = [[0, 0.49, 0], [0, 0.5, 0], [0, 0.2, 0.6]]
    found = Detections.from_scores(scores, BOXES, CLASSES, decision_threshold=0.5)
    np.testing.assert_array_equal(found.labels, [0, 1, 2])
    np.testing.assert_array_equal(found.scores, np.float32([0.49, 0.5, 0.6]))


def test_no_rois():
    found = Detections.from_scores(np.zeros((0, 3)), [], CLASSES)
    assert len(found) == 0 and found.boxes.shape == (0, 4)
    assert found.string_records() == [] and found.typed_records() == [] and len(found.select(0.5)) == 0


def test_select_keeps_survivors_that_are_objects():
    assert _detections().select().boxes.tolist() == [BOXES[0].tolist()]
    assert len(_detections().select(0.5)) == 1  # at least the threshold
    assert len(_detections().select(0.51)) == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"labels": [1, 0]}, r"labels: expected shape \(3,\)"),
        ({"scores": [[1.0, 2.0, 3.0]]}, r"scores: expected shape \(3,\)"),
        ({"keep": [True]}, r"keep: expected shape \(3,\)"),
        ({"labels": [1, 0, 3]}, "expected 0 to 2, got 0 to 3"),
        ({"labels": [1, 0, -1]}, "expected 0 to 2, got -1 to 1"),
        ({"scores": [0.5, np.nan, 0.0]}, "finite"),
        ({"boxes": [0, 0, 1, 1]}, r"expected shape \(N, 4\)"),
        ({"class_names": ()}, "background"),
    ],
)
def test_invariants(changes, words):
    with pytest.raises(ValueError, match=words):
        _detections(**changes)


def test_of_every_class_a_roi_is_several_detections_or_none():
    scores = [[0, 0.5, 0.4], [0.9, 0.1, 0.0], [0, 0.7, 0.7]]
    boxes = [[0, 0, 9, 9], [50, 0, 59, 9], [1, 0, 10, 9]]
    found = Detections.of_every_class(scores, boxes, CLASSES, score_threshold=0.4, nms_threshold=0.3)
    assert found.labels.tolist() == [1, 2, 1, 2] and found.rois.tolist() == [0, 0, 2, 2]
    np.testing.assert_allclose(found.scores, [0.5, 0.4, 0.7, 0.7])
    assert found.boxes.tolist() == [boxes[0], boxes[0], boxes[2], boxes[2]]
    assert found.keep.tolist() == [False, False, True, True]
    assert found.rows_of(2, 3).tolist() == [1, -1, 3] and found.rows_of(1, 3).tolist() == [0, -1, 2]
    assert found.select().rois.tolist() == [2, 2]
    assert len(Detections.of_every_class(scores, boxes, CLASSES, score_threshold=0.95)) == 0
    assert len(Detections.of_every_class(np.zeros((0, 3)), [], CLASSES, score_threshold=0.1)) == 0


def test_of_every_class_each_has_its_own_box():
    moved = np.arange(12).reshape(1, 3, 4)
    found = Detections.of_every_class([[0, 0.5, 0.6]], moved, CLASSES, score_threshold=0.1)
    assert found.boxes.tolist() == [[4, 5, 6, 7], [8, 9, 10, 11]]


def test_of_every_class_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match=r"scores: expected shape \(3, 3\)"):
        Detections.of_every_class(np.zeros((2, 3)), BOXES, CLASSES, score_threshold=0.1)
    with pytest.raises(ValueError, match="finite"):
        Detections.of_every_class([[0, np.nan, 0]] * 3, BOXES, CLASSES, score_threshold=0.1)


def test_decided_for_the_best_class_or_for_every_one():
    scores, rois = np.array([[0.1, 0.5, 0.4]], np.float32), np.array([[0, 0, 9, 9]])
    moved = np.array([[[0, 0, 9, 9], [5, 0, 14, 9], [0, 5, 9, 14]]], np.int32)
    best = Detections.decided(scores, rois, moved, CLASSES, nms_threshold=0.3)
    assert (best.labels.tolist(), best.boxes.tolist(), best.rois) == ([1], [[5, 0, 14, 9]], None)
    assert best.rows_of(1, 1).tolist() == [0] and best.rows_of(2, 1).tolist() == [-1]
    every = Detections.decided(scores, rois, moved, CLASSES, nms_threshold=0.3, score_threshold=0.3)
    assert (every.labels.tolist(), every.boxes.tolist()) == ([1, 2], [[5, 0, 14, 9], [0, 5, 9, 14]])
    plain = Detections.decided(scores, rois, None, CLASSES, nms_threshold=0.3, score_threshold=0.3)
    assert plain.boxes.tolist() == [[0, 0, 9, 9]] * 2


def test_from_scores_refuses_scores_that_do_not_fit():
    with pytest.raises(ValueError, match=r"expected shape \(3, 3\), got \(3, 2\)"):
        Detections.from_scores(np.zeros((3, 2)), BOXES, CLASSES)
    with pytest.raises(ValueError, match="finite"):
        Detections.from_scores([[0, np.inf, 0]] * 3, BOXES, CLASSES)


def test_arrays_are_copies_that_cannot_be_written_to():
    scores = np.float32([0.5, 0.25, -1])
    found = _detections(scores=scores)
    scores[0] = 7
    assert found.scores[0] == 0.5
    with pytest.raises(ValueError, match="read-only"):
        found.scores[0] = 7


def test_string_records_are_the_tutorials():
    assert json.dumps(_detections().string_records()[:2]) == (
        '[{"label": "1", "score": "0.5", "nms": "True", "left": "0", "top": "0", "right": "99", "bottom": "99"}, '
        '{"label": "0", "score": "0.25", "nms": "True", "left": "10", "top": "0", "right": "109", "bottom": "99"}]'
    )
    assert _detections().string_records()[2]["nms"] == "False"


def test_typed_records_are_best_first_with_names_and_numbers():
    found = _detections(labels=[1, 2, 2], scores=[0.1, 0.53, 0.9], keep=[True, True, False])
    assert found.typed_records() == [
        {"label": "eggBox", "score": 0.53, "left": 10, "top": 0, "right": 109, "bottom": 99},
        {"label": "orange", "score": 0.1, "left": 0, "top": 0, "right": 99, "bottom": 99},
    ]
    assert [record["label"] for record in found.typed_records(0.5)] == ["eggBox"]
    json.dumps(found.typed_records())


def test_table_has_the_tutorials_header_and_class_names():
    lines = detections_table(_detections()).splitlines()
    assert lines[0] == "label\tscore\tnms\tleft\ttop\tright\tbottom"
    assert lines[1] == "orange\t0.5\tTrue\t0\t0\t99\t99"
    assert lines[3] == "eggBox\t-1.0\tFalse\t300\t300\t349\t349"


@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(-(2**31) + 1, 2**31 - 1), min_size=4, max_size=4),
            st.integers(0, 2),
            st.floats(width=32, allow_nan=False, allow_infinity=False),
            st.booleans(),
        )
    )
)
@example([([0, 0, 0, 0], 0, float(np.finfo(np.float32).max), False)])
def test_table_there_and_back_is_the_identity(tmp_path_factory, rows):
    boxes, labels, scores, keep = zip(*rows, strict=True) if rows else ([], [], [], [])
    found = Detections(boxes, labels, scores, keep, CLASSES)
    path = tmp_path_factory.mktemp("tsv") / "detections.tsv"
    path.write_bytes(detections_table(found).encode())
    back = read_detections_table(path, CLASSES)
    for name in ("boxes", "labels", "scores", "keep"):
        np.testing.assert_array_equal(getattr(back, name), getattr(found, name))


def test_table_with_a_mark_of_windows_reads_the_same(tmp_path):
    path = tmp_path / "detections.tsv"
    path.write_bytes(b"\xef\xbb\xbf" + detections_table(_detections()).replace("\n", "\r\n").rstrip().encode())
    assert detections_table(read_detections_table(path, CLASSES)) == detections_table(_detections())


def test_table_names_every_faulty_line(tmp_path):
    path = tmp_path / "detections.tsv"
    lines = [
        "label\tscore\tnms\tleft\ttop\tright\tbottom",
        "orange\t0.5\tTrue\t0\t0\t99\t99",
        "Orange\t0.5\tTrue\t0\t0\t99\t99",
        "orange\t0,5\tTrue\t0\t0\t99\t99",
        "orange\tnan\tTrue\t0\t0\t99\t99",
        "orange\t0.5\tyes\t0\t0\t99\t99",
        "orange\t0.5\tTrue\t0\t0\t99.5\t99",
        "orange\t0.5\tTrue\t0\t0\t99",
        "orange\t1e39\tTrue\t0\t0\t99\t99",
        "orange\t0.5\tTrue\t0\t0\t2147483648\t99",
    ]
    path.write_text("\n".join(lines))
    with pytest.raises(UserError) as error:
        read_detections_table(path, CLASSES)
    message = str(error.value)
    for number, words in (
        (3, "unknown class 'Orange'"),
        (4, "expected a number, got '0,5'"),
        (5, "expected a finite number, got 'nan'"),
        (6, "expected True or False, got 'yes'"),
        (7, "expected whole numbers, got '0 0 99.5 99'"),
        (8, "expected 7 columns separated by tabs, got 6"),
        (9, "expected a finite number, got '1e39'"),
        (10, "expected pixels"),
    ):
        assert any(f"detections.tsv:{number}: " in line and words in line for line in message.splitlines()), message
    assert "detections.tsv:2:" not in message


@pytest.mark.parametrize("content", [b"", b"label score\n", b"\xff\xfe\x00"])
def test_table_without_its_header(tmp_path, content):
    path = tmp_path / "detections.tsv"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"detections\.tsv"):
        read_detections_table(path, CLASSES)


def test_the_line_in_the_place_of_the_header_is_shown(tmp_path):
    path = tmp_path / "detections.tsv"
    path.write_text("label score\r\norange\t0.5\tTrue\t0\t0\t9\t99\r\n")
    with pytest.raises(UserError, match=r"detections\.tsv:1: expected the header .*, got 'label score'$"):
        read_detections_table(path, CLASSES)


def test_the_largest_pixel_that_a_table_can_hold(tmp_path):
    path = tmp_path / "detections.tsv"
    path.write_text("label\tscore\tnms\tleft\ttop\tright\tbottom\norange\t0.5\tTrue\t0\t0\t2147483647\t99\n")
    assert read_detections_table(path, CLASSES).boxes.tolist() == [[0, 0, 2147483647, 99]]


def test_table_cannot_hold_a_class_name_with_a_tab():
    found = Detections.from_scores([[0.0, 1.0]], [[0, 0, 9, 9]], ("__background__", "egg\tbox"))
    with pytest.raises(UserError, match="rename the class"):
        detections_table(found)
