"""What a region proposal network makes of one picture, step by step, for pictures that explain (B2) and figures.

Letters in shapes: A anchors of a cell, H and W cells of the map, K = H * W * A anchors, P proposals, n drawn ROIs. All
boxes are x1 y1 x2 y2 in pixels of the padded square.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastRCNN.boxes.box_regression import decode
from fastRCNN.datasets.imdb import ImageRecord
from fastRCNN.engines import Engine
from fastRCNN.network.spec import NetworkSpec
from fastRCNN.rpn.anchor_targets import AnchorRules, AnchorTargets, anchor_targets
from fastRCNN.rpn.anchors import anchors_of_map
from fastRCNN.rpn.picture_area import PictureArea
from fastRCNN.rpn.proposal_targets import ProposalTargetRules, ProposalTargets, proposal_targets
from fastRCNN.rpn.proposals import Proposals
from fastRCNN.rpn.propose import objectness, rois_of_outputs, rules_of
from helpers.boxes import iou_matrix
from helpers.errors import UserError


@dataclass(frozen=True, eq=False)
class RegionsSeen:
    """One picture as training and detection see it."""

    padded: NDArray[np.uint8]  # (S, S, 3)
    edges: tuple[float, float, float, float]  # left, top, right, bottom of the picture in it, the latter exclusive
    objects: NDArray[np.float64]  # (G, 4)
    classes: NDArray[np.int64]  # (G,)
    anchors: NDArray[np.float64]  # (K, 4), by row, by cell, by anchor
    cells: tuple[int, int, int]  # H, W, A
    learnt: AnchorTargets  # what the anchors of one batch shall say
    objectness: NDArray[np.float64]  # (K,) what the trained network says
    before: Proposals  # moved and cut, before non-maximum suppression
    after: Proposals  # what is left of them
    drawn: ProposalTargets  # of which the detector learns from these, in one batch

    @property
    def goals(self) -> NDArray[np.float64]:
        """(n, 4): where each of the drawn ROIs shall go; background stays where it is."""
        return decode(self.drawn.rois, self.drawn.targets)

    def covered(self, threshold: float) -> int:
        """Return how many objects a proposal overlaps by `threshold` or more."""
        return int((iou_matrix(self.after.boxes, self.objects).max(axis=0, initial=0) >= threshold).sum())


@dataclass(frozen=True)
class SeenRules:
    """By which rules training draws anchors and proposals, and the seed of the draw."""

    anchors: AnchorRules
    proposals: ProposalTargetRules
    border: int = 0  # pixels that anchors that are learnt from may reach beyond the picture
    seed: int = 0


def look_at(
    engine: Engine,
    spec: NetworkSpec,
    padded: NDArray[np.uint8],
    record: ImageRecord,
    rules: SeenRules,
    *,
    compat: str = "corrected",
) -> RegionsSeen:
    """Return what the network of `spec`, run by `engine`, makes of the `padded` picture (S, S, 3) of `record`.

    `UserError` where that network does not propose regions.
    """
    if spec.rpn is None:
        raise UserError("this network does not propose regions: train one with --classifier faster")
    area = PictureArea.of(record.width, record.height, len(padded))
    scores, offsets = (of_all[0] for of_all in engine.regions(engine.feature_map([padded])))
    height, width = scores.shape[1:]
    anchors = anchors_of_map(np.array(spec.rpn.anchors), height, width, stride=spec.stride)
    objects, ignored = area.to_network(record.gt_boxes), area.to_network(record.ignored_boxes.boxes)
    rng = np.random.default_rng(rules.seed)
    left, top, right, bottom = area.edges
    beyond = (left - rules.border, top - rules.border, right + rules.border, bottom + rules.border)
    learnt = anchor_targets(anchors, objects, beyond, rng, ignored=ignored, rules=rules.anchors)
    chosen = rules_of(spec, area)
    all_of_them = rules_of(spec, area, nms_threshold=1.0, after_nms=chosen.before_nms)
    before, after = (
        rois_of_outputs(scores, offsets, area, spec, rules=each, compat=compat) for each in (all_of_them, chosen)
    )
    drawn = proposal_targets(after.boxes, objects, record.gt_classes, rng, ignored=ignored, rules=rules.proposals)
    return RegionsSeen(
        padded, area.edges, objects, record.gt_classes, anchors, (height, width, len(spec.rpn.anchors)), learnt,
        objectness(scores), before, after, drawn,
    )  # fmt: skip
