"""The parts of step 3: the network it starts from, its training, and what it gives for all pictures."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastRCNN.engines import load_engine, starting_network
from fastRCNN.network.network import Network, save_network
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.classifiers.protocol import Training, TrainingSet
from fastRCNN.pipeline.cntk_inputs import CntkRecord
from fastRCNN.pipeline.embed_dataset import embed_dataset
from fastRCNN.pipeline.stages import Chain, Work
from fastRCNN.run_context import RunContext
from helpers.console import progress
from helpers.errors import UserError

log = logging.getLogger(__name__)


def choose_network(weight_file: Path | None, seed: int) -> Network:
    """Return the network in `weight_file`; where there is none, and the log says so, He-initialised filters."""
    network = starting_network(str(weight_file or ""), seed)
    log.info("Network: %s.", network.spec.source or weight_file)
    if not weight_file:
        log.warning(
            "There is no weight file, so the filters are random (He-initialised): they tell textures apart, but a "
            "trained network detects clearly better. resources/install_alexnet.py fetches one."
        )
    return network


def make_network(
    work: Work, model_file: Path, network: Network, *, training: Training | None, data: TrainingSet
) -> None:
    """Write `network` to `model_file`, trained on `data` where there is a `training`.

    The checkpoint of the training is only of use until the model is written, and must stay until then: the caller
    removes it.
    """
    if training is not None:
        network, beside = training(network, data)
        work.enter(*beside)
    save_network(model_file, network.spec.to_header(), network.arrays)
    work.enter(model_file)


def require_checkpoint(path: Path, fingerprint: str) -> None:
    """Raise `UserError` unless an interrupted training of just these parameters and pictures waits at `path`."""
    from fastRCNN.nn.checkpoints import Checkpoint  # only for a training: step 3 starts faster without

    if Checkpoint.load(path, fingerprint) is None:
        raise UserError(
            f"--resume: {path} {'is of another training' if path.exists() else 'is not there'}, so there is nothing to "
            "resume. Without --resume the script does what is left to do"
        )


def drop_checkpoint(path: Path, fingerprint: str) -> None:
    """Remove the checkpoint of a training whose network is written down; another one's stays."""
    if path.exists():
        from fastRCNN.nn.checkpoints import Checkpoint

        if Checkpoint.load(path, fingerprint) is not None:
            path.unlink()


def run_network(
    chain: Chain, work: Work, context: RunContext, precision: str, records: Mapping[str, Sequence[CntkRecord]]
) -> list[float]:
    """Run the network on the ROIs of all pictures that are left to do; return the seconds that each took."""
    artifacts, classifier = chain.artifacts, chain.choices.classifier
    nr_rois = chain.choices.values["embeddings"]["cntk_nrRois"]
    outputs = CLASSIFIERS[classifier].outputs(artifacts, len(chain.datasets["train"].classes))
    todo = set(work.todo)
    for_cntk = artifacts.model_file(classifier).with_suffix(".model")
    seconds: list[float] = []

    def write(path: Path, rows: NDArray[np.float32]) -> None:
        with work.making(path):
            outputs.write(path, rows)

    choice: Any = {"device": context.device, "threads": context.threads, "precision": precision}
    with load_engine(context.engine, outputs.network(), **choice) as engine:
        if for_cntk in todo:
            with work.making(for_cntk):
                engine.save(for_cntk)  # type: ignore[attr-defined]  # only CNTK's engine has a format of its own
        for image_set, of_set in records.items():
            files = {artifacts.embedding_file(image_set, classifier, record.index): record for record in of_set}
            left = {path: record for path, record in files.items() if path in todo}
            log.info("%s: %d pictures, %d of them up to date.", image_set, len(files), len(files) - len(left))
            run = embed_dataset(engine, list(left.values()), list(left), pad_size=context.pad_size,
                                nr_rois=nr_rois, write=write)  # fmt: skip
            seconds += list(progress(run, f"{image_set} pictures", len(left)))
    return seconds
