"""Overlapping square tiles of a large picture, and which of them shows a ROI best.

A picture is scaled to fit the network's square, so that small things in large pictures become a few pixels. A tile is
scaled less. Neighbours overlap, so that what lies on a border of one is whole in another: everything whose sides are
at most `overlap` times a tile's. Letters in shapes: T tiles, R ROIs.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.boxes import as_boxes

WHOLE = -1  # in the place of a tile's number: the whole picture


@dataclass(frozen=True)
class Tiling:
    """How pictures are cut. number: tiles along the longer side, 1 for none; "auto": so many that no pixel is scaled.

    overlap: part of a tile that its neighbour shows as well.
    """

    number: int | str = 1
    overlap: float = 0.25

    def __post_init__(self) -> None:
        if not (self.number == "auto" or (isinstance(self.number, int) and self.number >= 1)):
            raise ValueError(f"number: expected 'auto' or a whole number from 1 on, got {self.number!r}")
        if not 0 <= self.overlap < 1:
            raise ValueError(f"overlap: expected 0 or more and less than 1, got {self.overlap}")

    @property
    def cuts(self) -> bool:
        """Whether there can be tiles."""
        return self.number != 1

    def side(self, width: int, height: int, pad_size: int) -> int:
        """Return the side of a tile in pixels of a picture of `width` x `height`; its longer side: it is not cut.

        pad_size: side of the network's square.
        """
        longest = max(width, height)
        if isinstance(self.number, str):
            return min(longest, pad_size)
        covered = self.number - (self.number - 1) * self.overlap  # by so many in a row, in sides of one
        return min(longest, int(np.ceil(longest / covered)))

    def boxes(self, width: int, height: int, pad_size: int) -> NDArray[np.int64]:
        """Return the tiles (T, 4) x1 y1 x2 y2, inclusive pixels, row by row; none where the picture is not cut.

        They are squares, as the network's picture is one, spread evenly along each side; where the picture is narrower
        than that, they are as narrow. 1000 x 600 pixels, two along the longer side, a quarter shown twice:

        >>> Tiling(2).boxes(1000, 600, 640).tolist()
        [[0, 0, 571, 571], [428, 0, 999, 571], [0, 28, 571, 599], [428, 28, 999, 599]]
        """
        side = self.side(width, height, pad_size)
        if side >= max(width, height):
            return np.zeros((0, 4), np.int64)
        wide, high = min(side, width), min(side, height)
        lefts, tops = (_starts(length, side, self.overlap) for length in (width, height))
        return np.array([[left, top, left + wide - 1, top + high - 1] for top in tops for left in lefts], np.int64)


def _starts(length: int, side: int, overlap: float) -> list[int]:
    """Return where tiles of `side` pixels begin along `length` pixels."""
    if length <= side:
        return [0]
    step = max(1.0, side * (1 - overlap))
    count = int(np.ceil((length - side) / step - 1e-9)) + 1
    starts: list[int] = np.rint(np.linspace(0, length - side, count)).astype(int).tolist()
    return starts


def best_tiles(rois: ArrayLike, tiles: ArrayLike) -> NDArray[np.int64]:
    """Return for each of `rois` (R, 4) the number of the tile (T, 4) that shows it best, (R,); `WHOLE` for none.

    It shows the whole ROI and has its centre nearest to the ROI's, so that most of what is around is seen; of equal
    ones the first.
    """
    rois, tiles = as_boxes(rois), as_boxes(tiles)
    if len(tiles) == 0 or len(rois) == 0:
        return np.full(len(rois), WHOLE)
    inside = (rois[:, None, :2] >= tiles[:, :2]).all(axis=2) & (rois[:, None, 2:] <= tiles[:, 2:]).all(axis=2)
    between = (rois[:, None, :2] + rois[:, None, 2:] - tiles[:, :2] - tiles[:, 2:]) / 2
    distances = np.where(inside, (between**2).sum(axis=2), np.inf)
    return np.where(np.isfinite(distances.min(axis=1)), distances.argmin(axis=1), WHOLE)
