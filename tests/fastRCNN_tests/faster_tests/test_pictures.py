"""Pictures in the network's square: boxes stay on what they show, whatever is done to the picture."""

import dataclasses

import cv2
import numpy as np
import pytest

from fastRCNN.boxes.tiles import Tiling
from fastRCNN.faster.pictures import AnnotatedPicture, Jitter, as_it_is, changed, with_tiles
from helpers.boxes import iou_matrix
from helpers.images import PAD_VALUE, pad_to_square, write_image

BOX = np.array([[40.0, 30.0, 119.0, 69.0]])


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    """A grey picture of 240 x 160 pixels with a red rectangle."""
    image = np.full((160, 240, 3), 90, np.uint8)
    image[30:70, 40:120] = (20, 20, 230)
    path = tmp_path_factory.mktemp("pictures") / "red.png"
    write_image(path, image)
    return AnnotatedPicture(path, BOX, np.array([1]))


def red_box(pixels):
    """Where the picture is red: x1 y1 x2 y2."""
    red = pixels[..., 2].astype(int) - pixels[..., 0] > 60
    rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
    return np.array([[columns[0], rows[0], columns[-1], rows[-1]]], np.float64)


def test_as_it_is_is_how_the_trained_network_sees_it(picture):
    view = as_it_is(picture, 120)
    image = cv2.imread(str(picture.path))
    expected, placement = pad_to_square(image, 120)
    np.testing.assert_array_equal(view.pixels, expected)
    assert (view.scale, view.area) == (0.5, (0, 20, 120, 100)) and placement.offset_y == 20
    np.testing.assert_array_equal(view.objects, [[20, 35, 59.5, 54.5]])
    np.testing.assert_allclose(view.in_original(view.objects), BOX)
    flipped = as_it_is(picture, 120, flip=True)
    np.testing.assert_array_equal(flipped.pixels, expected[:, ::-1])
    np.testing.assert_array_equal(flipped.objects, [[59.5, 35, 99, 54.5]])


@pytest.mark.parametrize("scale", [0.0, 0.5])
@pytest.mark.parametrize("colour", [0.0, 0.3])
def test_boxes_follow_the_picture(picture, scale, colour):
    jitter = Jitter(flip=True, scale=scale, colour=colour)
    scales, sides = [], []
    for seed in range(25):
        view = changed(picture, 200, np.random.default_rng(seed), jitter)
        scales.append(view.scale)
        sides.append(view.objects[0, 0] < 70 if len(view.objects) else None)
        left, top, right, bottom = view.area
        outside = view.pixels.copy()
        outside[int(top) : int(bottom), int(left) : int(right)] = PAD_VALUE
        assert (outside == PAD_VALUE).all() and (right > left) and (bottom > top)
        if len(view.objects):
            found = red_box(view.pixels)
            np.testing.assert_allclose(view.objects, found, atol=2.5)
            assert iou_matrix(view.objects, found)[0, 0] > 0.9
    assert (len(set(scales)) > 1) == (scale > 0)
    assert all(200 / 240 / (1 + scale) - 1e-9 <= each <= 200 / 240 * (1 + scale) + 1e-9 for each in scales)
    assert {True, False} <= set(sides)


def test_the_same_numbers_change_it_the_same_way(picture):
    first, again = (changed(picture, 100, np.random.default_rng(3), Jitter(True, 0.3, 0.3)) for _ in range(2))
    np.testing.assert_array_equal(first.pixels, again.pixels)
    np.testing.assert_array_equal(first.objects, again.objects)


def test_what_is_mostly_cut_off_is_no_object_and_counts_neither_way(picture):
    seen = {"object": 0, "hidden": 0, "gone": 0}
    wide = dataclasses.replace(picture, objects=np.array([[0.0, 0.0, 79.0, 159.0]]))
    for seed in range(60):
        view = changed(wide, 100, np.random.default_rng(seed), Jitter(scale=2.0))
        if len(view.objects):
            seen["object"] += 1
            left, top, right, bottom = view.area
            (box,) = view.objects
            assert left <= box[0] and top <= box[1] and box[2] <= right - 1 and box[3] <= bottom - 1
        else:
            seen["hidden" if len(view.ignored) else "gone"] += 1
    assert seen["object"] > 20 and seen["hidden"] > 0


def test_colours_change_by_the_strength(picture):
    plain = changed(picture, 240, np.random.default_rng(0), Jitter()).pixels.astype(int)
    assert np.array_equal(plain, as_it_is(picture, 240).pixels)
    weak, strong = (
        np.mean([
            np.abs(changed(picture, 240, np.random.default_rng(seed), Jitter(colour=by)).pixels - plain).mean()
            for seed in range(8)
        ])
        for by in (0.05, 0.3)
    )  # fmt: skip
    assert 0 < weak < strong


def test_grey_becomes_lighter_and_darker(picture):
    """Brightness and contrast change grey, which saturation alone does not; the balance keeps it nearly grey."""
    greys = np.array([
        changed(picture, 240, np.random.default_rng(seed), Jitter(colour=0.3)).pixels[50, 200].astype(int)
        for seed in range(20)
    ])  # fmt: skip
    assert greys.mean(axis=1).std() > 5 and np.ptp(greys, axis=1).max() < 30


def test_boxes_that_do_not_count_and_proposals_move_too(picture):
    both = dataclasses.replace(picture, ignored=BOX, proposals=BOX)
    view = changed(both, 200, np.random.default_rng(1), Jitter(flip=True, scale=0.2))
    np.testing.assert_array_equal(view.ignored, view.objects)
    np.testing.assert_array_equal(view.proposals, view.objects)
    assert as_it_is(picture, 100).proposals is None


def test_arrays_that_do_not_belong_together_are_refused(picture):
    with pytest.raises(ValueError, match=r"expected objects \(G, 4\)"):
        AnnotatedPicture(picture.path, BOX, np.array([1, 2]))


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
    assert changed(right, 100, np.random.default_rng(0), Jitter(scale=0.2)).pixels.shape == (100, 100, 3)
