"""Which convention a set of boxes follows: the same boxes written in each of them, and boxes that fit several."""

import numpy as np
import pytest

from fastRCNN.datasets.box_conventions import fits, recognise

SIZES = np.repeat([[1000, 800], [600, 900]], 6, axis=0)
BOXES = np.array(
    [[120, 230, 480, 300], [700, 30, 990, 790], [0, 0, 60, 80], [310, 400, 330, 700], [500, 500, 501, 501],
     [890, 700, 999, 799], [20, 800, 590, 890], [300, 20, 410, 300], [0, 450, 599, 899], [10, 10, 30, 60],
     [200, 640, 400, 660], [500, 100, 560, 200]], np.float64
)  # fmt: skip


def written(boxes, sizes, how):
    """The numbers of x1 y1 x2 y2 `boxes` in another convention."""
    left, top, right, bottom = boxes.T
    width, height = right - left, bottom - top
    relative = boxes / np.hstack([sizes, sizes])
    columns = {
        "corners": (left, top, right, bottom),
        "x y width height (COCO)": (left, top, width, height),
        "x1 x2 y1 y2 (VoTT 2)": (left, right, top, bottom),
        "centre x, centre y, width, height (YOLO)": (left + width / 2, top + height / 2, width, height),
        "y1 x1 y2 x2 (TensorFlow)": (top, left, bottom, right),
        "fractions of width and height, x1 y1 x2 y2": tuple(relative.T),
        "percents of width and height, x1 y1 x2 y2": tuple(100 * relative.T),
    }[how]
    return np.stack(columns, axis=1)


@pytest.mark.parametrize(
    "how", ["x y width height (COCO)", "x1 x2 y1 y2 (VoTT 2)", "centre x, centre y, width, height (YOLO)",
            "y1 x1 y2 x2 (TensorFlow)"]
)  # fmt: skip
def test_orders_are_recognised_by_all_boxes_together(how):
    numbers = written(BOXES, SIZES, how)
    assert not fits(numbers, SIZES).all()
    assert how in recognise(numbers, SIZES).split(" or ")


@pytest.mark.parametrize("unit", ["fractions", "percents"])
def test_relative_corners_are_recognised(unit):
    how = f"{unit} of width and height, x1 y1 x2 y2"
    assert recognise(written(BOXES, SIZES, how), SIZES) == how


@pytest.mark.parametrize(("unit", "factor"), [("fractions", 1), ("percents", 100)])
def test_relative_centres_are_recognised(unit, factor):
    pixels = written(BOXES, SIZES, "centre x, centre y, width, height (YOLO)")
    relative = pixels / np.hstack([SIZES, SIZES]) * factor
    assert recognise(relative, SIZES) == f"{unit} of width and height, centre x, centre y, width, height (YOLO)"


def test_whole_percents_need_many_boxes():
    percents = np.rint(written(BOXES, SIZES, "percents of width and height, x1 y1 x2 y2"))
    assert recognise(percents, SIZES) == ""
    assert recognise(np.tile(percents, (2, 1)), np.tile(SIZES, (2, 1))).startswith("percents")


def test_corners_are_corners():
    assert recognise(BOXES, SIZES) == ""
    assert recognise(BOXES + [0, 0, 1, 1], SIZES) == "", "x2 = width is one pixel too much, and no other convention"
    assert recognise(np.zeros((0, 4)), np.zeros((0, 2))) == ""
    rng = np.random.default_rng(0)
    for _ in range(200):
        sizes = rng.integers(30, 2000, (3, 2))
        corners = np.sort(rng.random((3, 2, 2)) * (sizes[:, None] - 1), axis=1).reshape(3, 4)
        assert recognise(corners, sizes) == ""


def test_objects_in_the_corner_of_large_pictures_are_no_percents():
    corner = np.array([[1, 1, 40, 40], [5.5, 5, 48, 49]] * 20)
    assert recognise(corner, np.full((40, 2), 1000)) == ""


def test_in_tiny_pictures_small_numbers_are_pixels():
    assert recognise(np.array([[0.2, 0.2, 0.9, 0.9]]), np.array([[4, 4]])) == ""


def test_boxes_of_no_convention_have_no_name():
    assert recognise(np.array([[0, 0, 2000, 2000.0], [5, 5, 1, 1]]), np.full((2, 2), 1000)) == ""


def test_a_box_may_reach_one_pixel_beyond_its_picture():
    sizes = np.full((5, 2), 100)
    boxes = np.array([[0, 0, 100, 100], [-1, -1, 5, 5], [0, 0, 101, 5], [-2, 0, 5, 5], [9, 9, 8, 9]], np.float64)
    assert fits(boxes, sizes).tolist() == [True, True, False, False, False]
    boxes = np.array([[7, 9, 7, 9], [9, 7, 8, 7], [7, 9, 7, 8], [0, -2, 5, 5], [0, 0, 5, 101]], np.float64)
    assert fits(boxes, sizes).tolist() == [True, False, False, False, False]
