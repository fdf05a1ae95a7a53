"""A picture in its padded square: numbers by hand, and what step 2 writes."""

import numpy as np
import pytest

from fastRCNN.pipeline.cntk_inputs import absolute_rois, relative_rois
from fastRCNN.rpn.picture_area import PictureArea


def test_edges_by_hand() -> None:
    area = PictureArea.of(800, 600, 1000)
    assert (area.scale, area.left, area.top) == (1.25, 0, 125)
    assert area.edges == (0, 125, 1000, 875)
    assert PictureArea.of(10, 1000, 100).edges == (49.5, 0, 50.5, 100)  # one pixel wide is the least
    assert PictureArea(10, 10, 0.01).edges == (0, 0, 1, 1)


def test_boxes_there_by_hand() -> None:
    area = PictureArea.of(800, 600, 1000)
    assert area.to_network([[80, 40, 160, 121]]).tolist() == [[100, 175, 200, 276]]  # 151.25 is rounded
    assert area.to_picture([[100, 175, 200, 276]]).tolist() == [[80, 40, 160, 121]]
    assert area.to_network(np.zeros((0, 4))).shape == area.to_picture(np.zeros((0, 4))).shape == (0, 4)


def test_boxes_back_are_cut_to_the_picture() -> None:
    area = PictureArea.of(800, 600, 1000)
    assert area.to_picture([[-9, 0, 2000, 900]]).tolist() == [[0, 0, 799, 599]]
    assert area.to_picture([[0, 125, 999, 874]]).tolist() == [[0, 0, 799, 599]]


@pytest.mark.parametrize("size", [(800, 600), (333, 1000), (61, 97), (4000, 3001)])
def test_equals_step_2(size: tuple[int, int]) -> None:
    width, height = size
    rng = np.random.default_rng(0)
    boxes = np.sort(rng.integers(0, (width, height), (200, 2, 2)), axis=1).reshape(200, 4)
    area = PictureArea.of(width, height, 850)
    expected = absolute_rois(relative_rois(boxes, width, height, 850), 850)
    np.testing.assert_array_equal(area.to_network(boxes), expected)
    assert np.abs(area.to_picture(area.to_network(boxes)) - boxes).max() <= 0.5 / area.scale + 0.5


def test_a_part_of_a_picture():
    """200 x 100 pixels, from 100 and 40 on, in a square of 100: half as large, 25 rows of padding above."""
    area = PictureArea.of_part((100, 40, 299, 139), 100)
    assert (area.width, area.height, area.scale, area.edges) == (200, 100, 0.5, (0, 25, 100, 75))
    assert area.to_network([[120, 60, 140, 80]]).tolist() == [[10, 35, 20, 45]]
    assert area.to_picture([[10, 35, 20, 45]]).tolist() == [[120, 60, 140, 80]]
    assert area.to_picture([[-5, 20, 500, 500]]).tolist() == [[100, 40, 299, 139]]
