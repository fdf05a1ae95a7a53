"""Missed objects and false alarms: which they are, in which order, and the reason given."""

from pathlib import Path

import numpy as np

from fastRCNN.evaluation.average_precision import PictureResult
from fastRCNN.evaluation.detections import Detections
from fastRCNN.reporting.mistakes import find_mistakes, worst

CLASSES = ("__background__", "orange", "eggBox")
A, B, C, D, E = ([100 * i, 0, 100 * i + 39, 39] for i in range(5))
BESIDE_A = [20, 0, 59, 39]  # IoU 800 / 2400 with A


def _mistakes(
    rois, scores, gt_boxes, gt_classes, threshold=0.5, nms_threshold=0.3, moved=None, ignored=None, score_threshold=None
):
    picture = PictureResult(
        0,
        Path("a.jpg"),
        np.array(rois, np.int32).reshape(-1, 4),
        np.array(scores, np.float32).reshape(-1, 3),
        np.array(gt_boxes, np.int32).reshape(-1, 4),
        np.array(gt_classes, np.int64),
        None if moved is None else np.array(moved, np.int32),
    )
    detections = Detections.decided(
        *(picture.scores, picture.boxes, picture.moved, CLASSES),
        nms_threshold=nms_threshold, score_threshold=score_threshold,
    )  # fmt: skip
    return find_mistakes(
        picture, detections, threshold=threshold, ignored=None if ignored is None else np.array(ignored)
    )


def test_reasons_where_every_class_over_a_threshold_is_detected():
    """A ROI is several detections or none; reasons go by the one of the object's class."""
    every = {"score_threshold": 0.2}
    assert _mistakes([A, B], [[0, 0.6, 0.5], [0, 0, 0.8]], [A, B], [1, 2], threshold=0.55, **every) == ([], [])
    misses, alarms = _mistakes([A, A], [[0, 0.9, 0.1], [0, 0.05, 0.4]], [A, B], [2, 1], threshold=0.5, **every)
    assert [m.reason for m in misses] == [
        "no ROI covers it: the best overlap is 0.00", "taken for " + CLASSES[1] + " (0.90); its own best score is 0.40",
    ]  # fmt: skip
    assert len(alarms) == 1
    misses, _ = _mistakes([A], [[0.95, 0.03, 0.02]], [A], [1], threshold=None, **every)
    assert misses[0].reason == "best score 0.03 is below the threshold"
    near = [A[0], A[1], A[2] - 2, A[3]]
    misses, _ = _mistakes([A, near], [[0, 0, 0.3], [0, 0.1, 0.7]], [A, A], [2, 2], **every, nms_threshold=0.01)
    assert [m.reason for m in misses] == ["its best ROI (0.70) went to another " + CLASSES[2] + " beside it"]


