"""Train Faster R-CNN, with progress bar, log and checkpoint in one folder."""

import logging
from collections.abc import Sequence
from pathlib import Path

from fastRCNN.boxes.tiles import Tiling
from fastRCNN.faster.held_out import split
from fastRCNN.faster.memory import require_enough_memory
from fastRCNN.faster.pictures import AnnotatedPicture, with_tiles
from fastRCNN.faster.recipe import FasterTraining
from fastRCNN.faster.start import prepared
from fastRCNN.faster.steps import LOSSES
from fastRCNN.faster.training import FasterTrainer
from fastRCNN.network.network import Network
from fastRCNN.nn.following import follow
from fastRCNN.run_context import RunContext

log = logging.getLogger(__name__)

COLUMNS = ("epoch", "stage", *LOSSES, "error", "recall", "rate", "pictures", "rois", "seconds")
HELD = ("validation_mAP", "validation_recall")


def train_faster(
    network: Network,
    pictures: Sequence[AnnotatedPicture],
    classes: Sequence[str],
    recipe: FasterTraining,
    *,
    checkpoint: Path,
    fingerprint: str = "",
    context: RunContext = RunContext(),  # noqa: B008 - frozen
) -> Network:
    """Return `network` with a region proposal network and a detector for `classes`, trained on `pictures`.

    Its `spec.rpn` says how proposals are made; its last layer gives C raw scores and 4 C offsets. `checkpoint` is
    written after each epoch; where it is there and its `fingerprint` (what the training is made from) fits, it is
    continued. It stays: whoever has written down what is returned removes it. Its folder also gets training_faster.tsv
    and .png. `UserError` where there is nothing to learn from, too little memory, or a loss that is not finite.
    """
    folder = checkpoint.parent
    folder.mkdir(parents=True, exist_ok=True)
    log_file = folder / "training_faster.tsv"
    if recipe.faster_patience and recipe.faster_training != "e2e":
        log.warning('faster_patience = %d counts only with faster_training "e2e": all stages are trained to their end.',
                    recipe.faster_patience)  # fmt: skip
    tiling = Tiling(context.tiles, context.tile_overlap)
    learnt, held = (with_tiles(part, tiling, context.pad_size) for part in split(pictures, recipe, context.seed))
    if tiling.cuts:
        learnt = [picture for picture in learnt if len(picture.objects) or recipe.faster_negatives]
        log.info("%d pictures to learn from, tiles included.", len(learnt))
    network, rpn = prepared(network, learnt, recipe, context.pad_size, seed=context.seed)
    require_enough_memory(network.spec, rpn, recipe, nr_classes=len(classes), context=context)
    trainer = FasterTrainer(
        network, learnt, tuple(classes), recipe, rpn, held=held, context=context, checkpoint=checkpoint,
        fingerprint=fingerprint,
    )  # fmt: skip
    columns, curves = (*COLUMNS, *(HELD if held else ())), (*LOSSES, "recall", *(HELD[:1] if held else ()))
    follow(trainer, log_file, context=context, columns=columns, curves=curves)
    if held:
        last = [row for row in trainer.history if row["stage"] == trainer.phases[-1].name]
        best = max(last, key=lambda row: row["validation_mAP"], default=None)  # of equal ones the first, as kept
        if best:
            log.info("Kept: epoch %d of %d, the best on the %d held-out picture(s)%s, mAP %.3f.",
                     best["epoch"], len(trainer.history), len(held), ", tiles included" if tiling.cuts else "",
                     best["validation_mAP"])  # fmt: skip
    return trainer.result()
