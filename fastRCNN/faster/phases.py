"""The parts of a training, one after the other: end to end there is one, in stages there are four.

The stages of Ren et al. (section 3.2, "alternating training"), as CNTK's `train_faster_rcnn_alternating` runs them:

1. The RPN learns, and the trunk with it. What it proposes for every training picture is kept.
2. The trunk starts anew; it and the detector learn from these proposals.
3. The RPN goes on from stage 1, on the trunk of stage 2, which stays as it is from now on. It proposes anew.
4. The detector goes on from stage 2, with the new proposals.
"""

from dataclasses import dataclass

from fastRCNN.faster.recipe import FasterTraining

_RPN = ("rpn_conv", "rpn_cls", "rpn_box")


@dataclass(frozen=True)
class Phase:
    """Which parts learn for how many epochs, with which rates; what happens before and after."""

    name: str
    epochs: int
    rates: tuple[float, ...]
    rpn: bool = True
    detector: bool = True
    trunk: bool = True
    anew: bool = False  # the trunk starts again from the network that was given
    proposes: bool = False  # at its end the proposals for all training pictures are kept

    def learns(self, layer: str, *, trunk: frozenset[str]) -> bool:
        """Whether the layer of this name changes; `trunk`: the names of the trunk's layers."""
        if layer in trunk:
            return self.trunk
        return self.rpn if layer in _RPN else self.detector


def phases(recipe: FasterTraining) -> tuple[Phase, ...]:
    """Return what `recipe` consists of."""
    if recipe.faster_training == "e2e":
        return (Phase("e2e", recipe.faster_max_epochs, recipe.faster_lr_per_image),)
    of_rpn = recipe.faster_rpnEpochs, recipe.faster_rpn_lr_per_image
    of_detector = recipe.faster_detectorEpochs, recipe.faster_detector_lr_per_image
    return (
        Phase("rpn 1", *of_rpn, detector=False, proposes=True),
        Phase("detector 1", *of_detector, rpn=False, anew=True),
        Phase("rpn 2", *of_rpn, detector=False, trunk=False, proposes=True),
        Phase("detector 2", *of_detector, rpn=False, trunk=False),
    )
