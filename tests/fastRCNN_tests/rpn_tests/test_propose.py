"""From a map to ROIs: the recorded layer behind an engine that repeats it, and the network in plain PyTorch."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.nn import functional

from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.network.alexnet import cntk_shape, he_initialised
from fastRCNN.network.rpn_spec import RpnSpec
from fastRCNN.rpn.picture_area import PictureArea
from fastRCNN.rpn.propose import by_anchor, objectness, propose_rois, rois_of_outputs, rules_of
from helpers.errors import UserError
from tests.fastRCNN_tests.rpn_tests.drawn_network import faster_network, faster_spec

CLASSES = ("__background__", "cup", "bowl")


@pytest.mark.parametrize(("name", "before", "after"), [("test", 6000, 300), ("train", 12000, 2000)])
def test_recorded_layer(recorded, name: str, before: int, after: int) -> None:
    # The recording has the probability of an object; raw scores 0 and log(p / (1 - p)) mean the same.
    chance = recorded.arrays["prob"][9:].astype(np.float64)
    scores = np.concatenate([np.zeros_like(chance), np.log(chance / (1 - chance))])
    _, _, wide, _, width, height = recorded.arrays["dims"].tolist()
    left, top = recorded.area[:2]
    area = PictureArea(int(width), int(height), wide / width, left, top)
    assert area.edges == recorded.area
    anchors = tuple(map(tuple, recorded.arrays["anchors"].tolist()))
    spec = dataclasses.replace(cntk_shape(), rpn=RpnSpec(anchors, before_nms=before, after_nms=after))
    made = rois_of_outputs(scores, recorded.arrays["deltas"], area, spec, compat="tutorial")
    np.testing.assert_allclose(made.boxes, recorded.arrays[f"proposals_{name}"], atol=1e-3)
    assert (np.diff(made.scores) <= 0).all() and 0 < made.scores.min() < made.scores.max() < 1


def test_objectness_by_hand() -> None:
    # one cell, two anchors: background 0 and 2, objects log(3) and 2
    scores = np.array([0, 2, np.log(3), 2]).reshape(4, 1, 1)
    np.testing.assert_allclose(objectness(scores), [0.75, 0.5])
    assert objectness(np.array([2000.0, -2000.0]).reshape(2, 1, 1)).tolist() == [0]


def test_order_is_that_of_anchors() -> None:
    scores = np.arange(2 * 3 * 2 * 5).reshape(6, 2, 5)  # of anchor a at row y, column x: background 10 a + 5 y + x
    scores[3:] *= 0
    places = -np.log(1 / objectness(scores) - 1)
    np.testing.assert_allclose(places[:6], [0, -10, -20, -1, -11, -21], atol=1e-9)
    offsets = np.arange(8 * 2 * 5).reshape(8, 2, 5)
    assert by_anchor(offsets)[:3].tolist() == [[0, 10, 20, 30], [40, 50, 60, 70], [1, 11, 21, 31]]


def test_equals_the_network_written_down() -> None:
    network = faster_network(CLASSES)
    picture = np.random.default_rng(0).integers(0, 256, (200, 200, 3)).astype(np.uint8)
    engine = TorchEngine(network, device="cpu")
    maps = engine.feature_map([picture, picture[::-1].copy()])
    weights = {name: torch.from_numpy(np.array(array)) for name, array in network.arrays.items()}
    seen = functional.relu(
        functional.conv2d(maps.clone(), weights["rpn_conv.weight"], weights["rpn_conv.bias"], padding=1)
    )
    scores, offsets = engine.regions(maps)
    assert scores.shape == (2, 18, *maps.shape[2:]) and offsets.shape == (2, 36, *maps.shape[2:])
    assert scores.dtype == offsets.dtype == np.float32
    for found, name in ((scores, "rpn_cls"), (offsets, "rpn_box")):
        expected = functional.conv2d(seen, weights[f"{name}.weight"], weights[f"{name}.bias"]).numpy()
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())

    areas = [PictureArea.of(200, 150, 200), PictureArea.of(100, 200, 200)]
    both = propose_rois(engine, maps, areas, network.spec)
    for one, area, *of_one in zip(both, areas, scores, offsets, strict=True):
        left, top, right, bottom = area.edges
        assert len(one.boxes) and (one.boxes[:, :2] >= (left, top)).all() and (one.boxes[:, 2:] < (right, bottom)).all()
        np.testing.assert_array_equal(one.boxes, rois_of_outputs(*of_one, area, network.spec).boxes)


def test_a_picture_is_the_same_whatever_is_beside_it() -> None:
    network = faster_network(CLASSES)
    pictures = list(np.random.default_rng(1).integers(0, 256, (2, 200, 200, 3)).astype(np.uint8))
    engine = TorchEngine(network, device="cpu")
    both, alone = engine.regions(engine.feature_map(pictures)), engine.regions(engine.feature_map(pictures[1:]))
    for together, single in zip(both, alone, strict=True):
        np.testing.assert_array_equal(together[1:], single)


def test_rules_follow_the_header_and_the_scale() -> None:
    spec = faster_spec(CLASSES, rpn=RpnSpec(((0.0, 0.0, 15.0, 15.0),), before_nms=7, after_nms=5, min_side=10.0))
    area = PictureArea.of(400, 300, 200)
    rules = rules_of(spec, area)
    assert (rules.before_nms, rules.after_nms, rules.nms_threshold, rules.min_side) == (7, 5, 0.7, 5.0)
    assert rules_of(spec, area, after_nms=2000).after_nms == 2000
    scores, offsets = np.zeros((2, 12, 12), np.float32), np.zeros((4, 12, 12), np.float32)
    assert len(rois_of_outputs(scores, offsets, area, spec).boxes) == 5


def test_a_network_without_it() -> None:
    network = he_initialised(0, spec=cntk_shape(widths=(8, 12, 12, 12, 8), hidden=16))
    engine = TorchEngine(network, device="cpu")
    maps = engine.feature_map([np.zeros((200, 200, 3), np.uint8)])
    with pytest.raises(UserError, match="train one with --classifier faster"):
        propose_rois(engine, maps, [PictureArea.of(10, 10, 200)], network.spec)
    with pytest.raises(UserError, match="does not propose regions"):
        rules_of(network.spec, PictureArea.of(10, 10, 200))
    with pytest.raises(UserError, match="does not propose regions"):
        rois_of_outputs(np.zeros((2, 1, 1)), np.zeros((4, 1, 1)), PictureArea.of(10, 10, 200), network.spec)  # type: ignore[arg-type]
