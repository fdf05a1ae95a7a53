"""Edges to whole pixels, as stated in docs/ANNOTATION_FORMATS.md; the column order is tested in test_vott.py."""

import pytest

from data.annotation_formats.bbox_files import as_pixels
from data.annotation_formats.record import Box


@pytest.mark.parametrize(
    ("edges", "pixels"),
    [
        ((0, 0, 1, 1), (0, 0, 0, 0)),
        ((0, 0, 640, 480), (0, 0, 639, 479)),
        ((1.4, 2.5, 11.4, 22.5), (1, 3, 10, 22)),
        ((1.5, 2.4999, 11.5, 22.51), (2, 2, 11, 22)),
        ((-0.4, -0.6, 3, 3), (0, -1, 2, 2)),
    ],
)
def test_each_edge_to_the_nearest_halves_up(edges: tuple[float, ...], pixels: tuple[int, ...]) -> None:
    assert as_pixels(Box("a", *edges)) == pixels
