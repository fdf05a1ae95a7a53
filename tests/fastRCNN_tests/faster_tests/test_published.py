"""The way of a picture through the published layers, as they were recorded: proposals, and ROIs with their targets."""

import numpy as np
import pytest
import torch

from fastRCNN.faster.network import BOX_DEVIATION
from fastRCNN.faster.pictures import PaddedPicture
from fastRCNN.faster.recipe import published
from fastRCNN.faster.steps import filled, proposals_of
from fastRCNN.rpn.proposal_targets import proposal_targets
from tests.fastRCNN_tests.rpn_tests.recorded import recording

RECIPE = published()


@pytest.fixture(params=["grocery_a", "pascal_a"])
def recorded(request):
    return recording(request.param)


@pytest.fixture
def picture(recorded):
    return PaddedPicture(
        np.zeros((850, 850, 3), np.uint8), recorded.objects[:, :4], recorded.objects[:, 4].astype(np.int64),
        np.zeros((0, 4)), recorded.area, recorded.scale,
    )  # fmt: skip


def said(recorded):
    """Raw scores (K, 2) whose softmax is the recorded probabilities, and offsets (K, 4)."""
    arrays = recorded.arrays
    both = np.stack([part.transpose(1, 2, 0).ravel() for part in np.split(arrays["prob"], 2)], axis=1)
    return torch.from_numpy(np.log(both)), torch.from_numpy(recorded.by_anchor("deltas", 4))


@pytest.mark.parametrize("testing", [False, True])
def test_proposals(recorded, picture, testing):
    rules = RECIPE.proposal_rules(picture.scale, testing=testing)
    found = proposals_of(recorded.anchors, *said(recorded), picture, RECIPE, rules=rules).boxes
    expected = recorded.arrays["proposals_test" if testing else "proposals_train"]
    real = expected[expected.any(axis=1)]
    matched = min(len(real), len(found))
    # the softmax of logarithms rounds: two boxes of nearly equal scores may change places
    same = np.isclose(found[:matched], real[:matched], atol=1e-2).all(axis=1)
    assert len(found) == len(real) and same.mean() > 0.98


def test_what_the_detector_learns_from(recorded, picture):
    arrays = recorded.arrays
    chosen = filled(
        proposal_targets(arrays["proposals_train"], picture.objects, picture.classes, None, rules=RECIPE.target_rules),
        RECIPE.faster_roisPerImage,
    )
    np.testing.assert_allclose(chosen.rois, arrays["det_rois"], atol=1e-3)
    np.testing.assert_array_equal(chosen.labels, arrays["det_labels"].argmax(axis=1))
    shown = chosen.labels > 0
    rows = arrays["det_targets"].reshape(128, -1, 4)[np.arange(128), chosen.labels]
    np.testing.assert_allclose(chosen.targets[shown] / BOX_DEVIATION, rows[shown], rtol=1e-3, atol=1e-3)
