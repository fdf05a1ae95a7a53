"""One picture forward: gradients of all four losses by finite differences, and what the losses are made of."""

import dataclasses

import numpy as np
import pytest
import torch

from fastRCNN.faster.network import BOX_DEVIATION, FasterNetwork
from fastRCNN.faster.pictures import as_it_is
from fastRCNN.faster.start import prepared
from fastRCNN.faster.steps import LOSSES, map_anchors, picture_losses, proposals_on
from fastRCNN.rpn.proposals import ProposalRules
from tests.fastRCNN_tests.faster_tests.drawn_pictures import CLASSES, CONTEXT, SIDE, SMALL

RULES = ProposalRules(300, 40, 0.7, 4.0)


@pytest.fixture
def net(slim, pictures):
    network, rpn = prepared(slim, pictures, SMALL, SIDE)
    return FasterNetwork(network, CLASSES, rpn, bbox_per_class=True, context=CONTEXT)


@pytest.fixture
def view(pictures, net):
    """A picture with proposals, so that these stay the same while weights change."""
    seen = as_it_is(pictures[0], SIDE)
    near = np.concatenate([seen.objects + move for move in ([3, 2, 5, 1], [-4, 3, 2, 6], [30, 30, 40, 50])])
    return dataclasses.replace(seen, proposals=np.clip(near, 0, SIDE - 1))


def losses_of(net, view, recipe=SMALL, **parts):
    return picture_losses(net, view, np.random.default_rng(0), recipe, **parts).losses


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("bbox_per_class", [True, False])
def test_gradients_by_finite_differences(net, view, loss, bbox_per_class, slim, pictures):
    """Along its gradient, a loss changes as the gradient says: for the whole network at once, and for single layers."""
    if not bbox_per_class:
        net = FasterNetwork(net.source, CLASSES, net.rpn, bbox_per_class=False, context=CONTEXT)
    with torch.no_grad():  # larger first weights: more than noise
        for name in ("rpn_conv", "rpn_cls", "rpn_box", "score", "bbox"):
            net.parameters[f"{name}.weight"].mul_(10)
    losses_of(net, view)[loss].backward()
    gradients = {name: p.grad.clone() for name, p in net.parameters.items() if p.grad is not None and p.grad.any()}
    last = {"rpn_cls": "rpn_cls", "rpn_box": "rpn_box", "cls": "score", "box": "bbox"}[loss]
    others = {"rpn_cls", "rpn_box", "score", "bbox"} - {last}
    assert {f"{last}.weight", f"{last}.bias", "conv1.weight", "conv5.weight"} <= gradients.keys()
    assert not any(name.split(".")[0] in others for name in gradients)
    for names in (list(gradients), [f"{last}.weight"], ["conv5.weight"]):
        length = float(torch.sqrt(sum((gradients[name] ** 2).sum() for name in names)))
        values = []
        step = 2e-3 / length * min(1.0, length)
        for sign in (1, -1):
            with torch.no_grad():
                for name in names:
                    net.parameters[name].add_(gradients[name], alpha=sign * step)
                values.append(float(losses_of(net, view)[loss].double()))
                for name in names:
                    net.parameters[name].add_(gradients[name], alpha=-sign * step)
        assert (values[0] - values[1]) / (2 * step * length) == pytest.approx(length, rel=0.05)


def test_losses_of_a_network_that_knows_nothing(net, view, pictures):
    """Weights of 0: every anchor and every ROI is as likely one as the other, and nothing moves."""
    with torch.no_grad():
        for parameter in net.parameters.values():
            parameter.zero_()
    found = picture_losses(net, view, np.random.default_rng(0), SMALL)
    assert found.losses["rpn_cls"].item() == pytest.approx(np.log(2), rel=1e-5)
    assert found.losses["cls"].item() == pytest.approx(np.log(3), rel=1e-5)
    assert (found.objects, found.covered) == (2, 2)


def test_the_detectors_loss_by_hand(net, view):
    """Proposals given: the annotated boxes join them, so that each object has a ROI with targets 0."""
    with torch.no_grad():
        for name in ("score", "bbox"):
            net.parameters[f"{name}.weight"].zero_()
            net.parameters[f"{name}.bias"].zero_()
        net.parameters["bbox.bias"][:] = 0.5
    only = dataclasses.replace(view, proposals=np.zeros((0, 4)))
    recipe = dataclasses.replace(SMALL, faster_foregroundFraction=1.0)
    found = picture_losses(net, only, np.random.default_rng(0), recipe, rpn=False)
    assert found.losses.keys() == {"cls", "box"} and found.rois == 2
    assert found.losses["box"].item() == pytest.approx(4 * 0.5 * 0.5**2)  # smooth L1 of 0.5, four times, for each ROI


def test_parts_that_do_not_learn_have_no_loss(net, view):
    assert losses_of(net, view, detector=False).keys() == {"rpn_cls", "rpn_box"}
    assert losses_of(net, view, rpn=False).keys() == {"cls", "box"}
    assert losses_of(net, dataclasses.replace(view, proposals=None)).keys() == set(LOSSES)


