"""Average precision against hand arithmetic, a slow reference written from the definition, and pycocotools."""

import contextlib
import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastRCNN.boxes.ignored import IgnoredBoxes
from fastRCNN.evaluation import average_precision
from fastRCNN.evaluation.average_precision import PictureResult, evaluate
from helpers.boxes import iou_matrix

CLASSES = ("__background__", "orange", "eggBox")


def _picture(boxes, scores, gt_boxes=(), gt_classes=(), index=0):
    return PictureResult(
        index,
        Path(f"{index}.jpg"),
        np.array(boxes, dtype=np.int32).reshape(-1, 4),
        np.array(scores, dtype=np.float32).reshape(-1, len(CLASSES)),
        np.array(gt_boxes, dtype=np.int32).reshape(-1, 4),
        np.array(gt_classes, dtype=np.int64),
    )


# --- the whole evaluation --------------------------------------------------------------------------------------------


def test_every_roi_counts_for_every_class():
    """One ROI that scores best for eggBox is still the second-best orange."""
    result = evaluate(
        [
            _picture(
                [[0, 0, 99, 99], [200, 0, 299, 99]],
                [[0, 0.2, 0.9], [0, 0.7, 0.1]],
                [[0, 0, 99, 99], [200, 0, 299, 99]],
                [1, 1],
            )
        ],
        CLASSES,
    )
    orange = result.classes[0]
    assert (orange.name, orange.positives, orange.detections) == ("orange", 2, 2)
    assert orange.ap_11point == orange.ap_area == 1
    np.testing.assert_array_equal(orange.matching.recalls, [0.5, 1])


def test_evaluation_by_hand_over_three_pictures():
    orange_a, orange_b = [0, 0, 99, 99], [200, 0, 299, 99]
    pictures = [
        _picture([orange_a, orange_b], [[0, 0.9, 0], [0, 0.5, 0]], [orange_a, orange_b], [1, 1], index=0),
        _picture([orange_a], [[0, 0.8, 0]], [], [], index=1),  # a picture without objects: a false positive
        _picture([orange_a], [[0, 0.7, 0]], [orange_a], [1], index=2),
    ]
    orange, egg_box = evaluate(pictures, CLASSES).classes
    # By score: right, wrong, right, right of 3 objects: precisions 1, 1/2, 2/3, 3/4 at recalls 1/3, 1/3, 2/3, 1.
    assert orange.ap_area == pytest.approx(1 / 3 + 2 / 3 * 0.75)
    # Recalls 0 to 0.3 (four points): 1; 0.4 to 1 (seven points): 3/4.
    assert orange.ap_11point == pytest.approx((4 + 7 * 0.75) / 11)
    assert egg_box.ap_11point is None and egg_box.ap_area is None and egg_box.positives == 0


def test_the_envelope_is_what_ap_area_measures():
    boxes = _far_apart(6)
    truth = [boxes[0], boxes[2], boxes[3], [500, 0, 509, 9]]
    scores = [[0, 1 - i / 10, 0] for i in range(6)]  # right, wrong, right, right, wrong, wrong of 4 objects
    result = evaluate([_picture(boxes, scores, truth, [1] * 4)], CLASSES).classes[0]
    recalls, precisions = result.envelope()
    np.testing.assert_allclose(recalls, [0, 0.25, 0.25, 0.5, 0.5, 0.75])
    np.testing.assert_allclose(precisions, [1, 1, 0.75, 0.75, 0.75, 0.75])
    assert (np.diff(recalls) * precisions[:-1]).sum() == pytest.approx(result.ap_area)
    assert [len(part) for part in evaluate([], CLASSES).classes[0].envelope()] == [0, 0]


def test_class_without_objects_is_left_out_of_the_mean_and_named():
    box = [0, 0, 99, 99]
    result = evaluate([_picture([box], [[0, 0.9, 0.8]], [box], [1])], CLASSES)
    assert result.undefined == ("eggBox",)
    assert result.map_11point == result.map_area == 1
    assert evaluate([_picture([box], [[0, 0.9, 0.8]])], CLASSES).map_area is None


