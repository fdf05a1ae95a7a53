"""A picture that is looked at at several sizes: where it lies, and what is left of what was found."""

import dataclasses

import numpy as np
import pytest

from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.network.network import Network
from fastRCNN.rpn.propose import propose_rois, rules_of
from fastRCNN.rpn.several_sizes import MARGIN, SAME, on_grey, propose_at_sizes
from helpers.boxes import iou_matrix
from helpers.errors import UserError
from tests.fastRCNN_tests.rpn_tests.drawn_network import faster_network


def _network(*sides: int, after_nms: int = 40) -> Network:
    network = faster_network(("__background__", "cup"))
    assert network.spec.rpn is not None
    rpn = dataclasses.replace(network.spec.rpn, sides=sides, before_nms=200, after_nms=after_nms)
    return Network(dataclasses.replace(network.spec, rpn=rpn), network.arrays)


def _picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (120, 200, 3), np.uint8)


def test_where_the_picture_lies() -> None:
    grey, area = on_grey(_picture(), 100)
    assert grey.shape == (60 + 2 * MARGIN, 100 + 2 * MARGIN, 3)
    assert (grey[:MARGIN] == 114).all() and (grey[-MARGIN:] == 114).all() and (grey[:, :MARGIN] == 114).all()
    assert area.edges == (24, 24, 124, 84) and area.scale == 0.5
    assert area.to_picture([[24, 24, 124, 84]]).tolist() == [[0, 0, 199, 119]]


def test_what_overlaps_a_box_before_it_comes_later() -> None:
    network = _network(200, 100, after_nms=60)
    found = propose_at_sizes(TorchEngine(network, device="cpu"), _picture(), network.spec)
    assert (found.boxes[:, :2] >= 0).all() and (found.boxes[:, 2:] < [200, 120]).all()
    assert found.boxes.dtype == np.float64 and len(found.boxes) == len(found.scores) == 60
    overlaps = np.triu(iou_matrix(found.boxes, found.boxes), 1).max(axis=0)  # with one that comes before
    assert overlaps.max() <= SAME and overlaps[:5].mean() < overlaps[30:].mean()
    assert found.scores[0] == found.scores.max() and (np.diff(found.scores) > 0).any()
    assert (np.diff(found.scores * (1 - overlaps**3)) <= 1e-12).all()  # what a box was worth when it was taken


def test_each_size_takes_part_and_the_largest_counts_less() -> None:
    network = _network(200, 100)
    engine, image = TorchEngine(network, device="cpu"), _picture()
    found = propose_at_sizes(engine, image, network.spec)
    both = {tuple(box): score for box, score in zip(found.boxes.tolist(), found.scores.tolist(), strict=True)}
    alone = []
    for side in (200, 100):
        grey, area = on_grey(image, side)
        one = propose_rois(
            engine,
            engine.feature_map([grey]),
            [area],
            network.spec,
            rules=rules_of(network.spec, area, nms_threshold=SAME),
        )[0]
        boxes = [tuple(map(float, box)) for box in area.to_picture(one.boxes)]
        alone.append(dict(zip(reversed(boxes), reversed(one.scores.tolist()), strict=True)))  # the best of equal boxes
    large, small = ({box: one[box] for box in both if box in one} for one in alone)
    assert both.keys() == large.keys() | small.keys() and large and small
    for box, score in both.items():
        assert score == pytest.approx(max(0.75 * large.get(box, 0), small.get(box, 0)))


def test_needs_a_network_that_says_its_sizes() -> None:
    network = _network()
    with pytest.raises(UserError, match="does not propose regions at several sizes"):
        propose_at_sizes(TorchEngine(network, device="cpu"), _picture(), network.spec)
