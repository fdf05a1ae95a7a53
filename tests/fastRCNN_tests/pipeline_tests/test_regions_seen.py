"""What a region proposal network makes of a picture: the steps agree with those of training and detection."""

from pathlib import Path

import numpy as np
import pytest

from fastRCNN.boxes.ignored import IgnoredBoxes
from fastRCNN.datasets.imdb import ImageRecord
from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.network.alexnet import cntk_shape, he_initialised
from fastRCNN.pipeline.regions_seen import SeenRules, look_at
from fastRCNN.rpn.anchor_targets import AnchorRules
from fastRCNN.rpn.picture_area import PictureArea
from fastRCNN.rpn.proposal_targets import ProposalTargetRules
from fastRCNN.rpn.propose import propose_rois
from helpers.errors import UserError
from helpers.images import pad_to_square
from tests.conftest import draw_tiny_picture
from tests.fastRCNN_tests.rpn_tests.drawn_network import faster_network

RULES = SeenRules(AnchorRules(0.5, 0.3, 64), ProposalTargetRules(32), border=100)


def record_of(boxes, classes, ignored=()) -> ImageRecord:
    return ImageRecord(
        0, "positive/0", Path("0.png"), 120, 90, np.array(boxes, float).reshape(-1, 4), np.array(classes, np.int64),
        IgnoredBoxes.of(ignored),
    )  # fmt: skip


def test_steps() -> None:
    image, boxes, _ = draw_tiny_picture(0)
    padded, _ = pad_to_square(image, 240)
    network = faster_network(("__background__", "disc", "square"))
    engine = TorchEngine(network, device="cpu")
    seen = look_at(engine, network.spec, padded, record_of(boxes, [1, 2]), RULES)
    rows, columns, each = seen.cells
    assert each == 9 and len(seen.anchors) == len(seen.objectness) == len(seen.learnt.labels) == rows * columns * 9
    np.testing.assert_array_equal(seen.objects, PictureArea.of(120, 90, 240).to_network(boxes))
    assert seen.edges == (0, 30, 240, 210)
    assert 0 < (seen.learnt.labels == 1).sum() <= 32 and (seen.learnt.labels >= 0).sum() <= 64
    (made,) = propose_rois(engine, engine.feature_map([padded]), [PictureArea.of(120, 90, 240)], network.spec)
    np.testing.assert_array_equal(seen.after.boxes, made.boxes)
    assert len(seen.before.boxes) > len(seen.after.boxes)
    assert {tuple(box) for box in seen.after.boxes} <= {tuple(box) for box in seen.before.boxes}
    assert len(seen.drawn.rois) == 32
    shown = seen.drawn.labels > 0
    assert shown.any()
    for goal, label in zip(seen.goals[shown], seen.drawn.labels[shown], strict=True):
        np.testing.assert_allclose(goal, seen.objects[label - 1], atol=1e-3)
    np.testing.assert_allclose(seen.goals[~shown], seen.drawn.rois[~shown])
    assert seen.covered(0.0) == 2 and seen.covered(1.01) == 0


def test_a_picture_without_objects() -> None:
    image, _, _ = draw_tiny_picture(0, with_objects=False)
    network = faster_network(("__background__", "disc", "square"))
    engine, padded = TorchEngine(network, device="cpu"), pad_to_square(image, 240)[0]
    seen = look_at(engine, network.spec, padded, record_of([], []), RULES)
    assert (seen.learnt.labels == 1).sum() == 0 and (seen.learnt.labels == 0).sum() == 64
    assert not seen.drawn.labels.any() and seen.covered(0.5) == 0


def test_a_network_without_the_part() -> None:
    network = he_initialised(0, spec=cntk_shape(widths=(4, 4, 4, 4, 4), hidden=8))
    with pytest.raises(UserError, match="does not propose regions"):
        look_at(TorchEngine(network, device="cpu"), network.spec, np.zeros((240, 240, 3), np.uint8),
                record_of([], []), RULES)  # fmt: skip
