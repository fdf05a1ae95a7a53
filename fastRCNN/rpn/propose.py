"""The ROIs that a network proposes for a picture, from the map that its trunk has made of it.

`propose_rois` asks an engine; `rois_of_outputs` begins with what the engine said, for whoever has that already.
Letters in shapes: B pictures, A anchors of a cell, C channels, H and W cells of the map, P proposals.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastRCNN.engines import Engine
from fastRCNN.network.spec import NetworkSpec
from fastRCNN.rpn.anchors import anchors_of_map
from fastRCNN.rpn.picture_area import PictureArea
from fastRCNN.rpn.proposals import ProposalRules, Proposals, propose
from helpers.errors import UserError


def propose_rois(
    engine: Engine,
    maps: Any,
    areas: Sequence[PictureArea],
    spec: NetworkSpec,
    *,
    rules: ProposalRules | None = None,
    compat: str = "corrected",
) -> list[Proposals]:
    """Return the proposals for each of the pictures whose `maps` (B, C, H, W) `engine.feature_map` has made.

    areas: where each picture lies in its padded square. rules: see `rules_of`, which also makes them from `spec` where
    none are given. Raises `UserError` where the network of `spec` has no region proposal network.
    """
    scores, offsets = engine.regions(maps)
    return [
        rois_of_outputs(said, moves, area, spec, rules=rules, compat=compat)
        for said, moves, area in zip(scores, offsets, areas, strict=True)
    ]


def rois_of_outputs(
    scores: NDArray[np.float32],
    offsets: NDArray[np.float32],
    area: PictureArea,
    spec: NetworkSpec,
    *,
    rules: ProposalRules | None = None,
    compat: str = "corrected",
) -> Proposals:
    """Return the proposals of one picture: boxes (P, 4) float64 in its padded square, best first, and their scores.

    scores: (2 A, H, W) raw, of background and object (`fastRCNN.network.rpn_spec`). offsets: (4 A, H, W). The scores of
    the proposals are probabilities, (P,) float64.
    """
    if spec.rpn is None:
        raise UserError("this network does not propose regions: train one with --classifier faster")
    anchors = anchors_of_map(np.array(spec.rpn.anchors), *scores.shape[1:], stride=spec.stride)
    rules = rules or rules_of(spec, area)
    return propose(anchors, objectness(scores), by_anchor(offsets), area.edges, rules=rules, compat=compat)


def rules_of(spec: NetworkSpec, area: PictureArea, **changes: Any) -> ProposalRules:
    """Return the rules in the header of a network for a picture that lies in `area`: sides in the network's pixels.

    changes: fields of `ProposalRules` that shall be different, as in training.
    """
    if spec.rpn is None:
        raise UserError("this network does not propose regions: train one with --classifier faster")
    rpn = spec.rpn
    rules = ProposalRules(rpn.before_nms, rpn.after_nms, rpn.nms_threshold, rpn.min_side * area.scale)
    return dataclasses.replace(rules, **changes)


def objectness(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the probability (H * W * A,) float64 that an anchor shows an object, of raw `scores` (2 A, H, W).

    In the order of `fastRCNN.rpn.anchors.anchors_of_map`. float64 tells scores apart that float32 would round to 1.
    """
    background, shown = np.asarray(scores, np.float64).reshape(2, -1, *scores.shape[1:])
    with np.errstate(over="ignore"):
        chance = 1 / (1 + np.exp(background - shown))
    return chance.transpose(1, 2, 0).ravel()


def by_anchor(offsets: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return (H * W * A, 4) float64 of `offsets` (4 A, H, W)."""
    height, width = offsets.shape[1:]
    return np.asarray(offsets, np.float64).reshape(-1, 4, height, width).transpose(2, 3, 0, 1).reshape(-1, 4)
