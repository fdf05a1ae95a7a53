"""Pictures of miniature data sets: boxes inside them, and the same call gives the same picture."""

import numpy as np

from resources.miniature_sets.pictures import draw_picture


def test_boxes_lie_inside() -> None:
    for index in range(20):
        drawn = draw_picture(20, seed=1, index=index)
        height, width = drawn.image.shape[:2]
        assert drawn.image.dtype == np.uint8 and max(width, height) == 250
        assert (drawn.boxes >= 0).all() and (drawn.boxes[:, 2] < width).all() and (drawn.boxes[:, 3] < height).all()
        assert (drawn.boxes[:, 2:] > drawn.boxes[:, :2]).all() and len(drawn.boxes) >= 2
        assert set(drawn.classes) <= {(3 * index + k) % 20 for k in range(4)}


def test_a_size_can_be_asked_for_and_the_same_call_gives_the_same() -> None:
    first, again = (draw_picture(5, seed=2, index=3, size=(90, 70)) for _ in range(2))
    assert first.image.shape == (70, 90, 3)
    assert (first.image == again.image).all() and (first.boxes == again.boxes).all()
    assert not (draw_picture(5, seed=3, index=3, size=(90, 70)).image == first.image).all()
