"""In which order few boxes show much: after each box, the surest of those that do not repeat what has been taken.

Of boxes with scores, non-maximum suppression drops what overlaps a better box by more than a threshold. Where the boxes
are candidates, of which a user takes the first 50 or the first 1000, no threshold fits both: the few shall lie on
different places, the many shall also hold, for each place, boxes that lie better than its surest one. So nothing is
dropped here, and a box counts less the more it overlaps a box that comes before it. The idea is Soft-NMS's (Bodla,
Singh, Chellappa, Davis 2017); only the largest overlap counts here, since ten boxes before it on the same place do not
make a box worse than one. Letters in shapes: N boxes, K of them in order.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastRCNN.compiling import compiled
from helpers.boxes import as_boxes, iou_matrix


def spread(boxes: ArrayLike, scores: ArrayLike, *, most: int | None = None) -> NDArray[np.int64]:
    """Return the numbers, (K,) int64, of `boxes` (N, 4) in the order in which to take them; K = N, or `most`.

    Each time the box with the largest score * (1 - overlap ^ 3) comes next; overlap: its largest intersection over
    union with one that has been taken. scores: (N,), 0 or more; of equal ones the first comes first.

    The second overlaps the first by 8/12 and counts 0.8 * (1 - 0.30) = 0.56, less than the third:

    >>> spread([[0, 0, 9, 9], [2, 0, 11, 9], [50, 0, 59, 9]], [0.9, 0.8, 0.6]).tolist()
    [0, 2, 1]
    """
    boxes, scores = as_boxes(boxes), np.asarray(scores, np.float64)
    if scores.shape != (len(boxes),):
        raise ValueError(f"scores: expected one per box, shape {(len(boxes),)}, got {scores.shape}")
    return _spread(boxes, scores, len(boxes) if most is None else min(most, len(boxes)))


def _spread_numpy(boxes: NDArray, scores: NDArray, most: int) -> NDArray[np.int64]:
    """Return what `_spread` returns: slower, but there at once."""
    order, worth, nearest = np.empty(most, np.int64), scores.copy(), np.zeros(len(boxes))
    for place in range(most):
        best = order[place] = np.argmax(worth)
        np.maximum(nearest, iou_matrix(boxes[best : best + 1], boxes)[0], out=nearest)
        worth = scores * (1 - nearest * nearest * nearest)
        worth[order[: place + 1]] = -np.inf
    return order


@compiled(what="order of proposed regions", seconds=1, stand_in=_spread_numpy)
def _spread(boxes, scores, most):
    """Return the first `most` numbers of boxes (N, 4) in the order of `spread`."""
    count = len(boxes)
    left, top, right, bottom = boxes[:, 0].copy(), boxes[:, 1].copy(), boxes[:, 2] + 1, boxes[:, 3] + 1
    area = (right - left) * (bottom - top)
    order, worth, nearest = np.empty(most, np.int64), scores.copy(), np.zeros(count)
    for place in range(most):
        best = np.argmax(worth)
        order[place] = best
        for i in range(count):
            width = min(right[best], right[i]) - max(left[best], left[i])
            height = min(bottom[best], bottom[i]) - max(top[best], top[i])
            if width > 0 and height > 0:
                common = width * height
                overlap = common / (area[best] + area[i] - common)
                if overlap > nearest[i]:
                    nearest[i] = overlap
                    if worth[i] != -np.inf:
                        worth[i] = scores[i] * (1 - overlap * overlap * overlap)
        worth[best] = -np.inf
    return order
