"""Regions of a picture that is looked at several times, smaller each time: one network finds small and large objects.

A network whose header has `sides` (`fastRCNN.network.rpn_spec`) has learnt what objects of about one size look like.
The picture is scaled until its longer side has each of these lengths in turn, and laid on grey with a margin. What is
found at all sizes is put in one order, in which a box comes later the more it overlaps one before it: whoever takes few
boxes gets many places, and whoever takes many also boxes that lie better (benchmarks/ROIS.md).

Letters in shapes: P proposals.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from fastRCNN.boxes.nms import nms
from fastRCNN.boxes.spread import spread
from fastRCNN.engines import Engine
from fastRCNN.network.spec import NetworkSpec
from fastRCNN.rpn.picture_area import PictureArea
from fastRCNN.rpn.proposals import Proposals
from fastRCNN.rpn.propose import propose_rois, rules_of
from helpers.errors import UserError
from helpers.images import PAD_VALUE, require_picture

SAME = 0.85  # of two boxes that overlap more, the less certain one is dropped
MARGIN = 24  # pixels of grey around the picture: a trunk without padding sees its edges too
# What a score at the largest size counts: there a box overlaps an object 3/4 of what the same score means at the other
# sizes, on drawn scenes that were not trained on (resources/train_proposals/promised.py)
LARGEST = 0.75


def propose_at_sizes(engine: Engine, image: NDArray[np.uint8], spec: NetworkSpec) -> Proposals:
    """Return the proposals for `image` (H, W, 3) uint8 BGR by the network of `engine`, whose header is `spec`.

    boxes: (P, 4) float64, whole pixels of the picture, in the order of `fastRCNN.boxes.spread`. scores: (P,), from 0 to
    1, those of the largest size lowered. Raises `UserError` where the network does not say at which sizes it looks.
    """
    if spec.rpn is None or not spec.rpn.sides:
        raise UserError("this network does not propose regions at several sizes of a picture")
    require_picture(image)
    boxes, scores = [], []
    for side in spec.rpn.sides:
        found = propose_at_size(engine, image, spec, side)
        boxes.append(found.boxes)
        scores.append(found.scores * (LARGEST if side == max(spec.rpn.sides) else 1))
    merged, chances = np.concatenate(boxes), np.concatenate(scores)
    order = np.argsort(-chances, kind="stable")[: spec.rpn.before_nms * 2]
    merged, chances = merged[order], chances[order]
    apart = nms(merged, -np.arange(len(merged)), threshold=SAME)
    keep = apart[spread(merged[apart], chances[apart], most=spec.rpn.after_nms)]
    return Proposals(merged[keep], chances[keep])


def propose_at_size(engine: Engine, image: NDArray[np.uint8], spec: NetworkSpec, side: int) -> Proposals:
    """Return what is found in `image` with its longer side scaled to `side` pixels, best first: boxes (P, 4) float64,
    whole pixels of `image`; of boxes that are nearly the same (`SAME`) only the best.
    """
    shrunk, area = on_grey(image, side)
    rules = rules_of(spec, area, nms_threshold=SAME)
    found = propose_rois(engine, engine.feature_map([shrunk]), [area], spec, rules=rules)[0]
    return Proposals(area.to_picture(found.boxes).astype(np.float64), found.scores)


def on_grey(image: NDArray[np.uint8], side: int) -> tuple[NDArray[np.uint8], PictureArea]:
    """Return `image` with its longer side scaled to `side` pixels, on grey, and where it lies there."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    shrunk = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    grey = np.full((size[1] + 2 * MARGIN, size[0] + 2 * MARGIN, 3), PAD_VALUE, np.uint8)
    grey[MARGIN:-MARGIN, MARGIN:-MARGIN] = shrunk
    return grey, PictureArea(width, height, scale, MARGIN, MARGIN)
