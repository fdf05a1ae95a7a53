"""Which pictures a training does not learn from, but is measured on."""

import logging
from collections.abc import Sequence

import numpy as np

from fastRCNN.faster.pictures import AnnotatedPicture
from fastRCNN.faster.recipe import FasterTraining

log = logging.getLogger(__name__)


def split(
    pictures: Sequence[AnnotatedPicture], recipe: FasterTraining, seed: int
) -> tuple[list[AnnotatedPicture], list[AnnotatedPicture]]:
    """Return the pictures to learn from, and those held out: `faster_validation` of the ones with objects, by `seed`.

    Pictures without objects are learnt from where `faster_negatives` says so.
    """
    shown = [number for number, picture in enumerate(pictures) if len(picture.objects)]
    count = min(round(len(shown) * recipe.faster_validation), len(shown) - 1)
    if recipe.faster_validation and count < 1:
        log.warning(
            "faster_validation = %g of %d picture(s) with objects is none: nothing is held out.",
            recipe.faster_validation, len(shown),
        )  # fmt: skip
    held = set(np.random.default_rng(seed).permutation(shown)[:count].tolist()) if count > 0 else set()
    learnt = [
        picture for number, picture in enumerate(pictures)
        if number not in held and (len(picture.objects) or recipe.faster_negatives)
    ]  # fmt: skip
    return learnt, [pictures[number] for number in sorted(held)]
