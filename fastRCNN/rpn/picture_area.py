"""Where a picture lies in the network's padded square, and boxes there and back."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.boxes import as_boxes
from helpers.images import square_placement


@dataclass(frozen=True)
class PictureArea:
    """A picture of `width` x `height` pixels, scaled by `scale`, that begins `left` and `top` pixels inside.

    Offsets can end in .5, as step 2's ROIs have them.
    """

    width: int
    height: int
    scale: float
    left: float = 0.0
    top: float = 0.0

    @classmethod
    def of(cls, width: int, height: int, pad_size: int) -> "PictureArea":
        """Return where `helpers.images.pad_to_square` puts a picture of that size."""
        place = square_placement(width, height, pad_size)
        return cls(width, height, place.scale, place.offset_x, place.offset_y)

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom in the padded square, right and bottom exclusive."""
        wide, high = (max(1, round(side * self.scale)) for side in (self.width, self.height))
        return self.left, self.top, self.left + wide, self.top + high

    def to_network(self, boxes: ArrayLike) -> NDArray[np.float64]:
        """Return `boxes` (N, 4) of the picture in the padded square, float64: corners scaled and rounded, then moved.

        The same as step 2's files hold (`fastRCNN.pipeline.cntk_inputs.relative_rois`).
        """
        return np.rint(as_boxes(boxes) * self.scale) + np.tile([self.left, self.top], 2)

    def to_picture(self, boxes: ArrayLike) -> NDArray[np.int32]:
        """Return `boxes` (N, 4) of the padded square in whole pixels of the picture, cut to it: (N, 4) int32."""
        corners = np.rint((as_boxes(boxes) - np.tile([self.left, self.top], 2)) / self.scale)
        return np.clip(corners, 0, np.tile([self.width - 1, self.height - 1], 2)).astype(np.int32)