def test_the_mean_is_the_sum_divided_by_the_number_of_classes():
    """Orange is found second of two (area 1/2; 11 points 1/2), the egg box at once (1)."""
    a, b, c = [0, 0, 99, 99], [200, 0, 299, 99], [400, 0, 499, 99]
    result = evaluate([_picture([a, b, c], [[0, 0.9, 0], [0, 0.8, 0], [0, 0, 0.7]], [b, c], [1, 2])], CLASSES)
    assert [found.ap_area for found in result.classes] == [0.5, 1.0]
    assert result.map_area == result.map_11point == 0.75


def test_class_with_objects_and_no_detection_has_ap_0():
    result = evaluate([_picture([], [], [[0, 0, 99, 99]], [2])], CLASSES)
    assert result.classes[1].ap_11point == result.classes[1].ap_area == 0.0
    assert (result.classes[1].positives, result.classes[1].detections) == (1, 0)
    assert result.map_11point == 0.0


def test_no_pictures():
    result = evaluate([], CLASSES)
    assert result.pictures == 0 and result.map_area is None and result.undefined == ("orange", "eggBox")


def test_nms_removes_the_second_roi_on_an_object():
    boxes = [[0, 0, 99, 99], [10, 0, 109, 99]]  # IoU 0.82
    picture = _picture(boxes, [[0, 0.9, 0], [0, 0.8, 0]], [boxes[0]], [1])
    assert evaluate([picture], CLASSES, nms_threshold=0.3).classes[0].detections == 1
    assert evaluate([picture], CLASSES, nms_threshold=0.9).classes[0].detections == 2


def _far_apart(number):
    return [[20 * i, 0, 20 * i + 9, 9] for i in range(number)]


def test_the_published_limits_hold_for_the_tutorial_only():
    """Of 150 ROIs that overlap nothing 100 are candidates there, and of two such pictures the 79 above the 80th."""
    scores = np.zeros((150, 3), dtype=np.float32)
    scores[:, 1] = np.linspace(0, 1, 150)
    pictures = [_picture(_far_apart(150), scores, index=0), _picture(_far_apart(150), scores / 2, index=1)]
    assert evaluate(pictures, CLASSES).classes[0].detections == 300
    published = evaluate(pictures, CLASSES, compat="tutorial").classes[0]
    assert published.detections == 79
    assert published.matching.scores.min() > np.sort(np.concatenate([scores[50:, 1], scores[50:, 1] / 2]))[-80]


