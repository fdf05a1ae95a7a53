"""Detections and inputs drawn: sizes, colours, and what is marked as missed."""

import numpy as np
import pytest

from fastRCNN.evaluation.detections import Detections
from fastRCNN.reporting.visualization import draw_detections, draw_inputs, draw_rois, scale_boxes, scale_to
from helpers.drawing import class_color

CLASSES = ("__background__", "orange", "eggBox")
GREY = np.full((300, 400, 3), 128, np.uint8)


def _found(boxes, labels):
    return Detections(boxes, labels, [0.9] * len(labels), [True] * len(labels), CLASSES)


def _has(image, color):
    return (image == color).all(axis=2).any()


@pytest.mark.parametrize(
    ("shape", "expected"), [((600, 1600), (300, 800)), ((30, 40), (600, 800)), ((800, 10), (800, 10))]
)
def test_longest_side_is_800(shape, expected):
    image = np.zeros((*shape, 3), np.uint8)
    assert draw_detections(image, _found([], [])).shape[:2] == expected


def test_boxes_are_scaled_with_their_last_pixel():
    np.testing.assert_array_equal(scale_boxes([[0, 0, 9, 19]], 2), [[0, 0, 19, 39]])
    np.testing.assert_array_equal(scale_boxes([[4, 8, 7, 15]], 0.5), [[2, 4, 3, 7]])
    image, scale = scale_to(GREY, 200)
    assert image.shape == (150, 200, 3) and scale == 0.5


def test_each_class_has_its_color():
    drawn = draw_detections(GREY, _found([[50, 50, 120, 120], [200, 50, 280, 120]], [1, 2]))
    assert _has(drawn, class_color(1)) and _has(drawn, class_color(2)) and not _has(drawn, class_color(3))


def test_ground_truth_is_drawn_on_request_and_missed_objects_are_named():
    found = _found([[50, 50, 120, 120]], [2])  # orange with black letters
    plain = draw_detections(GREY, found)
    assert not _has(plain, (255, 255, 255))
    hit = draw_detections(GREY, found, gt_boxes=[[40, 50, 120, 120]], gt_classes=[2], missed=[False])
    wrong = draw_detections(GREY, found, gt_boxes=[[40, 50, 120, 120]], gt_classes=[1], missed=[True])
    whites = [(image == 255).all(axis=2).sum() for image in (hit, wrong)]
    assert whites[0] > 50
    assert whites[1] > whites[0] + 500  # the chip that says "missed: orange"
    assert (draw_detections(GREY, found, gt_boxes=[], gt_classes=[]) == plain).all()


def test_inputs_show_positives_by_class_and_some_negatives():
    rois = [[20, 20, 60, 60], [100, 100, 160, 160], [200, 20, 260, 60], [300, 200, 340, 260]]
    drawn = draw_inputs(GREY, rois, [1, 2, 0, 0], CLASSES, max_negatives=1)
    assert drawn.shape == GREY.shape
    assert _has(drawn, class_color(1)) and _has(drawn, class_color(2))
    assert (drawn[20:60, 198:203] != 128).any()  # the first negative
    assert (drawn[196:264, 296:344] == 128).all()  # the second negative is left out
    assert (draw_inputs(GREY, rois[2:], [0, 0], CLASSES, max_negatives=0) == GREY).all()
    assert (draw_inputs(GREY, np.zeros((0, 4)), [], CLASSES) == GREY).all()


def test_some_rois_of_each_kind_are_drawn_and_all_are_counted(monkeypatch):
    texts = []

    def watched(image, text):
        texts.append(text)
        return image

    monkeypatch.setattr("fastRCNN.reporting.visualization.captioned", watched)
    rois = [[5 * i, 5, 5 * i + 60, 80] for i in range(6)] + [[10, 20 + 5 * i, 90, 95 + i] for i in range(4)]
    both = draw_rois(GREY, rois, 6, most=(2, 3), max_dim=max(GREY.shape))
    assert texts == ["Selective Search 6, blue: first 2; grid 4, orange: 3"]
    blue, orange = class_color(1), class_color(2)
    assert (both == blue).all(axis=2).any() and (both == orange).all(axis=2).any()
    found = draw_rois(GREY, rois[:6], 6, most=(2, 3), max_dim=max(GREY.shape))
    assert texts[1] == "Selective Search 6, blue: first 2" and not (found == orange).all(axis=2).any()
    draw_rois(GREY, np.zeros((0, 4)), 0)


def test_annotated_boxes_are_drawn_among_the_inputs():
    drawn = draw_inputs(GREY, np.zeros((0, 4)), [], CLASSES, objects=[[10, 10, 60, 60]])
    assert ((drawn == 255).all(axis=2).sum() > 50) and (draw_inputs(GREY, np.zeros((0, 4)), [], CLASSES) == GREY).all()
