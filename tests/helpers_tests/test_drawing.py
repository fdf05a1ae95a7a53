"""Drawing on a copy: where pixels change, where chips go, and text that is hard to set."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.drawing import NEUTRAL_COLOR, captioned, class_color, draw_boxes

GREY = np.full((200, 300, 3), 128, np.uint8)


def _changed(image, drawn):
    return (image != drawn).any(axis=2)


def test_the_picture_itself_is_not_touched():
    image = GREY.copy()
    drawn = draw_boxes(image, [[20, 40, 90, 120]], ["orange"], [0.5])
    assert (image == 128).all() and _changed(image, drawn).any()
    assert drawn.dtype == np.uint8 and drawn.shape == image.shape


def test_a_box_changes_its_outline_and_neither_inside_nor_far_outside():
    drawn = draw_boxes(GREY, [[50, 60, 149, 159]], colors=(255, 0, 0), thickness=2)
    changed = _changed(GREY, drawn)
    for y, x in ((60, 100), (159, 100), (100, 50), (100, 149)):  # the middle of each side
        assert changed[y - 1 : y + 2, x - 1 : x + 2].any()
        assert (drawn[y, x] == (255, 0, 0)).all()
    assert not changed[70:150, 60:140].any()
    assert not changed[:50].any() and not changed[170:].any()


def test_dashes_leave_gaps():
    white = [
        (draw_boxes(GREY, [[20, 20, 279, 179]], colors=(255, 255, 255), dashed=[dashed], thickness=2) == 255).all(
            axis=2
        )
        for dashed in (False, True)
    ]
    assert 0.4 < white[1].sum() / white[0].sum() < 0.85
    assert white[1][20, 21] and white[1][179, 278]  # corners are closed


def _outlines_mixed_over_the_whole_picture(image, boxes, color, thickness):
    """The same drawing without any care for speed."""
    canvas = image.copy()
    for x1, y1, x2, y2 in (np.asarray(boxes) * 16).round().astype(int).tolist():
        path = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2], [x1, y1]])
        rim = canvas.copy()
        for target, ink, width in ((rim, (24, 24, 24), thickness + 2), (canvas, color, thickness)):
            if target is canvas:
                canvas[:] = cv2.addWeighted(rim, 0.55, canvas, 0.45, 0)
            for begin, end in zip(path[:-1].tolist(), path[1:].tolist(), strict=True):
                cv2.line(target, begin, end, ink, width, cv2.LINE_AA, 4)
    return canvas


@pytest.mark.parametrize("thickness", [1, 2, 5])
def test_mixing_the_sides_only_gives_the_pixels_of_mixing_all(thickness):
    rng = np.random.default_rng(thickness)
    image = rng.integers(0, 256, (90, 120, 3), dtype=np.uint8)
    boxes = np.sort(rng.uniform(-30, 150, (150, 2, 2)), axis=1).reshape(-1, 4)  # also small, crossing, outside
    boxes[::5, 2:] = boxes[::5, :2] + rng.uniform(0, 8, (30, 2))
    boxes[:3] = [[0, 0, 119, 89], [-9, -9, 140, 120], [60, 40, 60, 40]]
    drawn = draw_boxes(image, boxes, colors=(10, 200, 90), thickness=thickness)
    np.testing.assert_array_equal(drawn, _outlines_mixed_over_the_whole_picture(image, boxes, (10, 200, 90), thickness))


def test_nothing_to_draw_gives_an_equal_copy():
    drawn = draw_boxes(GREY, [])
    assert drawn is not GREY and (drawn == GREY).all()
    assert (draw_boxes(GREY, np.zeros((0, 4)), [], [], colors=[]) == GREY).all()


def test_the_higher_score_lies_on_top():
    box = [50, 50, 250, 150]
    for scores, on_top in (([0.9, 0.1], (255, 0, 0)), ([0.1, 0.9], (0, 0, 255))):
        drawn = draw_boxes(GREY, [box, box], scores=scores, colors=[(255, 0, 0), (0, 0, 255)], thickness=2)
        assert (drawn[150, 250] == on_top).all()


def test_label_without_a_score_has_no_number():
    box = [[20, 60, 200, 150]]
    named = draw_boxes(GREY, box, ["orange"])
    assert (draw_boxes(GREY, box, ["orange"], [np.nan]) == named).all()
    assert (draw_boxes(GREY, box, ["orange"], [0.5]) != named).any()
    assert (draw_boxes(GREY, box, ["orange 0.50"]) == draw_boxes(GREY, box, ["orange"], [0.5])).all()


@pytest.mark.parametrize("box", [[0, 0, 40, 30], [280, 0, 299, 30], [0, 180, 20, 199], [270, 190, 299, 199]])
def test_chips_stay_inside_the_picture(box):
    """A chip drawn on a larger canvas at the same place would leave nothing beyond the border of the picture."""
    red = (0, 0, 255)
    drawn = draw_boxes(GREY, [box], ["squash"], [0.87], colors=red, thickness=1)
    chip = (drawn == red).all(axis=2)
    rows, columns = np.flatnonzero(chip.sum(axis=1) > 15), np.flatnonzero(chip.sum(axis=0) > 6)
    assert len(rows) >= 10 and len(columns) >= 40  # the whole chip is there: high and wide enough for the text


def test_chips_of_boxes_side_by_side_do_not_hide_each_other():
    boxes = [[40, 100, 80, 140], [90, 100, 130, 140], [140, 100, 180, 140]]
    colors = [(255, 0, 0), (0, 160, 0), (0, 0, 255)]
    one_each = [
        draw_boxes(GREY, [box], ["mushroom"], [0.5], colors=color) for box, color in zip(boxes, colors, strict=True)
    ]
    together = draw_boxes(GREY, boxes, ["mushroom"] * 3, [0.5, 0.6, 0.7], colors=colors)
    for color, alone in zip(colors, one_each, strict=True):
        visible, whole = (together == color).all(axis=2).sum(), (alone == color).all(axis=2).sum()
        assert visible > 0.9 * whole


@pytest.mark.parametrize(
    "text",
    ["\u03bf\u03c1\u03b1\u03bd\u03b3\u03ad", "\u0430\u043f\u0435\u043b\u044c\u0441\u0438\u043d", "Äpfel & Öl", "\u6a59",
     "a\tb\nc", "<script>", "x" * 300, "\U0001f34a", " "],
)  # fmt: skip
def test_any_text_is_drawn_or_left_out_but_does_not_fail(text):
    drawn = draw_boxes(GREY, [[100, 100, 150, 150]], [text], [0.5])
    assert _changed(GREY, drawn).any()


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.lists(st.lists(st.integers(-100, 200), min_size=4, max_size=4), max_size=4),
)
def test_small_pictures_and_boxes_beyond_the_border_do_not_fail(height, width, boxes):
    image = np.zeros((height, width, 3), np.uint8)
    drawn = draw_boxes(image, boxes, ["label"] * len(boxes), np.arange(len(boxes)), dashed=[True] * len(boxes))
    assert drawn.shape == image.shape


def test_the_same_call_gives_the_same_pixels():
    calls = [draw_boxes(GREY, [[20, 40, 90, 120]] * 3, ["a", "b", "c"], [0.5, 0.5, 0.5]) for _ in range(2)]
    assert (calls[0] == calls[1]).all()


def test_class_colors():
    assert class_color(0) == NEUTRAL_COLOR
    first = [class_color(number) for number in range(1, 21)]
    assert len(set(first)) == 20 and NEUTRAL_COLOR not in first
    assert class_color(21) == class_color(1)
    assert class_color(1) == (178, 114, 0)  # Okabe and Ito's blue, #0072b2, in blue-green-red


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"labels": ["a"]}, "labels: expected 2"),
        ({"scores": [0.5]}, "scores: expected 2"),
        ({"dashed": [True]}, "dashed: expected 2"),
        ({"colors": [(1, 2, 3)] * 3}, "colors: expected one colour or 2"),
    ],
)
def test_arguments_that_do_not_fit(arguments, words):
    with pytest.raises(ValueError, match=words):
        draw_boxes(GREY, [[0, 0, 9, 9], [20, 20, 29, 29]], **arguments)


def test_a_caption_stands_above_the_picture():
    image = np.full((60, 200, 3), 90, np.uint8)
    drawn = captioned(image, "3 of 2000 ROIs")
    strip = drawn[: len(drawn) - 60]
    assert (drawn[-60:] == 90).all() and len(strip) > 10
    assert strip.max() == 255 and strip.min() < 60
    assert captioned(image, "word " * 99).shape == drawn.shape