def _crowd(number, pictures=3, repeats=3):
    """Pictures of `number` equal discs in rows, `repeats` ROIs on each of them with nearly the same score: a detector
    that finds all there is. Then a ROI on nothing, which it scores below all of these."""
    places = np.array([[20 * (i % 10), 20 * (i // 10)] for i in range(number)])
    objects = np.hstack([places, places + 14])
    rois = np.vstack([*(objects + shift for shift in range(repeats)), [[900, 900, 914, 914]]])
    ranks = np.random.default_rng(0).permutation(pictures * number * repeats).reshape(pictures, -1) / 4096
    results = []
    for index in range(pictures):
        scores = np.zeros((len(rois), 3), np.float32)
        scores[:-1, 1] = repeats - np.repeat(np.arange(repeats), number) + ranks[index]  # the best of each disc first
        scores[-1, 1] = 0.5
        results.append(_picture(rois, scores, objects, [1] * number, index=index))
    return results


@pytest.mark.parametrize("number", [40, 60, 100, 250])
def test_a_detector_that_finds_every_one_of_many_objects_has_ap_1(number):
    result = evaluate(_crowd(number), CLASSES).classes[0]
    assert result.ap_area == result.ap_11point == 1.0
    assert (result.positives, result.detections) == (3 * number, 3 * (number + 1))


@pytest.mark.parametrize(("number", "area"), [(40, 119 / 120), (60, 119 / 180), (100, 119 / 300)])
def test_published_limits_end_recall_where_pictures_show_many_objects(number, area):
    """Scored without repeats, so that all lost recall is the limits': of 40 for each picture one less stays."""
    published = evaluate(_crowd(number, repeats=1), CLASSES, compat="tutorial").classes[0]
    assert published.ap_area == pytest.approx(area)


def test_sixty_equal_discs_of_which_each_roi_scores_nearly_the_same():
    """The published limits keep 100 of 180 ROIs: the repeats of some discs, and of others none. All ranks by chance."""
    pictures = [
        _picture(
            picture.boxes,
            np.where(picture.scores > 0, np.random.default_rng(i).random(picture.scores.shape), 0),
            picture.gt_boxes, picture.gt_classes, index=i,
        )
        for i, picture in enumerate(_crowd(60))
    ]  # fmt: skip
    for picture in pictures:
        picture.scores[-1] = 0
    assert evaluate(pictures, CLASSES).classes[0].ap_area == 1.0
    assert evaluate(pictures, CLASSES, compat="tutorial").classes[0].ap_area < 0.6


def test_what_is_matched_together_makes_no_difference(monkeypatch):
    pictures = _random_pictures(np.random.default_rng(5), pictures=9)
    whole = evaluate(pictures, CLASSES)
    monkeypatch.setattr(average_precision, "_AT_ONCE", 1)
    for one, other in zip(whole.classes, evaluate(pictures, CLASSES).classes, strict=True):
        np.testing.assert_array_equal(one.matching.right, other.matching.right)
        np.testing.assert_array_equal(one.matching.scores, other.matching.scores)


def test_tutorial_adds_one_to_detections_only():
    # Object 10..29 x 0..9 (20 x 10). ROI 16..35 x 0..9 shares 14 columns: 140 / 260, right. Moved by one to
    # 17..36 x 1..10 it shares 13 x 9 = 117 of 200 + 200 - 117 = 283 pixels: 0.413, wrong.
    picture = _picture([[16, 0, 35, 9]], [[0, 1, 0]], [[10, 0, 29, 9]], [1])
    assert evaluate([picture], CLASSES).map_11point == 1
    shifted = evaluate([picture], CLASSES, compat="tutorial")
    assert shifted.map_11point == 0
    assert evaluate([picture], CLASSES, compat="tutorial", overlap_threshold=117 / 283 - 1e-6).map_11point == 1


def test_tutorial_compares_recall_as_the_published_code():
    boxes = _far_apart(5)
    # Three of five objects found, nothing else. The shift by one leaves IoU 81 / 119 = 0.68 on boxes of 10 x 10.
    picture = _picture(boxes[:3], [[0, 0.9, 0], [0, 0.8, 0], [0, 0.7, 0]], boxes, [1] * 5)
    assert evaluate([picture], CLASSES).map_11point == pytest.approx(7 / 11)
    assert evaluate([picture], CLASSES, compat="tutorial").map_11point == pytest.approx(6 / 11)
    assert evaluate([picture], CLASSES, compat="tutorial").map_area == pytest.approx(0.6)


def test_bad_arguments():
    with pytest.raises(ValueError, match="compat: expected one of"):
        evaluate([], CLASSES, compat="exact")
    with pytest.raises(ValueError, match="expected 2 scores per ROI, got 3"):
        evaluate([_picture([[0, 0, 9, 9]], [[0, 1, 0]])], CLASSES[:2])
    with pytest.raises(ValueError, match="finite"):
        _picture([[0, 0, 9, 9]], [[0, np.nan, 0]])
    with pytest.raises(ValueError, match="gt_boxes"):
        _picture([], [], [[0, 0, 9, 9]], [1, 2])
    with pytest.raises(ValueError, match=r"expected boxes \(N, 4\) and scores \(N, C\), got \(2, 4\), \(1, 3\)"):
        _picture([[0, 0, 9, 9], [0, 0, 9, 9]], [[0, 1, 0]])
    none = np.zeros((0, 4), np.int32)
    with pytest.raises(ValueError, match=r"got \(0, 4\), \(0,\)"):
        PictureResult(0, Path("0.jpg"), none, np.zeros(0, np.float32), none, np.zeros(0, np.int64))


def test_arguments_are_not_changed():
    picture = _picture(_far_apart(4), np.random.default_rng(0).random((4, 3)), _far_apart(2), [1, 2])
    copies = [array.copy() for array in (picture.boxes, picture.scores, picture.gt_boxes, picture.gt_classes)]
    evaluate([picture], CLASSES, compat="tutorial")
    for copy, array in zip(copies, (picture.boxes, picture.scores, picture.gt_boxes, picture.gt_classes), strict=True):
        np.testing.assert_array_equal(copy, array)


# --- a slow reference and pycocotools --------------------------------------------------------------------------------


def _random_pictures(rng, pictures=6, rois=30):
    """Small boxes on a small field, so that overlaps near 0.5 and duplicates are frequent; scores without ties."""
    results = []
    ranks = rng.permutation(pictures * rois * 2).reshape(pictures, rois, 2)
    for index in range(pictures):
        corners = rng.integers(0, 30, size=(rois, 2))
        boxes = np.hstack([corners, corners + rng.integers(8, 14, size=(rois, 2))])
        scores = np.zeros((rois, 3), dtype=np.float32)
        scores[:, 1:] = ranks[index] / 1024
        count = int(rng.integers(0, 5))
        corners = rng.integers(0, 30, size=(count, 2))
        gt = np.hstack([corners, corners + rng.integers(8, 14, size=(count, 2))])
        results.append(_picture(boxes, scores, gt, rng.integers(1, 3, size=count), index=index))
    return results


def _slow_ap(right, positives):
    """Both metrics from their definitions, one detection and one point at a time, in fractions of whole numbers."""
    points = []  # (found, precision)
    found = 0
    for rank, good in enumerate(right, start=1):
        found += good
        points.append((found, found / rank))
    eleven = sum(max([p for f, p in points if f * 10 >= k * positives], default=0.0) for k in range(11)) / 11
    area = sum(max([p for f, p in points if f >= k], default=0.0) for k in range(1, positives + 1)) / positives
    return eleven, area


def _slow_iou(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0]) + 1
    height = min(a[3], b[3]) - max(a[1], b[1]) + 1
    shared = max(width, 0) * max(height, 0)
    return shared / ((a[2] - a[0] + 1) * (a[3] - a[1] + 1) + (b[2] - b[0] + 1) * (b[3] - b[1] + 1) - shared)


def _slow_class(pictures, number, nms_threshold):
    """voc_eval with lists: sort, then one detection after the other."""
    detections = []
    for picture in pictures:
        ranked = sorted(range(len(picture.boxes)), key=lambda i: -picture.scores[i, number])
        kept: list[int] = []
        for i in ranked:
            if all(_slow_iou(picture.boxes[i].tolist(), picture.boxes[j].tolist()) <= nms_threshold for j in kept):
                kept.append(i)
        detections += [(float(picture.scores[i, number]), picture.index, picture.boxes[i].tolist()) for i in kept]
    detections.sort(key=lambda detection: -detection[0])
    taken, right = set(), []
    for _, index, box in detections:
        objects = [b.tolist() for b, c in zip(pictures[index].gt_boxes, pictures[index].gt_classes) if c == number]  # noqa: B905
        overlaps = [_slow_iou(box, other) for other in objects]
        best = max(overlaps, default=0)
        key = (index, overlaps.index(best)) if overlaps else None
        right.append(best > 0.5 and key not in taken)
        if best > 0.5:
            taken.add(key)
    return right, sum(int((picture.gt_classes == number).sum()) for picture in pictures)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_evaluation_equals_the_slow_reference(seed):
    pictures = _random_pictures(np.random.default_rng(seed))
    result = evaluate(pictures, CLASSES, nms_threshold=0.4)
    for number, found in enumerate(result.classes, start=1):
        right, positives = _slow_class(pictures, number, 0.4)
        assert found.matching.right.tolist() == right
        assert found.positives == positives
        if positives:
            eleven, area = _slow_ap(right, positives)
            assert found.ap_11point == pytest.approx(eleven, abs=1e-12)
            assert found.ap_area == pytest.approx(area, abs=1e-12)


def _coco(pictures, number, max_detections=100):
    """Average precision at IoU 0.5 by pycocotools for one class. Boxes are handed over with their "+1" width, so that
    its areas are ours; detections of one class do not compete there, as here after NMS with threshold 1."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def xywh(box):
        x1, y1, x2, y2 = (float(value) for value in box)
        return [x1, y1, x2 - x1 + 1, y2 - y1 + 1]

    annotations, detections = [], []
    for picture in pictures:
        for box, c in zip(picture.gt_boxes, picture.gt_classes, strict=True):
            if c == number:
                x, y, w, h = xywh(box)
                annotation = {"id": len(annotations) + 1, "image_id": picture.index, "category_id": 1, "iscrowd": 0}
                annotations.append({**annotation, "bbox": [x, y, w, h], "area": w * h})
        for box, score in zip(picture.boxes, picture.scores[:, number], strict=True):
            detections.append({"image_id": picture.index, "category_id": 1, "bbox": xywh(box), "score": float(score)})
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "info": {},
            "images": [{"id": picture.index} for picture in pictures],
            "categories": [{"id": 1}],
            "annotations": annotations,
        }
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(detections), "bbox")
        evaluation.params.iouThrs = np.array([0.5])
        evaluation.params.maxDets = [1, 10, max_detections]
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation.eval["precision"][0, :, 0, 0, 2]  # at 101 recalls, all areas


def test_coco_agrees_where_the_definitions_do():
    """Objects far apart, one or two ROIs on each and some beside: no overlap of exactly 0.5, no ROI near two objects.
    Then COCO's matching is VOC's, and its precision at 101 recalls is our envelope read at those recalls."""
    rng = np.random.default_rng(3)
    ranks = iter(rng.permutation(1000) / 1024)
    pictures = []
    for index in range(8):
        gt = [[60 * i, 0, 60 * i + 39, 39] for i in range(int(rng.integers(1, 6)))]
        boxes = [[x1 + int(dx), 0, x2 + int(dx), 39] for x1, _, x2, _ in gt for dx in rng.integers(0, 18, size=2)]
        scores = [[0, next(ranks), 0] for _ in boxes]
        pictures.append(_picture(boxes, scores, gt, [1] * len(gt), index=index))
    result = evaluate(pictures, CLASSES, nms_threshold=1.0).classes[0]
    assert 0.2 < result.ap_area < 0.9  # neither trivial end
    assert not any(np.isclose(iou_matrix(picture.boxes, picture.gt_boxes), 0.5).any() for picture in pictures)
    coco = _coco(pictures, 1)
    found = np.cumsum(result.matching.right)
    envelope = np.append(np.maximum.accumulate(result.matching.precisions[::-1])[::-1], 0)
    ours = envelope[np.searchsorted(found / result.positives, np.linspace(0, 1, 101), side="left")]
    np.testing.assert_allclose(coco, ours, atol=1e-9)
    assert result.ap_area == pytest.approx(coco.mean(), abs=0.02)  # 101 points against the exact area


def test_coco_agrees_on_pictures_of_many_objects():
    """As COCO's maxDets (100 for it, none for us) is raised, it sees the detector that finds everything, too."""
    pictures = _crowd(120, repeats=1)
    assert _coco(pictures, 1, max_detections=100).mean() == pytest.approx(84 / 101, abs=1e-9)  # recalls up to 100 / 120
    assert _coco(pictures, 1, max_detections=1000).mean() == pytest.approx(1.0, abs=1e-9)
    assert evaluate(pictures, CLASSES).classes[0].ap_area == 1.0


def test_box_regression_counts_with_the_box_of_each_class():
    boxes, goal = np.array([[0, 0, 9, 9]], np.int32), np.array([[20, 0, 29, 9]], np.int32)
    moved = np.array([[[0, 0, 9, 9], [20, 0, 29, 9], [40, 0, 49, 9]]], np.int32)
    scores = np.array([[0.1, 0.3, 0.6]], np.float32)
    picture = PictureResult(0, Path("p.jpg"), boxes, scores, goal, np.array([1]), moved)
    assert evaluate([picture], ("__background__", "a", "b")).classes[0].ap_area == 1.0
    with pytest.raises(ValueError, match=r"expected moved \(1, 3, 4\), got \(1, 2, 4\)"):
        PictureResult(0, Path("p.jpg"), boxes, scores, goal, np.array([1]), moved[:, :2])


def test_what_is_found_on_ignored_boxes_is_neither_right_nor_wrong():
    """Of three oranges found the first lies on an EXCLUDE box, the second on a difficult egg box: that one is wrong."""
    hidden, difficult, own = [0, 0, 99, 99], [200, 0, 299, 99], [400, 0, 499, 99]
    ignored = IgnoredBoxes.of([hidden, difficult], [0, 2])
    found = [hidden, difficult, own]
    without = _picture(found, [[0, 0.9, 0.3], [0, 0.8, 0.2], [0, 0.7, 0.1]], [own], [1])
    orange, egg_box = evaluate([dataclasses.replace(without, ignored_boxes=ignored)], CLASSES).classes
    assert orange.matching.right.tolist() == [False, True]
    assert orange.matching.scores.tolist() == [np.float32(0.8), np.float32(0.7)]
    assert orange.ap_area == 0.5
    assert egg_box.detections == 1
    orange, egg_box = evaluate([without], CLASSES).classes
    assert orange.ap_area == pytest.approx(1 / 3)
    assert egg_box.detections == 3
