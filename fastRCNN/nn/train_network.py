"""Train a network as the classifier, by PyTorch or by CNTK, with progress bar, log and checkpoint in one folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastRCNN.boxes.box_regression import BoxRegressor
from fastRCNN.network.network import Network
from fastRCNN.nn.following import follow
from fastRCNN.nn.sampling import TrainingPicture
from fastRCNN.nn.training import NnTrainer, NnTraining
from fastRCNN.run_context import RunContext
from helpers.console import progress


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
    if context.engine == "cntk":
        from fastRCNN.nn.cntk_trainer import CntkNnTrainer

        trainer: Any = CntkNnTrainer(network, pictures, classes, parameters, context=context, scratch=folder)
    else:
        trainer = NnTrainer(
            network, pictures, tuple(classes), parameters, context=context, checkpoint=checkpoint,
            fingerprint=fingerprint,
        )  # fmt: skip
    try:
        pictures_left = len(trainer.features.keys)
        for _ in progress(context.watched(trainer.prepare(), pictures_left), "frozen layers", pictures_left):
            pass
        follow(trainer, folder / "training_nn.tsv", context=context)
        trained, regressor = trainer.result()
    finally:
        if context.engine == "cntk":
            trainer.close()
    return trained, regressor
