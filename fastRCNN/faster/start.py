"""From a network and annotated pictures to what a training starts with: aligned cells, and anchors that fit.

Letters in shapes: A anchors of a cell, G objects.
"""

import dataclasses
import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fastRCNN.faster.anchors import anchor_recall, fitted_anchors
from fastRCNN.faster.cells import with_aligned_cells
from fastRCNN.faster.hidden_layers import with_hidden_layers
from fastRCNN.faster.pictures import AnnotatedPicture
from fastRCNN.faster.recipe import FasterTraining
from fastRCNN.network.network import Network
from fastRCNN.network.rpn_spec import RpnSpec
from fastRCNN.rpn.anchors import base_anchors
from helpers.errors import UserError
from helpers.images import square_placement

log = logging.getLogger(__name__)

RECALLS = (0.5, 0.7)


def prepared(
    network: Network, pictures: Sequence[AnnotatedPicture], recipe: FasterTraining, pad_size: int, *, seed: int = 0
) -> tuple[Network, RpnSpec]:
    """Return the network to start from, and its region proposal network; the log says how well its anchors fit.

    seed: of the filters of layers that the network lacks. `UserError` where no picture has an object.
    """
    if not sum(len(picture.objects) for picture in pictures):
        raise UserError("There is no annotated object to learn from: annotate some with A1_annotateImages.py")
    network = with_hidden_layers(network, recipe.faster_hiddenLayers, seed=seed)
    if recipe.faster_alignCells:
        network = with_aligned_cells(network)
    if recipe.faster_pooling != "network":
        network = dataclasses.replace(
            network, spec=dataclasses.replace(network.spec, pooling_kind=recipe.faster_pooling)
        )
    in_square = [_in_square(picture, pad_size) for picture in pictures]
    if isinstance(recipe.rpn_anchorScales, str):
        sizes = _sizes_to_find(in_square, pictures, recipe.rpn_minSide)
        anchors = fitted_anchors(sizes, recipe.rpn_nrAnchors, centre=network.spec.first_centre)
        shown = ", ".join(f"{right - left + 1:.0f} x {low - top + 1:.0f}" for left, top, right, low in anchors)
        log.info("Anchors fitted to %d objects, in pixels of the padded picture: %s.", len(sizes), shown)
    else:
        anchors = base_anchors(recipe.rpn_anchorScales, recipe.rpn_anchorRatios, base_size=network.spec.stride)
    side = round(pad_size / network.spec.stride)
    recall = anchor_recall(anchors, in_square, side=side, stride=network.spec.stride, thresholds=RECALLS)
    log.info("Some anchor overlaps by %g: %.1f %% of the objects; by %g: %.1f %%.",
             RECALLS[0], 100 * recall[0], RECALLS[1], 100 * recall[1])  # fmt: skip
    rpn = RpnSpec(
        tuple((float(left), float(top), float(right), float(low)) for left, top, right, low in anchors),
        recipe.rpn_channels, recipe.rpn_testBeforeNms, recipe.rpn_testAfterNms, recipe.rpn_nmsThreshold,
        recipe.rpn_minSide,
    )  # fmt: skip
    return network, rpn


def _sizes_to_find(
    in_square: Sequence[np.ndarray], pictures: Sequence[AnnotatedPicture], least: float
) -> NDArray[np.float64]:
    """Return width and height (G, 2), in the padded square, of objects with sides of `least` pixels of the picture.

    Of smaller ones, mostly slips of the hand, no proposal would stay. All, where there are no others.
    """
    sizes: NDArray[np.float64] = np.concatenate([boxes[:, 2:] - boxes[:, :2] + 1 for boxes in in_square])
    original = np.concatenate([np.reshape(picture.objects, (-1, 4)) for picture in pictures])
    large = (original[:, 2:] - original[:, :2] + 1 >= least).all(axis=1)
    return sizes[large] if large.any() else sizes


def _in_square(picture: AnnotatedPicture, pad_size: int) -> np.ndarray:
    """Return the objects (G, 4) of a picture in its padded square."""
    if len(picture.objects) == 0:
        return np.zeros((0, 4))
    place = square_placement(*picture.size, pad_size)
    offset = [place.offset_x, place.offset_y]
    return picture.objects * place.scale + [*offset, *offset]
