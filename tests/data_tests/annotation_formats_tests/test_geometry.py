"""Boxes around rotated and round shapes, by hand."""

import pytest

from data.annotation_formats.geometry import around_ellipse, around_points, around_rotated, point_pairs
from data.annotation_formats.log import Damaged


def test_quarter_turns() -> None:
    assert around_rotated((40, 30, 60, 40), 90) == pytest.approx((45, 25, 55, 45))
    assert around_rotated((40, 30, 60, 40), 90, about=(40, 30)) == pytest.approx((30, 30, 40, 50))
    assert around_rotated((40, 30, 60, 40), 360) == pytest.approx((40, 30, 60, 40))


def test_an_eighth_of_a_turn() -> None:
    half = (10 + 20) / 2 / 2**0.5  # a 20 x 10 box turned by 45 degrees: half of (20 + 10) / sqrt 2 to each side
    assert around_rotated((-10, -5, 10, 5), 45) == pytest.approx((-half, -half, half, half))
    half = ((20**2 + 10**2) / 2) ** 0.5
    assert around_ellipse(0, 0, 20, 10, 45) == pytest.approx((-half, -half, half, half))


def test_a_turn_is_clockwise_on_the_screen() -> None:
    left, top, right, bottom = around_rotated((0, 0, 10, 1), 30, about=(0, 0))
    assert (
        (top, left) == pytest.approx((0, -0.5))
        and right == pytest.approx(8.660254)
        and bottom == pytest.approx(5.866025)
    )


def test_points_in_every_spelling() -> None:
    expected = [(1.0, 2.0), (3.0, 4.0)]
    for points in ([1, "2", 3, 4], [[1, 2], [3, 4]], [{"x": 1, "y": 2}, {"x": 3, "y": 4}]):
        assert point_pairs(points, "points") == expected
    for points in ([1, 2, 3], [[1], [2, 3]], None, [["a", 2]]):
        with pytest.raises(Damaged, match="points"):
            point_pairs(points, "points")
    with pytest.raises(Damaged, match="without points"):
        around_points([])