def test_an_overlap_that_is_just_not_enough():
    half = [A[0], A[1], A[2], (A[1] + A[3]) // 2]
    misses, _ = _mistakes([half], [[0, 0.9, 0]], [A], [1])
    assert misses[0].reason.startswith("no ROI covers it: the best overlap is 0.50, not above 0.5")


def test_all_found():
    assert _mistakes([A, B], [[0, 0.9, 0], [0, 0, 0.8]], [A, B], [1, 2]) == ([], [])


def test_reasons_for_misses_worst_first():
    misses, _ = _mistakes(
        [BESIDE_A, B, C, D],
        [[0, 0.1, 0], [0, 0.3, 0.2], [0, 0.1, 0.8], [0, -0.5, -0.2]],
        [A, B, C, D],
        [1, 1, 1, 1],
    )
    assert [(miss.box[0], miss.reason) for miss in misses] == [
        (0, "no ROI covers it: the best overlap is 0.33"),
        (300, "its best ROI (-0.50) is decided as background"),
        (200, "taken for eggBox (0.80); its own best score is 0.10"),
        (100, "best score 0.30 is below the threshold"),
    ]
    assert {miss.title for miss in misses} == {"orange"}


def test_an_object_suppressed_by_its_neighbour():
    # A and 15..54 x 0..39 overlap by 1000 / 2200 = 0.45: each ROI covers its own object only.
    near = [15, 0, 54, 39]
    misses, alarms = _mistakes([A, near], [[0, 0.9, 0], [0, 0.8, 0]], [A, near], [1, 1])
    assert [(miss.box[0], miss.reason) for miss in misses] == [
        (15, "scored 0.80, but suppressed by a better orange beside it")
    ]
    assert alarms == []


def test_one_roi_for_two_objects():
    misses, _ = _mistakes([A], [[0, 0.9, 0]], [A, [10, 0, 49, 39]], [1, 1])  # IoU 1200 / 2000 with the second
    assert [miss.reason for miss in misses] == ["its best ROI (0.90) went to another orange beside it"]


def test_reasons_for_alarms_most_certain_first():
    _, alarms = _mistakes(
        [BESIDE_A, B, C, C, D],
        [[0, 0.9, 0], [0, 0.8, 0], [0, 0.7, 0], [0, 0, 0.6], [0, 0, 0.55]],
        [A, B, C],
        [1, 2, 1],
    )
    assert [(alarm.title, alarm.reason) for alarm in alarms] == [
        ("orange 0.90", "badly placed: it overlaps orange by 0.33 only"),
        ("orange 0.80", "it is eggBox"),
        ("eggBox 0.60", "orange found by another class as well"),
        ("eggBox 0.55", "nothing is there"),
    ]


def test_alarm_in_a_picture_without_objects_and_on_another_class():
    _, alarms = _mistakes([A], [[0, 0.9, 0]], [], [])
    assert alarms[0].reason == "the picture shows no object"
    _, alarms = _mistakes([BESIDE_A], [[0, 0.9, 0]], [A], [2])
    assert alarms[0].reason == "it overlaps eggBox by 0.33"


def test_found_a_second_time():
    # Both overlap A by more than 0.5 (IoU 0.6), but each other by 2/6.
    _, alarms = _mistakes([[10, 0, 49, 39], [-10, 0, 29, 39]], [[0, 0.9, 0], [0, 0.8, 0]], [A], [1], nms_threshold=0.4)
    assert [alarm.reason for alarm in alarms] == ["orange found a second time"]


def test_worst_of_several_pictures():
    first, _ = _mistakes([B], [[0, 0.3, 0]], [B], [1])
    second, _ = _mistakes([], [], [A], [2])
    assert worst([*first, *second], 1) == second
    assert worst([*first, *second], 5) == [*second, *first]


def test_a_better_detection_of_another_class_takes_no_object_away():
    misses, alarms = _mistakes([A, A], [[0, 0.67, 0], [0, 0, 0.96]], [A], [1])
    assert misses == []
    assert [(alarm.title, alarm.reason) for alarm in alarms] == [
        ("eggBox 0.96", "orange found by another class as well")
    ]


def test_a_detection_on_the_object_of_another_class_names_what_it_is_or_that_it_is_a_second_one():
    near = [10, 0, 49, 39]  # IoU 1200 / 2000 with A
    _, alarms = _mistakes([A, near], [[0, 0.9, 0], [0, 0.8, 0]], [A, near], [1, 2], nms_threshold=0.7)
    assert [alarm.reason for alarm in alarms] == ["it is eggBox"]
    _, alarms = _mistakes(
        [A, near, near], [[0, 0.9, 0], [0, 0.8, 0], [0, 0, 0.7]], [A, near], [1, 2], nms_threshold=0.7
    )
    assert [alarm.reason for alarm in alarms] == ["orange found a second time"]


def test_reasons_look_at_the_boxes_as_they_are_detected():
    # From C onto A: below the threshold, although the ROI is nowhere near.
    misses, _ = _mistakes([C], [[0, 0.4, 0]], [A], [1], moved=[[C, A, C]])
    assert [miss.reason for miss in misses] == ["best score 0.40 is below the threshold"]
    # From A onto B, an orange too: not "its best ROI went to another".
    misses, alarms = _mistakes([A], [[0, 0.9, 0]], [A, B], [1, 1], moved=[[A, B, A]])
    assert [(miss.box[0], miss.reason) for miss in misses] == [
        (0, "moved away by box regression: the best overlap was 1.00 and is 0.00")
    ]
    assert alarms == []
    # Moved onto A as an egg box only.
    misses, _ = _mistakes([C], [[0, 0.9, 0]], [A], [1], moved=[[C, C, A]])
    assert [miss.reason for miss in misses] == ["no ROI covers it: the best overlap is 0.00"]


def test_suppressed_by_an_equal_one():
    near = [15, 0, 54, 39]
    # Equal scores: the later box wins. 0.801 and 0.799 look equal as well.
    for scores in ([0.8, 0.8], [0.799, 0.801]):
        misses, _ = _mistakes([A, near], [[0, score, 0] for score in scores], [A, near], [1, 1])
        assert [miss.reason for miss in misses] == ["scored 0.80, but suppressed by an equal orange beside it"]


def test_what_is_kept_stands_for_its_equals():
    near = [10, 0, 49, 39]
    misses, _ = _mistakes([near, near], [[0, 0.9, 0], [0, 0.9, 0]], [A, near], [1, 1])
    assert [miss.reason for miss in misses] == ["its best ROI (0.90) went to another orange beside it"]


def test_what_lies_on_an_ignored_box_finds_nothing_and_is_no_mistake():
    misses, alarms = _mistakes([A], [[0, 0.9, 0]], [A], [1], ignored=[True])
    assert [(miss.reason, miss.number) for miss in misses] == [("its best ROI (0.90) is more on an ignored box", 0)]
    assert alarms == []
