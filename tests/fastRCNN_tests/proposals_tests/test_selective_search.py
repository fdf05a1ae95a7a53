"""The entry point: which boxes, what is refused, what stays the same."""

import sys

import cv2
import numpy as np
import pytest

from fastRCNN.proposals.selective_search import METHODS, selective_search
from helpers.errors import UserError

OURS = ("selectivesearch", "fast")


def picture_of_things():
    """Return a 120 x 160 picture with three coloured rectangles on grey, and their boxes."""
    boxes = np.array([[10, 10, 49, 39], [80, 20, 139, 89], [20, 70, 59, 109]])
    picture = np.full((120, 160, 3), 128, np.uint8)
    for (x1, y1, x2, y2), colour in zip(boxes, ((0, 0, 220), (30, 200, 30), (200, 60, 0)), strict=True):
        picture[y1 : y2 + 1, x1 : x2 + 1] = colour
    return picture, boxes


@pytest.mark.parametrize("method", [*OURS, "package"])
def test_things_of_one_colour_are_found_to_the_pixel(method):
    if method == "package":
        pytest.importorskip("selectivesearch")
    picture, boxes = picture_of_things()
    found = {tuple(box) for box in selective_search(picture, method=method, scale=1, sigma=0, min_size=20).tolist()}
    if method == "fast":  # smooths by 0.8 pixels whatever is asked, which may move an edge by one
        for box in boxes:
            assert any(np.abs(np.array(other) - box).max() <= 1 for other in found)
    else:
        assert {tuple(box) for box in boxes.tolist()} <= found


@pytest.mark.parametrize("method", OURS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (2, 2), (30, 45)])
def test_one_colour_gives_the_whole_picture(method, shape):
    height, width = shape
    flat = np.full((height, width, 3), 77, np.uint8)
    assert selective_search(flat, method=method).tolist() == [[0, 0, width - 1, height - 1]]


@pytest.mark.parametrize("method", OURS)
def test_boxes_lie_inside_and_the_picture_is_left_alone(method):
    rng = np.random.default_rng(5)
    for shape in ((1, 50), (50, 1), (3, 200), (67, 41)):
        picture = cv2.GaussianBlur(rng.integers(0, 256, (*shape, 3)).astype(np.uint8), (0, 0), 2).reshape(*shape, 3)
        before = picture.copy()
        picture.flags.writeable = False
        boxes = selective_search(picture, method=method)
        assert boxes.dtype == np.int32 and boxes.shape[1] == 4 and len(boxes) >= 1
        assert boxes.min() >= 0 and np.all(boxes[:, :2] <= boxes[:, 2:])
        assert boxes[:, 2].max() < shape[1] and boxes[:, 3].max() < shape[0]
        np.testing.assert_array_equal(picture, before)
        np.testing.assert_array_equal(selective_search(picture, method=method), boxes)
        wide = np.zeros((shape[0], 2 * shape[1], 3), np.uint8)
        wide[:, ::2] = picture
        np.testing.assert_array_equal(selective_search(wide[:, ::2], method=method), boxes)  # a view with gaps


@pytest.mark.parametrize("method", OURS)
def test_max_rois_keeps_the_first(method):
    picture = np.random.default_rng(2).integers(0, 256, (60, 60, 3)).astype(np.uint8)
    everything = selective_search(picture, method=method)
    np.testing.assert_array_equal(selective_search(picture, method=method, max_rois=5), everything[:5])
    assert len(selective_search(picture, method=method, max_rois=100_000)) == len(everything)


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (np.zeros((4, 5), np.uint8), r"got \(4, 5\) uint8"),
        (np.zeros((4, 5, 4), np.uint8), r"got \(4, 5, 4\) uint8"),
        (np.zeros((4, 5, 3), np.float32), r"got \(4, 5, 3\) float32"),
        (np.zeros((0, 5, 3), np.uint8), "1 to 65535 pixels"),
        (None, "got NoneType"),
    ],
)
def test_other_pictures_are_refused(picture, reason):
    with pytest.raises(ValueError, match=reason):
        selective_search(picture)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"method": "slow"}, "method: expected one of selectivesearch, fast, .*, got 'slow'"),
        ({"k_values": (0, 5, 2)}, "k_values: expected first, last, number"),
        ({"k_values": (50, 500, 0)}, "k_values: expected first, last, number"),
        ({"k_values": (50, 500, 101)}, "a whole number from 1 to 100, got"),
        ({"k_values": (50, 500, 6.5)}, "a whole number from 1 to 100, got"),
        ({"k_values": (50, float("inf"), 6)}, "k_values: expected first, last, number"),
        ({"min_size": 0}, "min_size >= 1"),
        ({"sigma": -1}, "sigma >= 0"),
        ({"max_rois": 0}, "max_rois: expected None or at least 1, got 0"),
    ],
)
def test_parameters_out_of_range_are_refused(options, reason):
    with pytest.raises(ValueError, match=reason):
        selective_search(np.zeros((5, 5, 3), np.uint8), **options)


@pytest.mark.parametrize("method", METHODS)
def test_a_library_that_is_missing_is_named(method, monkeypatch):
    for name in ("selectivesearch", "dlib"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delattr(cv2, "ximgproc", raising=False)
    picture = np.zeros((5, 5, 3), np.uint8)
    if method in OURS:
        selective_search(picture, method=method)
    else:
        with pytest.raises(UserError, match="pip install"):
            selective_search(picture, method=method)


def test_opencv_rectangles_become_inclusive_boxes(monkeypatch):
    class Search:
        def setBaseImage(self, image):
            self.image = image

        def switchToSelectiveSearchFast(self):
            self.mode = "fast"

        def switchToSelectiveSearchQuality(self):
            self.mode = "quality"

        def process(self):
            return [(2, 3, 4, 5), (0, 0, 1, 1)] if self.mode == "fast" else [(0, 0, 20, 10)]

    class Module:
        class segmentation:
            createSelectiveSearchSegmentation = Search

    monkeypatch.setattr(cv2, "ximgproc", Module, raising=False)
    picture = np.zeros((10, 20, 3), np.uint8)
    assert sorted(selective_search(picture, method="opencv").tolist()) == [[0, 0, 0, 0], [2, 3, 5, 7]]
    assert selective_search(picture, method="opencv-quality").tolist() == [[0, 0, 19, 9]]


def test_dlib_rectangles_and_channel_order(monkeypatch):
    seen = {}

    class Rectangle:
        def __init__(self, *sides):
            self.left, self.top, self.right, self.bottom = (lambda side=side: side for side in sides)

    class Dlib:
        @staticmethod
        def find_candidate_object_locations(image, rectangles, **options):
            seen.update(options, pixel=image[0, 0].tolist())
            if image.shape[1] > 1:
                rectangles.append(Rectangle(1, 2, 3, 4))

    monkeypatch.setitem(sys.modules, "dlib", Dlib)
    picture = np.full((8, 8, 3), (10, 20, 30), np.uint8)
    assert selective_search(picture, method="dlib").tolist() == [[1, 2, 3, 4]]
    assert seen == {"kvals": (50, 500, 6), "min_size": 20, "max_merging_iterations": 20, "pixel": [30, 20, 10]}
    assert selective_search(picture[:, :1], method="dlib").tolist() == [[0, 0, 0, 7]]  # dlib finds nothing in it
