"""From the scores and moves of all anchors to a few hundred boxes worth a look.

The steps of CNTK's `ProposalLayer` and py-faster-rcnn's `proposal_layer.py`:

1. Move the anchors, and cut them to the picture inside its padding.
2. Drop boxes with a side below `min_side` pixels.
3. Keep the `before_nms` best scores; of equal ones the later first.
4. Non-maximum suppression at `nms_threshold`.
5. Keep the `after_nms` best.

Where ours differs: published code puts a moved box's right and lower side one pixel too far, and does not limit how
much larger than its anchor a box may become; `compat="tutorial"` repeats both, and drops boxes whose overlap is just
the threshold, too. Published code fills up to `after_nms` with boxes 0 0 0 0; we return fewer. Letters in shapes: K
anchors, P proposals.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastRCNN.boxes.box_regression import decode
from fastRCNN.boxes.nms import nms
from helpers.boxes import as_boxes, widths_heights


@dataclass(frozen=True)
class ProposalRules:
    """The numbers of the steps; the defaults are the published ones for testing (training: 12000 and 2000)."""

    before_nms: int = 6000
    after_nms: int = 300
    nms_threshold: float = 0.7
    min_side: float = 16.0  # pixels of the network's picture


@dataclass(frozen=True, eq=False)
class Proposals:
    """boxes: (P, 4) float64 x1 y1 x2 y2 in the network's picture, best first. scores: (P,), as they were given."""

    boxes: NDArray[np.float64]
    scores: NDArray[np.floating]


def propose(
    anchors: ArrayLike,
    scores: ArrayLike,
    offsets: ArrayLike,
    area: tuple[float, float, float, float],
    *,
    rules: ProposalRules | None = None,
    compat: str = "corrected",
) -> Proposals:
    """Return the proposals for `anchors` (K, 4) with objectness `scores` (K,) and `offsets` (K, 4) tx ty tw th.

    area: left, top, right, bottom of the picture inside its padding, right and bottom exclusive. Anchors whose score or
    offsets are not finite are dropped. Raises ValueError when the arrays do not belong together.
    """
    rules = rules or ProposalRules()
    anchors, scores, offsets = as_boxes(anchors), np.asarray(scores), as_boxes(offsets)
    if scores.shape != (len(anchors),) or len(offsets) != len(anchors):
        raise ValueError(
            f"expected a score and 4 offsets for {len(anchors)} anchors, got {scores.shape}, {offsets.shape}"
        )
    numbers = np.isfinite(offsets)  # column by column: many times as fast as all(axis=1)
    finite = np.flatnonzero(np.isfinite(scores) & numbers[:, 0] & numbers[:, 1] & numbers[:, 2] & numbers[:, 3])
    move = _decode_as_published if compat == "tutorial" else decode
    left, top, right, bottom = area
    ranked = finite[np.argsort(scores[finite], kind="stable")[::-1]]
    for best in (ranked[: 2 * rules.before_nms], ranked):  # mostly the first have enough that are large
        boxes = move(anchors[best], offsets[best])
        boxes = np.clip(boxes, [left, top, left, top], [right - 1, bottom - 1, right - 1, bottom - 1])
        widths, heights = widths_heights(boxes)
        large = np.flatnonzero((widths >= rules.min_side) & (heights >= rules.min_side))[: rules.before_nms]
        if len(large) == rules.before_nms:
            break
    boxes, scores = boxes[large], scores[best[large]]
    threshold = float(np.nextafter(rules.nms_threshold, 0)) if compat == "tutorial" else rules.nms_threshold
    rank = np.arange(len(boxes), 0, -1)  # ties have been broken above
    keep = nms(boxes, rank, threshold=threshold)[: rules.after_nms]
    return Proposals(boxes[keep], scores[keep])


def _decode_as_published(anchors: NDArray[np.float64], offsets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the moved boxes as `bbox_transform_inv` does: not minus 1, and no limit."""
    sizes = np.stack(widths_heights(anchors), axis=1)
    centres = anchors[:, :2] + sizes / 2 + offsets[:, :2] * sizes
    with np.errstate(over="ignore"):
        half = np.exp(offsets[:, 2:]) * sizes / 2
    return np.concatenate([centres - half, centres + half], axis=1)
