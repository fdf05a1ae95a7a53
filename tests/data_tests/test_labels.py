"""From the index pass to the annotation files."""

import numpy as np
from labels import annotate, box_of, boxes_text, labels_text, visible_pixels


def _mask(x1, y1, x2, y2, shape=(60, 80)):
    mask = np.zeros(shape, bool)
    mask[y1 : y2 + 1, x1 : x2 + 1] = True
    return mask


def test_box_is_inclusive():
    assert box_of(_mask(5, 7, 20, 9)) == (5, 7, 20, 9)
    assert box_of(_mask(0, 0, 0, 0)) == (0, 0, 0, 0)
    assert box_of(np.zeros((4, 4), bool)) is None


def test_specks_do_not_widen_a_box():
    mask = _mask(10, 10, 29, 29) | _mask(60, 50, 62, 52)
    assert box_of(visible_pixels(mask)) == (10, 10, 29, 29)


def test_two_large_pieces_count_both():
    mask = _mask(10, 10, 19, 19) | _mask(30, 10, 39, 19)
    assert box_of(visible_pixels(mask)) == (10, 10, 39, 19)


def test_annotate_whole_hidden_and_gone():
    whole = np.stack([_mask(0, 0, 19, 19), _mask(20, 0, 39, 19), _mask(40, 0, 59, 19)])
    index = np.zeros((60, 80), int)
    index[:20, :20] = 1  # all of it
    index[:20, 20:24] = 2  # a fifth of it
    index[:2, 40:50] = 3  # twenty pixels
    found = annotate(["orange", "water", "mustard"], index, whole)
    assert [(a.label, a.box) for a in found] == [("orange", (0, 0, 19, 19)), ("EXCLUDE", (20, 0, 23, 19))]
    assert found[1].share == 0.2


def test_texts():
    found = annotate(["orange"], _mask(1, 2, 12, 13).astype(int), _mask(1, 2, 12, 13)[None])
    assert boxes_text(found) == "1\t2\t12\t13\n"
    assert labels_text(found) == "orange\n"
    assert boxes_text([]) == labels_text([]) == ""
