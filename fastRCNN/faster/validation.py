"""How good the network is on pictures that it does not learn from: average precision, and recall of its proposals."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from fastRCNN.boxes.box_regression import best_objects, moved_boxes
from fastRCNN.boxes.ignored import IgnoredBoxes
from fastRCNN.evaluation.average_precision import PictureResult, evaluate
from fastRCNN.faster.network import BOX_DEVIATION, FasterNetwork
from fastRCNN.faster.pictures import AnnotatedPicture, as_it_is
from fastRCNN.faster.recipe import FasterTraining
from fastRCNN.faster.steps import COVERED, map_anchors, proposals_of


def measure(
    net: FasterNetwork,
    pictures: Sequence[AnnotatedPicture],
    recipe: FasterTraining,
    pad_size: int,
    *,
    nms_threshold: float = 0.3,
) -> dict[str, float]:
    """Return "validation_mAP" (area) and "validation_recall" of the proposals at an overlap of 0.5; 0 without objects.

    The network must be in the state to measure, its head without dropout.
    """
    results = [scored(net, picture, number, recipe, pad_size) for number, picture in enumerate(pictures)]
    covered = [best_objects(result.gt_boxes, result.boxes)[1] >= COVERED for result in results]
    evaluation = evaluate(results, net.classes, nms_threshold=nms_threshold)
    found = np.concatenate([np.zeros(0, bool), *covered])
    return {
        "validation_mAP": evaluation.map_area or 0.0,
        "validation_recall": float(found.mean()) if len(found) else 0.0,
    }


def scored(
    net: FasterNetwork, picture: AnnotatedPicture, number: int, recipe: FasterTraining, pad_size: int
) -> PictureResult:
    """Return what the network finds in a picture: proposals, probabilities, and where each class would move them."""
    view = as_it_is(picture, pad_size)
    with torch.no_grad():
        feature_map = net.map(net.frozen_map(view.pixels))
        anchors, rules = map_anchors(net, feature_map), recipe.proposal_rules(view.scale, testing=True)
        rois = proposals_of(anchors, *net.regions(feature_map), view, recipe, rules=rules).boxes
        scores, offsets = net.outputs(feature_map, rois)
        probabilities = scores.softmax(dim=1).cpu().numpy()
        moves = offsets.unflatten(1, (-1, 4)).cpu().numpy() * BOX_DEVIATION
    boxes: NDArray[np.float64] = view.in_original(rois)
    moved = moved_boxes(boxes, np.broadcast_to(moves, (*probabilities.shape, 4)), *picture.size)
    return PictureResult(
        number, picture.path, boxes, probabilities, picture.objects, picture.classes, moved,
        IgnoredBoxes.of(picture.ignored),
    )  # fmt: skip
