"""Training pictures in tiles: the network learns from each ROI where step 3 and the detector will look at it.

Letters in shapes: R ROIs of a picture.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from fastRCNN.boxes.tiles import WHOLE, Tiling, best_tiles
from fastRCNN.nn.sampling import TrainingPicture
from fastRCNN.pipeline.cntk_inputs import CntkRecord
from fastRCNN.rpn.picture_area import PictureArea
from helpers.images import image_size


def in_tiles(
    pictures: Sequence[TrainingPicture], records: Sequence[CntkRecord], tiling: Tiling, *, pad_size: int
) -> list[TrainingPicture]:
    """Return `pictures` with each tile that shows some ROI best as a picture of its own, and what is left of the whole.

    records: those that the pictures were made of, with `boxes`; in the same order.
    """
    found = []
    for picture, record in zip(pictures, records, strict=True):
        assert record.boxes is not None
        boxes = record.boxes[record.labels >= 0]  # the others are not learnt from
        tiles = tiling.boxes(*image_size(picture.path), pad_size)
        tile_of = best_tiles(boxes, tiles)
        for number in np.unique(tile_of).tolist():
            mine = tile_of == number
            view = _only(picture, mine)
            if number != WHOLE:
                left, top, right, bottom = tiles[number].tolist()
                part = (left, top, right, bottom)
                placed = PictureArea.of_part(part, pad_size).to_network(boxes[mine]).astype(np.float32)
                view = dataclasses.replace(view, rois=placed, part=part)
            found.append(view)
    return found


def _only(picture: TrainingPicture, which: np.ndarray) -> TrainingPicture:
    """Return `picture` with `which` (R,) of its ROIs."""
    return dataclasses.replace(
        picture, rois=picture.rois[which], labels=picture.labels[which],
        targets=None if picture.targets is None else picture.targets[which],
        overlaps=None if picture.overlaps is None else picture.overlaps[which],
    )  # fmt: skip
