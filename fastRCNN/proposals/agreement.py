"""Boxes of Selective Search and of a network together: `ss_method = "rpn+fast"`.

Selective Search follows edges: its boxes lie well, but which of them show an object it hardly knows. A network knows
that better, and its boxes lie roughly. So a box of Selective Search counts as much as the network agrees with it:

    score = max over the network's 300 best boxes of objectness * IoU ^ 4

and the network's own boxes stand among them as if they overlapped themselves by a half only: where both have found an
object, the box that follows edges comes first. Near copies come last, one box of each place first.
Letters in shapes: N boxes of Selective Search, R of the network.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastRCNN.boxes.nms import nms
from helpers.boxes import as_boxes, iou_matrix

POWER = 4
JUDGES = 300
OWN_OVERLAP = 0.5
NEAR = 0.7  # of two boxes that overlap more, the lower-ranked one is a near copy


def ranked_together(
    searched: ArrayLike, proposed: ArrayLike, objectness: ArrayLike, *, near: float = NEAR
) -> NDArray[np.float64]:
    """Return all boxes (N + R, 4), the ones most likely to be of use first.

    searched: (N, 4); proposed: (R, 4), best first; objectness: (R,) probabilities.
    """
    searched, proposed, chances = as_boxes(searched), as_boxes(proposed), np.asarray(objectness, np.float64)
    if len(searched) == 0 or len(proposed) == 0:
        return np.concatenate([searched, proposed])
    agreed = (iou_matrix(searched, proposed[:JUDGES]) ** POWER * chances[:JUDGES]).max(axis=1)
    boxes = np.concatenate([searched, proposed])
    boxes = boxes[np.argsort(-np.concatenate([agreed, chances * OWN_OVERLAP**POWER]), kind="stable")]
    first = np.zeros(len(boxes), bool)
    first[nms(boxes, -np.arange(len(boxes)), threshold=near)] = True
    return np.concatenate([boxes[first], boxes[~first]])
