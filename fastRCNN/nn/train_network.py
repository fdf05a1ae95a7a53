"""Train a network as the classifier, by PyTorch or by CNTK, with progress bar, log and checkpoint in one folder."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastRCNN.boxes.box_regression import BoxRegressor
from fastRCNN.network.network import Network
from fastRCNN.nn.sampling import TrainingPicture
from fastRCNN.nn.training import NnTrainer, NnTraining
from fastRCNN.nn.training_log import draw_log, write_log
from fastRCNN.run_context import RunContext
from helpers.console import progress

log = logging.getLogger(__name__)


def train_network(
    network: Network,
    pictures: Sequence[TrainingPicture],
    classes: Sequence[str],
    parameters: NnTraining,
    *,
    checkpoint: Path,
    fingerprint: str = "",
    context: RunContext = RunContext(),  # noqa: B008 - frozen
) -> tuple[Network, BoxRegressor | None]:
    """Return `network` with a layer "score" for `classes`, trained on `pictures`, and its box regression, if any.

    `checkpoint` is written after each epoch (PyTorch only); where it is there and its `fingerprint` (what the training
    is made from) fits, it is continued. It stays: whoever has written down what is returned removes it. Its folder also
    gets training_nn.tsv and .png.
    """
    folder = checkpoint.parent
    folder.mkdir(parents=True, exist_ok=True)
    log_file, first = folder / "training_nn.tsv", context.writes
    if context.engine == "cntk":
        from fastRCNN.nn.cntk_trainer import CntkNnTrainer

        trainer: Any = CntkNnTrainer(network, pictures, classes, parameters, context=context, scratch=folder)
    else:
        trainer = NnTrainer(
            network, pictures, tuple(classes), parameters, context=context, checkpoint=checkpoint,
            fingerprint=fingerprint,
        )  # fmt: skip
    try:
        for _ in progress(trainer.prepare(), "frozen layers", len(trainer.features.keys)):
            pass
        bar: Any = progress(trainer.run(), "training", trainer.nr_steps)
        watched = hasattr(bar, "set_postfix_str")  # a bar is only drawn where somebody watches
        for step in bar:
            if watched:
                bar.set_postfix_str(str(step))
            if step.last and first:
                write_log(log_file, trainer.history)
                if not watched:
                    log.info("%s", step)
        if first:
            write_log(log_file, trainer.history)
            draw_log(log_file.with_suffix(".png"), trainer.history)
        trained, regressor = trainer.result()
    finally:
        if context.engine == "cntk":
            trainer.close()
    log.info("Training log: %s", log_file)
    return trained, regressor
