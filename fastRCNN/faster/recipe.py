"""How Faster R-CNN is trained: every number of it, under the names of PARAMETERS.py."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastRCNN.faster.changes import Jitter
from fastRCNN.rpn.anchor_targets import AnchorRules
from fastRCNN.rpn.proposal_targets import ProposalTargetRules
from fastRCNN.rpn.proposals import ProposalRules


@dataclass(frozen=True)
class FasterTraining:
    """The defaults are those of PARAMETERS.py; `published` are those of CNTK's example."""

    # anchors and proposals
    rpn_anchorScales: tuple[float, ...] | str = "fitted"
    rpn_anchorRatios: tuple[float, ...] = (0.5, 1.0, 2.0)
    rpn_nrAnchors: int = 9
    rpn_channels: int = 256
    rpn_batchSize: int = 256
    rpn_foregroundFraction: float = 0.5
    rpn_positiveOverlap: float = 0.7
    rpn_negativeOverlap: float = 0.3
    rpn_border: int = 1000
    rpn_sigma: float = 3.0
    rpn_nmsThreshold: float = 0.7
    rpn_minSide: float = 8.0
    rpn_trainBeforeNms: int = 2000
    rpn_trainAfterNms: int = 500
    rpn_testBeforeNms: int = 2000
    rpn_testAfterNms: int = 300
    # the detector
    faster_roisPerImage: int = 128
    faster_foregroundFraction: float = 0.25
    faster_foregroundOverlap: float = 0.5
    faster_backgroundOverlap: float = 0.0
    faster_sigma: float = 1.0
    faster_bboxPerClass: bool = False
    faster_alignCells: bool = True
    faster_pooling: str = "align"
    faster_hiddenLayers: tuple[int, ...] = (256,)
    # the course of the training
    faster_training: str = "e2e"
    faster_max_epochs: int = 20
    faster_rpnEpochs: int = 6
    faster_detectorEpochs: int = 14
    faster_mb_size: int = 1
    faster_optimiser: str = "adam"
    faster_lr_per_image: tuple[float, ...] = (0.0005,)
    faster_rpn_lr_per_image: tuple[float, ...] = (0.0005,)
    faster_detector_lr_per_image: tuple[float, ...] = (0.0005,)
    faster_cosine: bool = True
    faster_oldRateFactor: float = 0.3
    faster_layerRateDecay: float = 1.0
    faster_biasRateFactor: float = 1.0
    faster_warmupEpochs: float = 1.0
    faster_momentum: float = 0.9
    faster_l2_reg_weight: float = 0.0005
    faster_clipNorm: float = 10.0
    faster_ema: float = 0.99
    faster_dropout: float = 0.0
    faster_trainConvFrom: int = 3
    faster_flip: bool = True
    faster_scaleJitter: float = 0.2
    faster_colourJitter: float = 0.2
    faster_blur: float = 0.0
    faster_noise: float = 0.0
    faster_mosaic: float = 0.0
    faster_negatives: bool = True
    faster_validation: float = 0.0
    faster_patience: int = 0
    # rules of the published layers that are there by accident
    compat: str = "corrected"

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, list):
                object.__setattr__(self, field.name, tuple(value))
        for name in ("faster_max_epochs", "faster_mb_size", "faster_roisPerImage", "rpn_batchSize", "rpn_channels"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected 1 or more, got {getattr(self, name)}")
        for name in ("faster_lr_per_image", "faster_rpn_lr_per_image", "faster_detector_lr_per_image"):
            if not getattr(self, name):
                raise ValueError(f"{name}: expected at least one learning rate")

    @classmethod
    def choose(cls, parameters: Mapping[str, Any]) -> "FasterTraining":
        """Return the training in `parameters` (by name); with compat "tutorial" the published one, whatever they say.

        Only anchor scales and the way of training, which CNTK's example has a choice of, are taken from `parameters`.
        """
        names = {field.name for field in dataclasses.fields(cls)} & parameters.keys()
        chosen = cls(**{name: parameters[name] for name in names})
        if chosen.compat != "tutorial":
            return chosen
        scales = chosen.rpn_anchorScales
        return dataclasses.replace(
            published(), faster_training=chosen.faster_training,
            rpn_anchorScales=(8.0, 16.0, 32.0) if isinstance(scales, str) else scales,
        )  # fmt: skip

    @property
    def anchor_rules(self) -> AnchorRules:
        """Which anchors learn what."""
        return AnchorRules(
            self.rpn_positiveOverlap, self.rpn_negativeOverlap, self.rpn_batchSize, self.rpn_foregroundFraction
        )

    @property
    def target_rules(self) -> ProposalTargetRules:
        """Which proposals the detector learns from."""
        return ProposalTargetRules(
            self.faster_roisPerImage, self.faster_foregroundFraction, self.faster_foregroundOverlap,
            (self.faster_backgroundOverlap, self.faster_foregroundOverlap),
        )  # fmt: skip

    @property
    def jitter(self) -> Jitter:
        """How pictures are changed."""
        return Jitter(
            self.faster_flip, self.faster_scaleJitter, self.faster_colourJitter, self.faster_blur, self.faster_noise,
            self.faster_mosaic,
        )  # fmt: skip

    def proposal_rules(self, scale: float, *, testing: bool = False) -> ProposalRules:
        """Which proposals stay, on a picture that was scaled by `scale`: the smallest side is one of the original."""
        before, after = (
            (self.rpn_testBeforeNms, self.rpn_testAfterNms)
            if testing
            else (self.rpn_trainBeforeNms, self.rpn_trainAfterNms)
        )
        return ProposalRules(before, after, self.rpn_nmsThreshold, self.rpn_minSide * scale)


def published() -> FasterTraining:
    """Return the training of CNTK's example: FasterRCNN_config.py and AlexNet_config.py of its release.

    Examples/Image/Detection/FasterRCNN. Its anchor scales are 8, 16, 32; for the groceries 4, 8, 12.
    """
    return FasterTraining(
        rpn_anchorScales=(8.0, 16.0, 32.0), rpn_anchorRatios=(0.5, 1.0, 2.0), rpn_channels=256, rpn_batchSize=256,
        rpn_foregroundFraction=0.5, rpn_positiveOverlap=0.7, rpn_negativeOverlap=0.3, rpn_border=0, rpn_sigma=3.0,
        rpn_nmsThreshold=0.7, rpn_minSide=16.0, rpn_trainBeforeNms=12000, rpn_trainAfterNms=2000,
        rpn_testBeforeNms=6000, rpn_testAfterNms=300, faster_roisPerImage=128, faster_foregroundFraction=0.25,
        faster_foregroundOverlap=0.5, faster_backgroundOverlap=0.0, faster_sigma=1.0, faster_bboxPerClass=True,
        faster_alignCells=False, faster_pooling="max", faster_hiddenLayers=(), faster_max_epochs=20,
        faster_rpnEpochs=16, faster_detectorEpochs=8, faster_mb_size=1, faster_optimiser="sgd",
        faster_lr_per_image=(0.001,) * 10 + (0.0001,) * 10 + (0.00001,),
        faster_rpn_lr_per_image=(0.001,) * 12 + (0.0001,) * 4,
        faster_detector_lr_per_image=(0.001,) * 6 + (0.0001,) * 2, faster_cosine=False, faster_oldRateFactor=1.0,
        faster_layerRateDecay=1.0, faster_biasRateFactor=2.0, faster_warmupEpochs=0.0, faster_momentum=0.9,
        faster_l2_reg_weight=0.0005, faster_clipNorm=0.0, faster_ema=0.0, faster_dropout=0.5, faster_trainConvFrom=1,
        faster_flip=True, faster_scaleJitter=0.0, faster_colourJitter=0.0, faster_blur=0.0, faster_noise=0.0,
        faster_mosaic=0.0, faster_negatives=False, faster_validation=0.0, faster_patience=0, compat="tutorial",
    )  # fmt: skip
