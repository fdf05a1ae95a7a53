"""What decisions amount to: counts over thresholds, confusions and round thresholds."""

from pathlib import Path

import numpy as np

from fastRCNN.boxes.ignored import IgnoredBoxes
from fastRCNN.evaluation.average_precision import PictureResult
from fastRCNN.evaluation.detections import Detections
from fastRCNN.reporting.decisions import confusions, counts_per_class, decide, round_thresholds

CLASSES = ("__background__", "orange", "eggBox")
A, B = [0, 0, 39, 39], [100, 0, 139, 39]


def _decided(scores, gt_boxes, gt_classes, threshold=0.5):
    picture = PictureResult(
        0,
        Path("a.jpg"),
        np.array([A, B], np.int32),
        np.array(scores, np.float32),
        np.array(gt_boxes, np.int32).reshape(-1, 4),
        np.array(gt_classes, np.int64),
    )
    return decide(picture, Detections.from_scores(picture.scores, picture.boxes, CLASSES), threshold=threshold)


def test_counts_per_class_by_hand():
    pictures = [
        _decided([[0, 0.9, 0], [0, 0, 0.4]], [A, B], [1, 2]),
        _decided([[0, 0.7, 0], [1, 0, 0]], [B], [2]),  # an orange on nothing, an egg box taken for background
    ]
    total, (orange, egg_box) = counts_per_class(pictures, 3, [0.0, 0.5, 0.8])
    np.testing.assert_array_equal(orange.detections, [2, 2, 1])
    np.testing.assert_array_equal(orange.right, [1, 1, 1])
    np.testing.assert_array_equal(egg_box.detections, [1, 0, 0])
    assert (orange.positives, egg_box.positives, total.positives) == (1, 2, 3)
    np.testing.assert_allclose(total.precisions, [2 / 3, 1 / 2, 1])
    np.testing.assert_allclose(total.recalls, [2 / 3, 1 / 3, 1 / 3])
    assert np.isnan(egg_box.precisions[1])


def test_found_holds_all_scores_and_mistakes_follow_the_threshold():
    decided = _decided([[0, 0.9, 0], [0, 0, 0.4]], [A, B], [1, 2])
    assert len(decided.found) == 2
    assert [miss.title for miss in decided.misses] == ["eggBox"] and decided.alarms == ()
    assert _decided([[0, 0.9, 0], [0, 0, 0.4]], [A, B], [1, 2], threshold=None).misses == ()


def test_confusions_follow_the_threshold():
    decided = [_decided([[0, 0.9, 0], [0, 0, 0.4]], [A, B], [1, 2])]
    np.testing.assert_array_equal(confusions(decided, 3, threshold=0.5), [[0, 0, 0], [0, 1, 0], [1, 0, 0]])
    np.testing.assert_array_equal(confusions(decided, 3), [[0, 0, 0], [0, 1, 0], [0, 0, 1]])


def test_round_thresholds():
    pictures = [_decided([[0, 1.37, 0], [0, 0, 0.4]], [], [])]
    numbers = round_thresholds(pictures, threshold=0.55)
    np.testing.assert_allclose(numbers, np.sort(np.append(np.arange(14) * 0.1, 0.55)))
    np.testing.assert_allclose(round_thresholds([], probabilities=True), np.arange(20) / 20)
    assert len(round_thresholds([])) > 1
    assert 10 <= len(round_thresholds([_decided([[0, 2e4, 0], [0, 0, 1]], [], [])])) <= 21


def test_what_is_found_on_an_ignored_box_counts_neither_way():
    scores = np.array([[0, 0.9, 0], [0, 0, 0.8]], np.float32)
    found = Detections.from_scores(scores, [A, B], CLASSES)
    for ignored, alarms in ((IgnoredBoxes.of([A]), ["eggBox 0.80"]), (IgnoredBoxes.of([A, B]), []),
                            (IgnoredBoxes.of([A], [2]), ["orange 0.90", "eggBox 0.80"])):  # fmt: skip
        picture = PictureResult(
            0, Path("a.jpg"), np.array([A, B]), scores, np.zeros((0, 4)), np.zeros(0, np.int64), None, ignored
        )
        decided = decide(picture, found, threshold=0.5)
        assert [alarm.title for alarm in decided.alarms] == alarms
        total, _ = counts_per_class([decided], 3, [0.5])
        assert total.detections.tolist() == [len(alarms)]
        assert confusions([decided], 3, threshold=0.5).sum() == len(alarms)


def test_mistakes_agree_with_the_counts_at_the_threshold_and_the_matrix_need_not():
    # On A an orange, found as one (0.67) and better as an egg box (0.96); an ignored box hides the egg box on B.
    boxes, scores = np.array([A, A, B]), np.array([[0, 0.67, 0], [0, 0, 0.96], [0, 0, 0.9]], np.float32)
    shifted = np.array([A, [110, 0, 149, 39]])  # IoU of the second one with B: 1200 / 2000
    picture = PictureResult(
        0, Path("a.jpg"), boxes, scores, shifted, np.array([1, 2]), None, IgnoredBoxes.of([B])
    )  # fmt: skip
    decided = decide(picture, Detections.from_scores(scores, boxes, CLASSES), threshold=0.5)
    total, _ = counts_per_class([decided], 3, [0.5])
    assert (total.right.tolist(), total.detections.tolist(), total.positives) == ([1], [2], 2)
    assert [miss.title for miss in decided.misses] == ["eggBox"] and decided.missed.tolist() == [False, True]
    assert [alarm.title for alarm in decided.alarms] == ["eggBox 0.96"]
    np.testing.assert_array_equal(confusions([decided], 3, threshold=0.5), [[0, 1, 0], [0, 0, 1], [1, 0, 0]])
