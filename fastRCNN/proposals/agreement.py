"""Boxes of Selective Search and of a network together: `ss_method = "rpn+fast"`.

A network knows which boxes show something, Selective Search where edges run; what both say is more often right. So a
box of the network counts more where a box of Selective Search lies on it, a box of Selective Search as much as the
network agrees with it:

    the network's 300 surest     objectness + 0.25 * (largest IoU with a box of Selective Search) ^ 4
    its other boxes              objectness
    Selective Search's           the largest objectness * IoU ^ 2 over the network's 300 surest

and the first thousand stand in the order of `fastRCNN.boxes.spread`: of boxes that overlap much, one comes first and
the others later. The rest follows by those numbers alone. They were chosen on training pictures of four sets
(resources/train_proposals/README.md). Letters in shapes: N boxes of Selective Search, R of the network.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastRCNN.boxes.spread import spread
from helpers.boxes import as_boxes, iou_matrix

JUDGES = 300
EDGES = 0.25
EDGE_POWER = 4
AGREED_POWER = 2
FIRST = 1000  # in the order of `spread`, whose time grows with their number; step 1 takes as many (ss_maxRois)


def ranked_together(searched: ArrayLike, proposed: ArrayLike, objectness: ArrayLike) -> NDArray[np.float64]:
    """Return all boxes (N + R, 4), the ones most likely to be of use first.

    searched: (N, 4); proposed: (R, 4); objectness: (R,), from 0 to 1. What one source alone gives stays in its order.
    """
    searched, proposed, chances = as_boxes(searched), as_boxes(proposed), np.array(objectness, np.float64)
    if len(searched) == 0 or len(proposed) == 0:
        return np.concatenate([searched, proposed])
    surest = np.argsort(-chances, kind="stable")[:JUDGES]
    overlaps = iou_matrix(searched, proposed[surest])
    agreed = (overlaps**AGREED_POWER * chances[surest]).max(axis=1)
    chances[surest] += EDGES * overlaps.max(axis=0) ** EDGE_POWER
    boxes, worth = np.concatenate([proposed, searched]), np.concatenate([chances, agreed])
    first = spread(boxes, worth, most=FIRST)
    order = np.argsort(-worth, kind="stable")
    return boxes[np.concatenate([first, order[~np.isin(order, first)]])]
