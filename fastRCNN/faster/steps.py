"""One picture, forward: its anchors' targets, its proposals and what they show, and the four losses.

The steps of Ren, He, Girshick, Sun: Faster R-CNN (2015), approximate joint training: proposals are given, no gradient
goes through their coordinates. Letters in shapes: K anchors, P proposals, n ROIs that are learnt from.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from fastRCNN.boxes.box_regression import best_objects
from fastRCNN.engines.torch_device import exact_products
from fastRCNN.faster.network import BOX_DEVIATION, FasterNetwork
from fastRCNN.faster.pictures import PaddedPicture
from fastRCNN.faster.recipe import FasterTraining
from fastRCNN.nn.losses import roi_losses
from fastRCNN.rpn.anchor_targets import anchor_targets
from fastRCNN.rpn.anchors import anchors_of_map
from fastRCNN.rpn.losses import objectness_loss, offset_loss
from fastRCNN.rpn.proposal_targets import ProposalTargets, proposal_targets
from fastRCNN.rpn.proposals import ProposalRules, Proposals, propose

LOSSES = ("rpn_cls", "rpn_box", "cls", "box")
COVERED = 0.5  # overlap of a proposal with an object that counts as found


@dataclass(frozen=True, eq=False)
class PictureLosses:
    """losses: the four by name, scalars; those of a part that does not learn are missing. wrong, rois: of the ROIs
    learnt from, how many are of another class, and how many there are. covered, objects: of the objects, how many a
    proposal overlaps by `COVERED`, and how many there are."""

    losses: dict[str, torch.Tensor]
    wrong: int = 0
    rois: int = 0
    covered: int = 0
    objects: int = 0


def picture_losses(
    net: FasterNetwork,
    picture: PaddedPicture,
    rng: np.random.Generator,
    recipe: FasterTraining,
    *,
    rpn: bool = True,
    detector: bool = True,
) -> PictureLosses:
    """Return the losses of `picture`, with gradients. Which parts learn: the `rpn`, the `detector`, or both.

    With `picture.proposals` the detector learns from those, else from what the RPN proposes just now.
    """
    feature_map = net.map(net.frozen_map(picture.pixels))
    losses: dict[str, torch.Tensor] = {}
    boxes = picture.proposals
    if rpn or boxes is None:
        scores, offsets = net.regions(feature_map)
        anchors = map_anchors(net, feature_map)
        if rpn:
            losses |= _rpn_losses(net, picture, rng, recipe, anchors, scores, offsets)
        if boxes is None:
            rules = recipe.proposal_rules(picture.scale)
            boxes = proposals_of(anchors, scores, offsets, picture, recipe, rules=rules).boxes
    assert boxes is not None
    covered = int((best_objects(picture.objects, boxes)[1] >= COVERED).sum())
    if not detector:
        return PictureLosses(losses, covered=covered, objects=len(picture.objects))
    chosen = proposal_targets(
        boxes, picture.objects, picture.classes, rng, ignored=picture.ignored, rules=recipe.target_rules
    )
    if recipe.compat == "tutorial":
        chosen = filled(chosen, recipe.faster_roisPerImage)
    if len(chosen.rois) == 0:
        return PictureLosses(losses, covered=covered, objects=len(picture.objects))
    labels = torch.from_numpy(chosen.labels).to(net.device)
    targets = torch.from_numpy((chosen.targets / BOX_DEVIATION).astype(np.float32)).to(net.device)
    of_rois = roi_losses(*net.outputs(feature_map, chosen.rois), labels, targets, sigma=recipe.faster_sigma)
    losses |= {"cls": of_rois.classes.mean(), "box": of_rois.boxes.sum() / len(labels)}
    return PictureLosses(losses, int(of_rois.wrong.sum()), len(labels), covered, len(picture.objects))


def map_anchors(net: FasterNetwork, feature_map: torch.Tensor) -> NDArray[np.float64]:
    """Return the (K, 4) anchors of a map (1, C, H, W)."""
    height, width = feature_map.shape[2:]
    return anchors_of_map(np.array(net.rpn.anchors, np.float64), height, width, stride=net.spec.stride)


def proposals_of(
    anchors: NDArray[np.float64],
    scores: torch.Tensor,
    offsets: torch.Tensor,
    picture: PaddedPicture,
    recipe: FasterTraining,
    *,
    rules: ProposalRules,
) -> Proposals:
    """Return the proposals for what the RPN said of all anchors: scores (K, 2), offsets (K, 4)."""
    with torch.no_grad():
        objectness = scores.softmax(dim=1)[:, 1] if recipe.compat == "tutorial" else scores[:, 1] - scores[:, 0]
        said, moves = objectness.cpu().numpy(), offsets.detach().cpu().numpy()
    return propose(anchors, said, moves, picture.area, rules=rules, compat=recipe.compat)


def proposals_on(
    net: FasterNetwork, picture: PaddedPicture, recipe: FasterTraining, *, rules: ProposalRules
) -> Proposals:
    """Return what the RPN proposes on `picture`."""
    with torch.no_grad(), exact_products(net.device, net.precision):
        feature_map = net.map(net.frozen_map(picture.pixels))
        return proposals_of(map_anchors(net, feature_map), *net.regions(feature_map), picture, recipe, rules=rules)


def _rpn_losses(
    net: FasterNetwork,
    picture: PaddedPicture,
    rng: np.random.Generator,
    recipe: FasterTraining,
    anchors: NDArray[np.float64],
    scores: torch.Tensor,
    offsets: torch.Tensor,
) -> dict[str, torch.Tensor]:
    left, top, right, bottom = picture.area
    border = recipe.rpn_border
    known = anchor_targets(
        anchors, picture.objects, (left - border, top - border, right + border, bottom + border), rng,
        ignored=picture.ignored, rules=recipe.anchor_rules,
    )  # fmt: skip
    counted = np.flatnonzero(known.labels >= 0)  # few of many thousand
    places = torch.from_numpy(counted).to(net.device)
    labels = torch.from_numpy(known.labels[counted]).to(net.device)
    targets = torch.from_numpy(known.targets[counted]).to(net.device)
    return {
        "rpn_cls": objectness_loss(scores[places], labels),
        "rpn_box": offset_loss(
            offsets[places], labels, targets, batch_size=recipe.rpn_batchSize, sigma=recipe.rpn_sigma
        ),
    }


def filled(chosen: ProposalTargets, count: int) -> ProposalTargets:
    """Return `chosen` filled up to `count` with ROIs 0 0 0 0 that show background, as the published code does."""
    missing = max(0, count - len(chosen.rois))
    rows = ((0, missing), (0, 0))
    return ProposalTargets(np.pad(chosen.rois, rows), np.pad(chosen.labels, (0, missing)), np.pad(chosen.targets, rows))
