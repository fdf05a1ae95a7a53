"""Pictures that change each time they are seen: boxes stay on what they show, whatever is done to the picture."""

import dataclasses

import numpy as np
import pytest

from fastRCNN.faster.changes import Jitter, changed
from fastRCNN.faster.pictures import AnnotatedPicture, as_it_is
from helpers.boxes import iou_matrix
from helpers.images import PAD_VALUE, write_image
from tests.fastRCNN_tests.faster_tests.drawn_pictures import RED, red_rectangle


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    return red_rectangle(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def colours(tmp_path_factory):
    """Four pictures of 200 x 200 pixels, each all of one colour, with an object on all of it, of classes 1 to 4."""
    folder, found = tmp_path_factory.mktemp("colours"), []
    for number in range(4):
        write_image(folder / f"{number}.png", np.full((200, 200, 3), 10 + 60 * number, np.uint8))
        found.append(AnnotatedPicture(folder / f"{number}.png", np.array([[0.0, 0, 199, 199]]), np.array([number + 1])))
    return found


def red_box(pixels):
    """Where the picture is red: x1 y1 x2 y2."""
    red = pixels[..., 2].astype(int) - pixels[..., 0] > 60
    rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
    return np.array([[columns[0], rows[0], columns[-1], rows[-1]]], np.float64)


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
    both = dataclasses.replace(picture, ignored=RED, proposals=RED)
    view = changed(both, 200, np.random.default_rng(1), Jitter(flip=True, scale=0.2))
    np.testing.assert_array_equal(view.ignored, view.objects)
    np.testing.assert_array_equal(view.proposals, view.objects)
    assert as_it_is(picture, 100).proposals is None


def test_a_tile_changes_like_a_picture(picture):
    tile = dataclasses.replace(picture, objects=RED - [20, 20, 20, 20], part=(20, 20, 199, 119))
    view = changed(tile, 180, np.random.default_rng(0), Jitter())
    np.testing.assert_allclose(view.objects, red_box(view.pixels), atol=1)


def test_what_is_off_draws_no_numbers(picture):
    """Results with seeds that were recorded before a change was known stay as they are."""
    plain, more = (
        changed(picture, 100, np.random.default_rng(5), jitter, others=[picture])
        for jitter in (Jitter(True, 0.3, 0.3), Jitter(True, 0.3, 0.3, 1e-9, 1e-9, 1e-9))
    )
    again = changed(picture, 100, np.random.default_rng(5), Jitter(True, 0.3, 0.3))
    np.testing.assert_array_equal(plain.pixels, again.pixels)
    assert not np.array_equal(plain.pixels, more.pixels)


@pytest.mark.parametrize("name", ["blur", "noise"])
def test_a_part_of_the_pictures_looks_different(picture, name):
    """Half of them do; boxes and padding stay as they are."""
    jitter, seen = Jitter(**{name: 0.5}), []
    plain = as_it_is(picture, 240)
    for seed in range(60):
        view = changed(picture, 240, np.random.default_rng(seed), jitter)
        np.testing.assert_array_equal(view.objects, plain.objects)
        assert (view.pixels[:40] == PAD_VALUE).all() and (view.pixels[200:] == PAD_VALUE).all()
        seen.append(not np.array_equal(view.pixels, plain.pixels))
    assert 20 <= sum(seen) <= 40


def test_a_mosaic_shows_four_pictures_with_their_boxes(colours):
    """Each quarter has the colour of its picture, and padding; the object's box is where its colour is, or, where less
    than half of the object is in view, it counts neither way."""
    classes, ignored = set(), 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        view = changed(colours[seed % 4], 120, rng, Jitter(flip=True, scale=0.2, mosaic=1.0), others=colours)
        assert view.pixels.shape == (120, 120, 3) and view.area == (0, 0, 120, 120) and view.proposals is None
        assert len(view.objects) == len(view.classes) and len(view.objects) + len(view.ignored) == 4
        for (left, top, right, bottom), kind in zip(view.objects, view.classes, strict=True):
            inside = view.pixels[round(top) : round(bottom) + 1, round(left) : round(right) + 1]
            assert np.abs(inside.astype(int) - (10 + 60 * (kind - 1))).max() <= 1
        assert seed % 4 + 1 in {*view.classes, *([seed % 4 + 1] if len(view.ignored) else [])}
        classes |= set(view.classes.tolist())
        ignored += len(view.ignored)
        shown = np.concatenate([view.objects, view.ignored])
        assert np.triu(iou_matrix(shown, shown), 1).max() == 0  # quarters do not overlap
        assert 0.5 * 0.6 / 1.2 - 1e-9 <= view.scale <= 0.6 * 1.2 + 1e-9  # of 200 pixels on 120
    assert classes == {1, 2, 3, 4} and ignored > 0


def test_a_mosaic_has_the_proposals_of_all_or_none(colours):
    given = [dataclasses.replace(each, proposals=each.objects) for each in colours]
    view = changed(given[0], 120, np.random.default_rng(2), Jitter(mosaic=1.0), others=given)
    np.testing.assert_array_equal(view.proposals, view.objects)
    mixed = changed(given[0], 120, np.random.default_rng(2), Jitter(mosaic=1.0), others=colours)
    assert mixed.proposals is None


def test_a_part_of_the_pictures_becomes_a_mosaic(colours):
    views = [
        changed(colours[0], 120, np.random.default_rng(seed), Jitter(mosaic=0.5), others=colours)
        for seed in range(60)
    ]  # fmt: skip
    assert (
        20 <= sum(view.area == (0, 0, 120, 120) and len(view.objects) + len(view.ignored) == 4 for view in views) <= 40
    )
    alone = changed(colours[0], 120, np.random.default_rng(0), Jitter(mosaic=1.0))
    assert len(alone.objects) == 1


def test_a_mosaic_is_drawn_from_the_numbers_alone(colours):
    one, two = (
        changed(colours[0], 120, np.random.default_rng(4), Jitter(True, 0.2, 0.2, 0.5, 0.5, 1.0), others=colours)
        for _ in range(2)
    )
    np.testing.assert_array_equal(one.pixels, two.pixels)
    np.testing.assert_array_equal(one.objects, two.objects)