def test_without_objects_there_is_background_only(net, view):
    empty = dataclasses.replace(view, objects=np.zeros((0, 4)), classes=np.zeros(0, np.int64))
    losses = losses_of(net, empty)
    assert losses["rpn_box"].item() == 0 and losses["box"].item() == 0
    assert losses["rpn_cls"].item() > 0 and losses["cls"].item() > 0
    torch.stack(list(losses.values())).sum().backward()
    assert all(bool(torch.isfinite(p.grad).all()) for p in net.parameters.values() if p.grad is not None)


def test_a_picture_without_proposals_and_objects_teaches_the_rpn_only(net, view):
    nothing = dataclasses.replace(
        view, objects=np.zeros((0, 4)), classes=np.zeros(0, np.int64), proposals=np.zeros((0, 4))
    )
    assert losses_of(net, nothing).keys() == {"rpn_cls", "rpn_box"}


def test_tutorial_fills_up_with_rois_of_zeros(net, view):
    plain = picture_losses(net, view, np.random.default_rng(0), SMALL, rpn=False)
    recipe = dataclasses.replace(SMALL, compat="tutorial")
    filled = picture_losses(net, view, np.random.default_rng(0), recipe, rpn=False)
    assert plain.rois < SMALL.faster_roisPerImage == filled.rois
    scale = plain.rois / filled.rois  # the same boxes, divided by more
    assert filled.losses["box"].item() == pytest.approx(plain.losses["box"].item() * scale, rel=1e-5)


def test_anchors_scores_and_offsets_belong_together(net, view):
    """The score and the offsets of one cell and anchor, found again at their place."""
    feature_map = net.map(net.frozen_map(view.pixels))
    height, width = feature_map.shape[2:]
    with torch.no_grad():
        for name in ("rpn_cls", "rpn_box"):
            net.parameters[f"{name}.weight"].zero_()
            net.parameters[f"{name}.bias"].copy_(torch.arange(len(net.parameters[f"{name}.bias"])).float())
        scores, offsets = net.regions(feature_map)
    assert len(net.rpn.anchors) == 2 and len(scores) == len(map_anchors(net, feature_map)) == height * width * 2
    np.testing.assert_array_equal(scores[:2], [[0, 2], [1, 3]])  # background of each anchor, object of each
    np.testing.assert_array_equal(offsets[1], [4, 5, 6, 7])
    second = map_anchors(net, feature_map)[2:4]
    np.testing.assert_allclose(second - np.array(net.rpn.anchors), np.tile([16, 0, 16, 0], (2, 1)))


def test_proposals_lie_in_the_picture(net, view):
    found = proposals_on(net, view, SMALL, rules=RULES)
    assert 0 < len(found.boxes) <= 40
    assert found.boxes.min() >= 0 and found.boxes.max() <= SIDE - 1


def test_the_result_gives_the_same_numbers(net, view, slim):
    from fastRCNN.engines.torch_engine import TorchEngine

    result = net.result(net.parameter_arrays(), notes={})
    engine = TorchEngine(result, device="cpu")
    maps = engine.feature_map([view.pixels])
    feature_map = net.map(net.frozen_map(view.pixels))
    with torch.no_grad():
        scores, offsets = net.outputs(feature_map, view.proposals)
    (rows,) = engine.head(maps, [view.proposals.astype(np.float32)])
    np.testing.assert_allclose(rows[:, :3], scores.numpy(), atol=1e-5)
    expected = offsets.numpy().reshape(-1, 3, 4) * BOX_DEVIATION
    np.testing.assert_allclose(rows[:, 3:].reshape(-1, 3, 4), expected, atol=1e-6)


def test_what_does_not_count_teaches_neither_part(net, view):
    """Everything is ignored, and nothing an object: no anchor and no proposal is background."""
    hidden = dataclasses.replace(view, objects=np.zeros((0, 4)), classes=np.zeros(0, np.int64))
    assert picture_losses(net, hidden, np.random.default_rng(0), SMALL).rois > 0
    anchors = map_anchors(net, net.map(net.frozen_map(view.pixels)))
    of_anchors = dataclasses.replace(hidden, ignored=anchors)
    assert losses_of(net, of_anchors, detector=False)["rpn_cls"].item() == 0
    of_proposals = dataclasses.replace(hidden, ignored=view.proposals)
    assert picture_losses(net, of_proposals, np.random.default_rng(0), SMALL, rpn=False).rois == 0


def test_anchors_beyond_the_picture_learn_by_choice(net, view):
    """An object at the picture's edge: the anchor just on it reaches beyond the edge, unless the border lets it."""
    anchor = np.array(net.rpn.anchors[:1]) + [0, 64, 0, 64]
    cut = dataclasses.replace(view, objects=anchor, classes=np.array([1]), area=(0, 0, SIDE, SIDE))
    assert anchor[0, 0] < 0
    with torch.no_grad():
        for parameter in net.parameters.values():
            parameter.zero_()
        net.parameters["rpn_box.bias"][:] = 1.0
    allowed = losses_of(net, cut, dataclasses.replace(SMALL, rpn_border=100, rpn_positiveOverlap=0.99), detector=False)
    inside = losses_of(net, cut, dataclasses.replace(SMALL, rpn_border=0, rpn_positiveOverlap=0.99), detector=False)
    assert allowed["rpn_box"].item() == pytest.approx(4 * (1 - 0.5 / 9) / SMALL.rpn_batchSize)  # its targets are 0
    assert inside["rpn_box"].item() != pytest.approx(allowed["rpn_box"].item(), rel=1e-3)
