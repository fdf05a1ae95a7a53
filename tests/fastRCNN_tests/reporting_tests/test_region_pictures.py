"""Pictures of what a region proposal network does: what is drawn where, in which colour."""

import numpy as np

from fastRCNN.reporting.region_pictures import (
    Canvas,
    draw_anchor_targets,
    draw_anchors,
    draw_objectness,
    draw_proposals,
    draw_targets,
    evenly,
)
from fastRCNN.rpn.anchors import anchors_of_map
from helpers.drawing import class_color

GREY = np.full((160, 160, 3), 90, np.uint8)
CANVAS = Canvas(GREY, (0.0, 20.0, 160.0, 140.0), np.array([[100.0, 90, 130, 110]]))
BASE = np.array([[-20.0, -10, 19, 9], [-4, -10, 3, 9]])
ANCHORS = anchors_of_map(BASE, 10, 10, stride=16)
CELLS = (10, 10, 2)


def has(picture, box, color, tolerance=30) -> bool:
    """Whether the left side of `box` has that colour, in a picture cut by 20 rows."""
    x, y = round(box[0]), round((box[1] + box[3]) / 2) - 20
    near = picture[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].astype(int)
    return bool((np.abs(near - np.array(color)).sum(axis=2) < tolerance).any())


def test_pictures_are_cut_to_what_they_show() -> None:
    assert CANVAS.draw(np.zeros((0, 4)), colors=[]).shape == (120, 160, 3)
    half = Canvas(GREY, (10.5, 0.0, 90.5, 160.0), np.zeros((0, 4)))
    assert half.draw(np.zeros((0, 4)), colors=[]).shape == (160, 80, 3)
    assert (GREY == 90).all()


def test_anchors_of_the_cell_next_to_an_object() -> None:
    drawn = draw_anchors(CANVAS, ANCHORS, CELLS)
    place = 6 * 10 + 7  # of the cell at 112, 96: next to 115, 100
    for k in range(2):
        assert has(drawn, ANCHORS[2 * place + k], class_color(1 + k))
    assert not has(drawn, ANCHORS[0] + 64, class_color(1))
    assert (drawn[::16, 8::16] != 90).any()


def test_anchor_targets() -> None:
    labels = np.full(len(ANCHORS), -1, np.int8)
    labels[2 * 44], labels[2 * 47 + 1] = 1, 0
    drawn = draw_anchor_targets(CANVAS, ANCHORS, labels)
    assert has(drawn, ANCHORS[2 * 44], class_color(3)) and has(drawn, ANCHORS[2 * 47 + 1], class_color(0))
    labels[:] = -1
    assert draw_anchor_targets(CANVAS, ANCHORS, labels).shape == (120, 160, 3)


def test_objectness_is_bright_where_it_is_high() -> None:
    chance = np.zeros(len(ANCHORS))
    chance[2 * (5 * 10 + 2) + 1] = 1  # cell at row 5, column 2: pixels 32 to 48, 80 to 96
    drawn = draw_objectness(CANVAS, chance, CELLS).astype(int)
    assert drawn[88 - 20, 40].sum() > drawn[40, 120].sum() + 200


def test_proposals_the_best_ones() -> None:
    boxes = np.array([[10.0, 30, 40, 60], [50, 30, 80, 60], [90, 30, 120, 60]])
    drawn = draw_proposals(CANVAS, boxes, np.array([1.0, 0.5, 0.0]), most=2, with_scores=False)
    changed = np.abs(drawn.astype(int) - 90).sum(axis=2) > 60
    assert changed[25, 8:13].any() and changed[25, 48:53].any() and not changed[25, 88:93].any()
    assert draw_proposals(CANVAS, boxes[:0], np.zeros(0), most=5).shape == (120, 160, 3)


def test_targets_in_the_colour_of_their_class() -> None:
    rois = np.array([[95.0, 85, 125, 105], [10, 40, 40, 70], [30, 100, 60, 130]])
    drawn = draw_targets(CANVAS, rois, np.array([2, 0, 0]), rois, ("bg", "a", "b"))
    assert has(drawn, rois[0], class_color(2)) and has(drawn, rois[1], class_color(0))


def test_an_arrow_to_where_a_roi_shall_go() -> None:
    roi, goal = np.array([[20.0, 60, 60, 100]]), np.array([[80.0, 60, 120, 100]])
    plain = Canvas(GREY, (0.0, 20.0, 160.0, 140.0), np.zeros((0, 4)))
    drawn = draw_targets(plain, roi, np.array([2]), goal, ("bg", "a", "b"))
    assert has(drawn, [70, 60, 70, 100], class_color(2))  # between their middles
    assert (drawn[80 - 20 - 3 : 80 - 20 + 4, 70].min(axis=1) > 200).any()  # its rim
    assert has(draw_targets(plain, roi, np.array([2]), roi, ("bg", "a", "b")), [70, 60, 70, 100], (90, 90, 90))


def test_evenly() -> None:
    assert evenly(np.arange(5), 9).tolist() == [0, 1, 2, 3, 4]
    assert evenly(np.arange(101), 3).tolist() == [0, 50, 100]
