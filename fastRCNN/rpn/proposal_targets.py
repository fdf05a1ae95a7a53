"""Which proposals the detector learns from, and what each of them shows.

The rules of Fast R-CNN (section 2.3; CNTK's `ProposalTargetLayer`, py-faster-rcnn `proposal_target_layer.py`):

1. The annotated boxes join the proposals.
2. A proposal shows the object that it overlaps most, when by `foreground_overlap` or more; below `background_overlaps`
   (from, up to) it is background.
3. `batch_size` are drawn, at most `foreground_fraction` of them objects; fewer where there are fewer.

Added to the published rules: a picture without objects gives background only, and proposals that overlap a box that
does not count by `foreground_overlap` or more are no background. Letters in shapes: P proposals, G objects, I boxes
that do not count, n drawn.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastRCNN.boxes.box_regression import best_objects, box_targets
from fastRCNN.rpn.sampling import draw
from helpers.boxes import as_boxes, iou_matrix


@dataclass(frozen=True)
class ProposalTargetRules:
    """The numbers of the rules, with the published values."""

    batch_size: int = 128
    foreground_fraction: float = 0.25
    foreground_overlap: float = 0.5
    background_overlaps: tuple[float, float] = (0.0, 0.5)  # from, up to


@dataclass(frozen=True, eq=False)
class ProposalTargets:
    """rois: (n, 4) float64, objects first. labels: (n,) int64. targets: (n, 4) float32; both 0 for background."""

    rois: NDArray[np.float64]
    labels: NDArray[np.int64]
    targets: NDArray[np.float32]


def proposal_targets(
    proposals: ArrayLike,
    objects: ArrayLike,
    classes: ArrayLike,
    rng: np.random.Generator | None,
    *,
    ignored: ArrayLike = (),
    rules: ProposalTargetRules | None = None,
) -> ProposalTargets:
    """Return what is drawn of `proposals` (P, 4) and `objects` (G, 4) of `classes` (G,) int from 1 on.

    Boxes are x1 y1 x2 y2 in the network's picture. ignored: (I, 4) boxes that count neither way. rng: draws; None takes
    the first ones of each kind.
    """
    rules = rules or ProposalTargetRules()
    objects, classes = as_boxes(objects), np.asarray(classes, np.int64)
    rois = np.concatenate([as_boxes(proposals), objects])
    best, overlaps = best_objects(rois, objects)
    low, high = rules.background_overlaps
    not_counted = iou_matrix(rois, ignored).max(axis=1, initial=0.0) >= rules.foreground_overlap
    shown = np.flatnonzero((overlaps >= rules.foreground_overlap) & (len(objects) > 0))
    empty = np.flatnonzero((overlaps >= low) & (overlaps < high) & ~not_counted)
    shown = draw(shown, round(rules.batch_size * rules.foreground_fraction), rng)
    empty = draw(empty, rules.batch_size - len(shown), rng)
    chosen = np.concatenate([shown, empty])
    labels, targets = np.zeros(len(chosen), np.int64), np.zeros((len(chosen), 4), np.float32)
    if len(shown):
        labels[: len(shown)] = classes[best[shown]]
        targets[: len(shown)] = box_targets(rois[shown], objects[best[shown]])
    return ProposalTargets(rois[chosen], labels, targets)
