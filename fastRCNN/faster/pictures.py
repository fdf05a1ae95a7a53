"""Annotated pictures, and how they and their boxes lie in the network's square. How they are changed: `changes.py`.

What is cut off a box decides whether it still is an object: with less than `_LEAST_SEEN` of it in view it counts
neither way. Letters in shapes: S side of the square, G objects, I boxes that do not count, P proposals.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fastRCNN.boxes.tiles import Tiling
from fastRCNN.nn.sampling import flipped_rois
from helpers.boxes import areas
from helpers.images import image_size, pad_to_square, read_part

_LEAST_SEEN = 0.5  # of an object's area


@dataclass(frozen=True, eq=False)
class AnnotatedPicture:
    """One picture to learn from.

    objects: (G, 4) float64 x1 y1 x2 y2, inclusive pixels of the upright original picture. classes: (G,) int64 from 1
    on. ignored: (I, 4), boxes that count neither way. A picture without objects shows background only. proposals:
    (P, 4), where the detector shall learn from given ones. part: x1 y1 x2 y2 of the picture, where that is all there is
    to see: a tile of it, whose pixels all boxes are in.
    """

    path: Path
    objects: NDArray[np.float64]
    classes: NDArray[np.int64]
    ignored: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 4)))
    proposals: NDArray[np.float64] | None = None
    part: tuple[int, int, int, int] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels; reads the picture's header where it is whole."""
        if self.part is None:
            return image_size(self.path)
        left, top, right, bottom = self.part
        return right - left + 1, bottom - top + 1

    def __post_init__(self) -> None:
        if self.objects.shape != (len(self.classes), 4) or self.ignored.ndim != 2 or self.ignored.shape[1] != 4:
            raise ValueError(
                f"{self.path}: expected objects (G, 4), classes (G,) and ignored (I, 4), got {self.objects.shape}, "
                f"{self.classes.shape} and {self.ignored.shape}"
            )


@dataclass(frozen=True, eq=False)
class PaddedPicture:
    """A picture as the network sees it; all boxes in its pixels.

    pixels: (S, S, 3) uint8 BGR. objects: (G, 4). classes: (G,). ignored: (I, 4). area: left, top, right, bottom of the
    picture inside its padding, right and bottom exclusive. scale, offset: `padded = original * scale + offset`, before
    any mirroring. proposals: (P, 4), or None where there are none yet.
    """

    pixels: NDArray[np.uint8]
    objects: NDArray[np.float64]
    classes: NDArray[np.int64]
    ignored: NDArray[np.float64]
    area: tuple[float, float, float, float]
    scale: float
    offset: tuple[float, float] = (0.0, 0.0)
    proposals: NDArray[np.float64] | None = None

    def in_original(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return `boxes` (n, 4) of this square in the original picture, which must not be mirrored here."""
        return (boxes - [*self.offset, *self.offset]) / self.scale


def as_it_is(picture: AnnotatedPicture, pad_size: int, *, flip: bool = False) -> PaddedPicture:
    """Return `picture` scaled to fit the square, centred, as the trained network will see pictures; or mirrored."""
    image = read_part(picture.path, picture.part)
    pixels, placement = pad_to_square(image, pad_size)
    height, width = image.shape[:2]
    view = View(placement.scale, placement.offset_x, placement.offset_y, width, height)
    return laid(picture, pixels, view, flip=flip)


@dataclass(frozen=True)
class View:
    """Where a picture of `width` x `height` pixels lies in its window: `window = original * scale + left, top`."""

    scale: float
    left: float
    top: float
    width: int
    height: int


def laid(picture: AnnotatedPicture, pixels: NDArray[np.uint8], view: View, *, flip: bool) -> PaddedPicture:
    """Return the window `pixels` (H, W, 3), mostly the whole square, with the boxes of `picture`; `flip`: mirrored."""
    high, wide = pixels.shape[:2]
    left, top = max(0, int(view.left)), max(0, int(view.top))
    right, bottom = (
        min(room, int(start) + round(side * view.scale))
        for room, start, side in ((wide, view.left, view.width), (high, view.top, view.height))
    )
    limits = [left, top, left, top], [right - 1, bottom - 1, right - 1, bottom - 1]

    def moved(boxes: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return boxes (n, 4) in the window, cut to what is seen, and how much of each that is (n,)."""
        whole = boxes * view.scale + [view.left, view.top, view.left, view.top]
        inside = (whole[:, :2] < [right, bottom]).all(axis=1) & (whole[:, 2:] >= [left, top]).all(axis=1)
        cut = np.clip(whole, *limits)
        seen = inside * areas(cut) / areas(whole)
        return (np.asarray(flipped_rois(cut, wide)) if flip else cut), np.minimum(seen, 1.0)

    objects, seen = moved(picture.objects)
    ignored, in_view = moved(picture.ignored)
    proposals = None
    if picture.proposals is not None:
        places, parts = moved(picture.proposals)
        proposals = places[parts >= _LEAST_SEEN]
    hidden = (seen > 0) & (seen < _LEAST_SEEN)
    return PaddedPicture(
        np.ascontiguousarray(pixels[:, ::-1]) if flip else pixels,
        objects[seen >= _LEAST_SEEN],
        picture.classes[seen >= _LEAST_SEEN],
        np.concatenate([ignored[in_view > 0], objects[hidden]]),
        (wide - right, top, wide - left, bottom) if flip else (left, top, right, bottom),
        view.scale,
        (view.left, view.top),
        proposals,
    )


def with_tiles(pictures: Sequence[AnnotatedPicture], tiling: Tiling, pad_size: int) -> list[AnnotatedPicture]:
    """Return `pictures`, each followed by its tiles, as pictures of their own; as they are where nothing is cut.

    Of an object that a tile cuts, what is seen counts as one, or neither way where that is too little.
    """
    if not tiling.cuts:
        return list(pictures)
    found = []
    for picture in pictures:
        found.append(picture)
        for tile in tiling.boxes(*picture.size, pad_size).tolist():
            objects, seen = _cut(picture.objects, tile)
            ignored, in_view = _cut(picture.ignored, tile)
            large = seen >= _LEAST_SEEN
            found.append(
                AnnotatedPicture(
                    picture.path, objects[large], picture.classes[large],
                    np.concatenate([ignored[in_view > 0], objects[(seen > 0) & ~large]]), part=tuple(tile),
                )
            )  # fmt: skip
    return found


def _cut(boxes: NDArray[np.float64], tile: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return boxes (n, 4) cut to a `tile` x1 y1 x2 y2, in its pixels, and how much of each is there (n,)."""
    left, top, right, bottom = tile
    inside = (boxes[:, :2] <= [right, bottom]).all(axis=1) & (boxes[:, 2:] >= [left, top]).all(axis=1)
    cut = np.clip(boxes, [left, top, left, top], [right, bottom, right, bottom])
    return cut - [left, top, left, top], inside * areas(cut) / areas(boxes)
