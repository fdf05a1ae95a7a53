"""A picture as the network sees it: whole in its padded square and, where it is cut, tile by tile.

Letters in shapes: S side of the padded square, R ROIs, T tiles, D numbers for a ROI.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastRCNN.boxes.tiles import WHOLE, Tiling, best_tiles
from fastRCNN.engines import Engine
from fastRCNN.rpn.picture_area import PictureArea
from helpers.boxes import as_boxes
from helpers.images import pad_to_square


@dataclass(frozen=True, eq=False)
class SeenPicture:
    """`padded` (S, S, 3) uint8: the whole picture in its square. area: where it lies there.

    image: (H, W, 3), what tiles are cut from, one when it is its turn; None, and no tiles (T, 4), where it is not cut.
    """

    padded: NDArray[np.uint8]
    area: PictureArea
    image: NDArray[np.uint8] | None
    tiles: NDArray[np.int64]

    @classmethod
    def of(cls, image: NDArray[np.uint8], pad_size: int, tiling: Tiling | None = None) -> "SeenPicture":
        """Return how the network sees `image` (H, W, 3) uint8 BGR in a square of `pad_size` pixels."""
        height, width = image.shape[:2]
        padded, _ = pad_to_square(image, pad_size)
        tiles = (tiling or Tiling()).boxes(width, height, pad_size)
        return cls(padded, PictureArea.of(width, height, pad_size), image if len(tiles) else None, tiles)

    def view(self, number: int) -> tuple[NDArray[np.uint8], PictureArea]:
        """Return tile `number`, with `WHOLE` the picture, in its padded square (S, S, 3), and where it lies there."""
        if number == WHOLE:
            return self.padded, self.area
        assert self.image is not None
        left, top, right, bottom = self.tiles[number].tolist()
        padded, _ = pad_to_square(self.image[top : bottom + 1, left : right + 1], len(self.padded))
        return padded, PictureArea.of_part((left, top, right, bottom), len(self.padded))

    def views(self) -> Iterator[tuple[NDArray[np.uint8], PictureArea]]:
        """Yield the whole picture, then its tiles, each made when it is its turn."""
        return map(self.view, range(WHOLE, len(self.tiles)))


def embed_in_tiles(engine: Engine, seen: SeenPicture, rois: ArrayLike) -> NDArray[np.float32]:
    """Return (R, D) float32 for `rois` (R, 4) x1 y1 x2 y2 in pixels of the picture: each from the tile that shows it
    best (`fastRCNN.boxes.tiles.best_tiles`), or from the whole picture.

    The network sees as many tiles at a time as suit it, and none that shows no ROI best.
    """
    rois = as_boxes(rois)
    rows = np.zeros((len(rois), engine.feature_dimension), np.float32)
    tile_of = best_tiles(rois, seen.tiles)
    numbers = np.unique(tile_of).tolist()
    for start in range(0, len(numbers), engine.at_once):
        some = numbers[start : start + engine.at_once]
        mine = [np.flatnonzero(tile_of == number) for number in some]
        views = [seen.view(number) for number in some]
        placed = [area.to_network(rois[of_one]).astype(np.float32)
                  for of_one, (_, area) in zip(mine, views, strict=True)]  # fmt: skip
        found = engine.embed([padded for padded, _ in views], placed)
        for of_one, of_view in zip(mine, found, strict=True):
            rows[of_one] = of_view
    return rows
