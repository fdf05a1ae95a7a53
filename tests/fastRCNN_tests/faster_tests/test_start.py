"""What a training starts with: anchors for the objects as the network sees them, aligned cells, the pooling wanted."""

import dataclasses
import logging

import numpy as np
import pytest

from fastRCNN.faster.pictures import AnnotatedPicture
from fastRCNN.faster.start import prepared
from fastRCNN.network.alexnet import cntk_shape, he_initialised
from fastRCNN.rpn.anchors import base_anchors
from helpers.errors import UserError
from helpers.images import write_image
from tests.fastRCNN_tests.faster_tests.drawn_pictures import SIDE, SMALL


@pytest.fixture
def large(tmp_path):
    """A picture twice as wide as the network's square, with two objects of 80 x 40 pixels."""
    write_image(tmp_path / "large.png", np.zeros((SIDE, 2 * SIDE, 3), np.uint8))
    objects = np.array([[10, 20, 89, 59], [150, 90, 229, 129]], np.float64)
    return AnnotatedPicture(tmp_path / "large.png", objects, np.array([1, 2]))


def test_anchors_fit_objects_in_the_networks_pixels_around_what_cells_look_at(large, slim, caplog):
    with caplog.at_level(logging.INFO):
        network, rpn = prepared(slim, [large], SMALL, SIDE)
    (anchor,) = rpn.anchors
    assert anchor[2] - anchor[0] + 1 == pytest.approx(40.5) and anchor[3] - anchor[1] + 1 == pytest.approx(20.5)
    assert (anchor[0] + anchor[2]) / 2 == network.spec.first_centre == 0
    assert "Anchors fitted to 2 objects, in pixels of the padded picture: 40 x 20" in caplog.text
    assert "overlaps by 0.5: 50.0 % of the objects; by 0.7: 0.0 %" in caplog.text
    assert (rpn.before_nms, rpn.after_nms, rpn.channels) == (300, 40, 16)
    assert (rpn.nms_threshold, rpn.min_side) == (0.7, 4.0)


def test_anchors_do_not_fit_objects_that_no_proposal_could_be(large, slim):
    """Of two boxes by mistake, one pixel and a line, less than `rpn_minSide` (4) wide."""
    slips = np.array([[5, 5, 5, 5], [20, 30, 22, 90]], np.float64)
    with_slips = dataclasses.replace(
        large, objects=np.concatenate([large.objects, slips]), classes=np.array([1, 2, 1, 1])
    )
    recipe = dataclasses.replace(SMALL, rpn_nrAnchors=2)
    assert prepared(slim, [with_slips], recipe, SIDE)[1].anchors == prepared(slim, [large], recipe, SIDE)[1].anchors
    alone = dataclasses.replace(large, objects=slips, classes=np.array([1, 1]))
    assert len(prepared(slim, [alone], recipe, SIDE)[1].anchors) == 2


def test_published_anchors_and_cells(large, slim):
    recipe = dataclasses.replace(
        SMALL,
        rpn_anchorScales=(4.0, 8.0),
        rpn_anchorRatios=(1.0, 2.0),
        faster_alignCells=False,
        faster_pooling="network",
    )
    network, rpn = prepared(slim, [large], recipe, SIDE)
    np.testing.assert_array_equal(rpn.anchors, base_anchors((4, 8), (1, 2)))
    assert network is slim


@pytest.mark.parametrize(("wanted", "kind"), [("align", "align"), ("max", "max"), ("network", "max")])
def test_the_pooling_is_chosen(large, wanted, kind):
    network = he_initialised(0, spec=cntk_shape(widths=(4,) * 5, hidden=4))
    prepared_network, _ = prepared(network, [large], dataclasses.replace(SMALL, faster_pooling=wanted), SIDE)
    assert prepared_network.spec.pooling_kind == kind and network.spec.pooling_kind == "max"


def test_pictures_without_objects_alone_are_no_start(large, slim):
    empty = dataclasses.replace(large, objects=np.zeros((0, 4)), classes=np.zeros(0, np.int64))
    with pytest.raises(UserError, match=r"no annotated object.*A1_annotateImages\.py"):
        prepared(slim, [empty], SMALL, SIDE)
    assert len(prepared(slim, [empty, large], SMALL, SIDE)[1].anchors) == 1
