"""Train a network as the classifier, by PyTorch or by CNTK, with progress bar, log and checkpoint in one folder."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastRCNN.network.network import Network
from fastRCNN.nn.sampling import TrainingPicture
from fastRCNN.nn.training import NnTrainer, NnTraining
from fastRCNN.nn.training_log import draw_log, write_log
from helpers.console import progress

log = logging.getLogger(__name__)


def train_network(
    network: Network,
    pictures: Sequence[TrainingPicture],
    classes: Sequence[str],
    parameters: NnTraining,
    *,
    checkpoint: Path,
    engine: str = "torch",
    fingerprint: str = "",
    pad_size: int = 1000,
    seed: int = 0,
    device: str = "auto",
    threads: int | None = None,
    memory_limit: float | None = None,
) -> Network:
    """Return `network` with a layer "score" for `classes`, trained on `pictures`.

    `checkpoint` is written after each epoch (PyTorch only) and removed at the end; where it is there and its
    `fingerprint` (what the training is made from) fits, it is continued. Its folder also gets training_nn.tsv and .png,
    and boxes_nn.npz where boxes are learnt.
    """
    folder = checkpoint.parent
    folder.mkdir(parents=True, exist_ok=True)
    log_file = folder / "training_nn.tsv"
    if engine == "cntk":
        from fastRCNN.nn.cntk_trainer import CntkNnTrainer

        trainer: Any = CntkNnTrainer(
            network, pictures, classes, parameters, pad_size=pad_size, seed=seed, threads=threads, scratch=folder
        )
    else:
        trainer = NnTrainer(
            network, pictures, tuple(classes), parameters, pad_size=pad_size, seed=seed, device=device, threads=threads,
            checkpoint=checkpoint, fingerprint=fingerprint, memory_limit=memory_limit,
        )  # fmt: skip
    try:
        for _ in progress(trainer.prepare(), "frozen layers", len(trainer.features.keys)):
            pass
        bar: Any = progress(trainer.run(), "training", trainer.nr_steps)
        watched = hasattr(bar, "set_postfix_str")  # a bar is only drawn where somebody watches
        for step in bar:
            if watched:
                bar.set_postfix_str(str(step))
            if step.last:
                write_log(log_file, trainer.history)
                if not watched:
                    log.info("%s", step)
        write_log(log_file, trainer.history)
        draw_log(log_file.with_suffix(".png"), trainer.history)
        trained, regressor = trainer.result()
    finally:
        if engine == "cntk":
            trainer.close()
    if regressor is not None:
        regressor.save(folder / "boxes_nn.npz")
    checkpoint.unlink(missing_ok=True)
    log.info("Training log: %s", log_file)
    return trained
