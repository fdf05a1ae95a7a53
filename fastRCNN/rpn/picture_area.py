"""Where a picture, or a part of one, lies in the network's padded square, and boxes there and back."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.boxes import as_boxes
from helpers.images import square_placement


@dataclass(frozen=True)
class PictureArea:
    """A picture of `width` x `height` pixels, scaled by `scale`, that begins `left` and `top` pixels inside.

    Offsets can end in .5, as step 2's ROIs have them. x, y: of a part of a picture, where it begins in that: `width`
    and `height` are the part's, boxes those of the picture.
    """

    width: int
    height: int
    scale: float
    left: float = 0.0
    top: float = 0.0
    x: int = 0
    y: int = 0

    @classmethod
    def of(cls, width: int, height: int, pad_size: int) -> "PictureArea":
        """Return where `helpers.images.pad_to_square` puts a picture of that size."""
        place = square_placement(width, height, pad_size)
        return cls(width, height, place.scale, place.offset_x, place.offset_y)

    @classmethod
    def of_part(cls, box: tuple[int, int, int, int], pad_size: int) -> "PictureArea":
        """Return the same for a part of a picture, `box` x1 y1 x2 y2, cut out and padded by itself."""
        x, y, right, bottom = box
        place = square_placement(right - x + 1, bottom - y + 1, pad_size)
        return cls(right - x + 1, bottom - y + 1, place.scale, place.offset_x, place.offset_y, x, y)

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom in the padded square, right and bottom exclusive."""
        wide, high = (max(1, round(side * self.scale)) for side in (self.width, self.height))
        return self.left, self.top, self.left + wide, self.top + high

    def to_network(self, boxes: ArrayLike) -> NDArray[np.float64]:
        """Return `boxes` (N, 4) of the picture in the padded square, float64: corners scaled and rounded, then moved.

        The same as step 2's files hold (`fastRCNN.pipeline.cntk_inputs.relative_rois`).
        """
        begin = np.tile([self.x, self.y], 2)
        return np.rint((as_boxes(boxes) - begin) * self.scale) + np.tile([self.left, self.top], 2)

    def to_picture(self, boxes: ArrayLike) -> NDArray[np.int32]:
        """Return `boxes` (N, 4) of the padded square in whole pixels of the picture, cut to what is seen of it:
        (N, 4) int32."""
        corners = np.rint((as_boxes(boxes) - np.tile([self.left, self.top], 2)) / self.scale)
        inside = np.clip(corners, 0, np.tile([self.width - 1, self.height - 1], 2))
        return (inside + np.tile([self.x, self.y], 2)).astype(np.int32)
