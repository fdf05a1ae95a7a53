"""Overlaps with boxes that count neither way, by hand."""

import numpy as np
import pytest

from fastRCNN.boxes.ignored import IgnoredBoxes, ignored_overlaps

TEN = [0, 0, 9, 9]  # 100 pixels


def test_difficult_ones_overlap_by_union_and_crowds_by_the_box():
    # [0 0 19 9] has 200 pixels, 100 of them shared with TEN: IoU 100 / 200; all of TEN lies in the crowd
    both = IgnoredBoxes.of([[0, 0, 19, 9], [0, 0, 19, 9]], [1, 1], [False, True])
    np.testing.assert_allclose(both.overlaps([TEN, [15, 5, 24, 14]]), [[0.5, 1.0], [25 / 275, 0.25]])


def test_a_box_hides_its_class_or_every_class():
    ignored = IgnoredBoxes.of([[0, 0, 9, 4], TEN], [0, 2])  # half of TEN for every class, TEN itself for class 2
    np.testing.assert_allclose(ignored_overlaps([TEN], ignored, 4), [[0, 0.5, 1.0, 0.5]])


def test_nothing_is_a_case():
    assert len(IgnoredBoxes.of()) == 0
    assert ignored_overlaps([TEN], IgnoredBoxes.of(), 3).tolist() == [[0, 0, 0]]
    assert ignored_overlaps([], IgnoredBoxes.of([TEN]), 3).shape == (0, 3)


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r"boxes \(I, 4\)"):
        IgnoredBoxes.of([TEN], [0, 1])
    with pytest.raises(ValueError, match=r"is_crowd"):
        IgnoredBoxes.of([TEN], [0], [True, False])
