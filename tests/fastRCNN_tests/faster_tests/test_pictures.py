"""Pictures in the network's square: boxes stay on what they show, whatever is done to the picture."""

import dataclasses

import cv2
import numpy as np
import pytest

from fastRCNN.boxes.tiles import Tiling
from fastRCNN.faster.pictures import AnnotatedPicture, View, as_it_is, laid, with_tiles
from helpers.images import pad_to_square, write_image
from tests.fastRCNN_tests.faster_tests.drawn_pictures import RED, red_rectangle


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    return red_rectangle(tmp_path_factory.mktemp("pictures"))


def test_as_it_is_is_how_the_trained_network_sees_it(picture):
    view = as_it_is(picture, 120)
    image = cv2.imread(str(picture.path))
    expected, placement = pad_to_square(image, 120)
    np.testing.assert_array_equal(view.pixels, expected)
    assert (view.scale, view.area) == (0.5, (0, 20, 120, 100)) and placement.offset_y == 20
    np.testing.assert_array_equal(view.objects, [[20, 35, 59.5, 54.5]])
    np.testing.assert_allclose(view.in_original(view.objects), RED)
    flipped = as_it_is(picture, 120, flip=True)
    np.testing.assert_array_equal(flipped.pixels, expected[:, ::-1])
    np.testing.assert_array_equal(flipped.objects, [[59.5, 35, 99, 54.5]])


def test_a_window_that_is_no_square(picture):
    """240 x 160 pixels at half the size; its corner is 10 left of a window of 100 x 60, and 30 above it."""
    pixels = np.arange(60 * 100 * 3).reshape(60, 100, 3).astype(np.uint8)
    view = laid(dataclasses.replace(picture, ignored=RED), pixels, View(0.5, -10, -30, 240, 160), flip=False)
    np.testing.assert_array_equal(view.objects, np.zeros((0, 4)))  # 5.5 of its 20.5 rows are seen
    np.testing.assert_array_equal(view.ignored[-1], [10, 0, 49.5, 4.5])
    mirrored = laid(picture, pixels, View(0.5, -10, 0, 240, 160), flip=True)
    np.testing.assert_array_equal(mirrored.objects, [[49.5, 15, 89, 34.5]])
    assert mirrored.area == (0, 0, 100, 60)
    np.testing.assert_array_equal(mirrored.pixels, pixels[:, ::-1])


def test_arrays_that_do_not_belong_together_are_refused(picture):
    with pytest.raises(ValueError, match=r"expected objects \(G, 4\)"):
        AnnotatedPicture(picture.path, RED, np.array([1, 2]))


def test_tiles_are_pictures_of_their_own(tmp_path):
    """160 x 100 pixels in tiles of 100: 0 to 99 and 60 to 159."""
    image = np.random.default_rng(0).integers(0, 256, (100, 160, 3)).astype(np.uint8)
    write_image(tmp_path / "a.png", image)
    objects = np.array([[10, 10, 29, 29], [50, 0, 89, 39], [90, 50, 129, 89], [30, 0, 69, 9]], np.float64)
    picture = AnnotatedPicture(
        tmp_path / "a.png", objects, np.array([1, 2, 3, 4]), np.array([[0, 0, 5, 5], [99, 90, 110, 99]], np.float64)
    )
    assert with_tiles([picture], Tiling(), 100) == [picture]
    whole, left, right = with_tiles([picture], Tiling("auto"), 100)
    assert whole is picture and (left.part, right.part) == ((0, 0, 99, 99), (60, 0, 159, 99))
    assert left.size == right.size == (100, 100) and whole.size == (160, 100)
    assert left.classes.tolist() == [1, 2, 4]  # of the third a quarter is seen, which is too little
    np.testing.assert_array_equal(left.objects, objects[[0, 1, 3]])
    np.testing.assert_array_equal(left.ignored, [[0, 0, 5, 5], [99, 90, 99, 99], [90, 50, 99, 89]])
    assert right.classes.tolist() == [2, 3]  # three quarters of the second, a quarter of the fourth
    np.testing.assert_array_equal(right.objects, [[0, 0, 29, 39], [30, 50, 69, 89]])
    np.testing.assert_array_equal(right.ignored, [[39, 90, 50, 99], [0, 0, 9, 9]])
    np.testing.assert_array_equal(as_it_is(right, 100).pixels, image[:, 60:])
    np.testing.assert_array_equal(as_it_is(right, 100).objects, right.objects)
