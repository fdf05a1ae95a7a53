"""The numbers of a training: taken from parameters, refused where they make no sense."""

import dataclasses

import pytest

from fastRCNN.faster.recipe import FasterTraining, published
from fastRCNN.rpn.anchor_targets import AnchorRules
from fastRCNN.rpn.proposal_targets import ProposalTargetRules
from fastRCNN.rpn.proposals import ProposalRules


def test_parameters_are_chosen_by_name():
    recipe = FasterTraining.choose({"faster_max_epochs": 7, "faster_lr_per_image": [0.1, 0.2], "cntk_mb_size": 3})
    assert recipe == FasterTraining(faster_max_epochs=7, faster_lr_per_image=(0.1, 0.2))


def test_the_rules_of_anchors_and_proposals():
    recipe = FasterTraining(
        rpn_positiveOverlap=0.6, rpn_negativeOverlap=0.2, rpn_batchSize=64, rpn_foregroundFraction=0.25,
        faster_roisPerImage=32, faster_foregroundFraction=0.5, faster_foregroundOverlap=0.4,
        faster_backgroundOverlap=0.1, rpn_trainBeforeNms=9, rpn_trainAfterNms=8, rpn_testBeforeNms=7,
        rpn_testAfterNms=6, rpn_nmsThreshold=0.5, rpn_minSide=10.0,
    )  # fmt: skip
    assert recipe.anchor_rules == AnchorRules(0.6, 0.2, 64, 0.25)
    assert recipe.target_rules == ProposalTargetRules(32, 0.5, 0.4, (0.1, 0.4))
    assert recipe.proposal_rules(0.5) == ProposalRules(9, 8, 0.5, 5.0)
    assert recipe.proposal_rules(1.0, testing=True) == ProposalRules(7, 6, 0.5, 10.0)


@pytest.mark.parametrize("wrong", [{"faster_max_epochs": 0}, {"faster_lr_per_image": ()}, {"faster_mb_size": 0}])
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: expected"):
        dataclasses.replace(FasterTraining(), **wrong)


def test_tutorial_compatibility_is_the_published_recipe_whatever_else_is_given():
    given = {"faster_ema": 0.5, "faster_max_epochs": 3, "faster_negatives": True, "compat": "tutorial"}
    assert FasterTraining.choose(given) == published()
    scales = FasterTraining.choose({**given, "rpn_anchorScales": [4, 8, 12], "faster_training": "stages"})
    assert (scales.rpn_anchorScales, scales.faster_training, scales.faster_ema) == ((4, 8, 12), "stages", 0.0)


def test_published_rates_by_epoch():
    """CNTK's release configuration: 1e-3 for 10 epochs, 1e-4 for 10; 12 and 4; 6 and 2."""
    recipe = published()
    assert len(recipe.faster_lr_per_image) == 21 and recipe.faster_lr_per_image[9:11] == (0.001, 0.0001)
    assert len(recipe.faster_rpn_lr_per_image) == recipe.faster_rpnEpochs == 16
    assert len(recipe.faster_detector_lr_per_image) == recipe.faster_detectorEpochs == 8
