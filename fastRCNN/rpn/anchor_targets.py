"""What each anchor shall say: object, background or nothing, and where its object lies.

The rules of Faster R-CNN (section 3.1.2; CNTK's `AnchorTargetLayer`, py-faster-rcnn `anchor_target_layer.py`):

1. Anchors that leave the picture say nothing.
2. An anchor whose best overlap with an object is below `negative_overlap` is background.
3. The anchors that overlap some object most (all on ties), and those that overlap any by `positive_overlap` or more,
   are objects, also where rule 2 said background. Their target is the object that they overlap most themselves.
4. Of more than `batch_size` only that many are learnt from, at most `foreground_fraction` of them objects.

Added to the published rules: a picture without objects is background everywhere (published code crashed), and anchors
that overlap a box that does not count by `negative_overlap` or more say nothing unless they are objects.
Letters in shapes: K anchors, G objects, I boxes that do not count.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastRCNN.boxes.box_regression import box_targets
from fastRCNN.rpn.sampling import draw
from helpers.boxes import as_boxes, iou_matrix

OBJECT, BACKGROUND, NOTHING = 1, 0, -1


@dataclass(frozen=True, eq=False)
class AnchorTargets:
    """labels: (K,) int8, 1 object, 0 background, -1 nothing. targets: (K, 4) float32 tx ty tw th, 0 unless object."""

    labels: NDArray[np.int8]
    targets: NDArray[np.float32]


@dataclass(frozen=True)
class AnchorRules:
    """The numbers of the rules, with the published values."""

    positive_overlap: float = 0.7
    negative_overlap: float = 0.3
    batch_size: int = 256
    foreground_fraction: float = 0.5


def anchor_targets(
    anchors: ArrayLike,
    objects: ArrayLike,
    area: tuple[float, float, float, float],
    rng: np.random.Generator | None,
    *,
    ignored: ArrayLike = (),
    rules: AnchorRules | None = None,
) -> AnchorTargets:
    """Return labels and targets of `anchors` (K, 4) for `objects` (G, 4), both x1 y1 x2 y2 in the network's picture.

    area: left, top, right, bottom of the picture inside its padding, right and bottom exclusive; an anchor is inside
    when all its pixels are. ignored: (I, 4) boxes that count neither way. rng: draws the batch; None drops surplus
    anchors from the first one on.
    """
    rules = rules or AnchorRules()
    anchors, objects = as_boxes(anchors), as_boxes(objects)
    labels = np.full(len(anchors), NOTHING, np.int8)
    targets = np.zeros((len(anchors), 4), np.float32)
    left, top, right, bottom = area
    within = (anchors[:, 0] >= left) & (anchors[:, 1] >= top) & (anchors[:, 2] < right) & (anchors[:, 3] < bottom)
    inside = np.flatnonzero(within)
    if len(inside) == 0:
        return AnchorTargets(labels, targets)
    overlaps = iou_matrix(objects, anchors[inside])  # (G, K): its maxima over few objects are many times as fast
    best = overlaps.max(axis=0, initial=0.0)
    said = np.where(best < rules.negative_overlap, BACKGROUND, NOTHING).astype(np.int8)
    not_counted = iou_matrix(ignored, anchors[inside]).max(axis=0, initial=0.0) >= rules.negative_overlap
    said[not_counted] = NOTHING
    if len(objects):
        most = overlaps.max(axis=1, keepdims=True)
        said[((overlaps == most) & (most > 0)).any(axis=0)] = OBJECT
        said[best >= rules.positive_overlap] = OBJECT
    said = _batch(said, rng, rules)
    labels[inside] = said
    shown = np.flatnonzero(said == OBJECT)
    if len(shown):
        targets[inside[shown]] = box_targets(anchors[inside[shown]], objects[overlaps[:, shown].argmax(axis=0)])
    return AnchorTargets(labels, targets)


def _batch(said: NDArray[np.int8], rng: np.random.Generator | None, rules: AnchorRules) -> NDArray[np.int8]:
    """Return `said` with what is more than a batch turned into nothing."""
    shown, empty = np.flatnonzero(said == OBJECT), np.flatnonzero(said == BACKGROUND)
    shown = draw(shown, int(rules.batch_size * rules.foreground_fraction), rng, last=True)
    empty = draw(empty, rules.batch_size - len(shown), rng, last=True)
    chosen = np.full_like(said, NOTHING)
    chosen[shown], chosen[empty] = OBJECT, BACKGROUND
    return chosen
