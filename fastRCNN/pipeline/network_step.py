"""The parts of step 3: which files it leaves, the network it starts from, its training, and how outputs are written."""

import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fastRCNN.datasets.imdb import Dataset
from fastRCNN.datasets.roidb import load_roidb
from fastRCNN.engines import starting_network
from fastRCNN.network.network import Network
from fastRCNN.pipeline.cntk_inputs import CntkRecord
from fastRCNN.pipeline.embeddings import can_be_read, write_embeddings
from fastRCNN.pipeline.outputs import boxes_file, load_box_regressor, offsets_file, scoring_network, write_outputs
from fastRCNN.pipeline.stages import begin, current_stamp
from fastRCNN.pipeline.training_pictures import training_pictures
from helpers.artifacts import Artifacts
from helpers.errors import UserError

log = logging.getLogger(__name__)

_CHECKPOINT = "checkpoint_nn.npz"


def begin_network(artifacts: Artifacts, p: Any, records: Mapping[str, Sequence[CntkRecord]]) -> None:
    """Remove what is stale of step 3's files, with `p.restart` all of them, and leave its stamp.

    Raises `UserError` for `p.resume` where no interrupted training of just these parameters and pictures waits.
    """
    model = artifacts.model_file(p.classifier)
    files = [model, model.with_suffix(".model"), *([boxes_file(artifacts, "nn")] if p.classifier == "nn" else [])]
    files += [
        artifacts.embedding_file(image_set, p.classifier, record.index)
        for image_set, of_set in records.items()
        for record in of_set
    ]
    if p.resume:
        _require_checkpoint(artifacts, p)
    if p.restart:
        for path in (*files, model.with_name(_CHECKPOINT)):
            path.unlink(missing_ok=True)
    begin("network", artifacts, p, files)


def choose_network(weight_file: str, seed: int) -> Network:
    """Return the network in `weight_file`; where that is empty, and the log says so, He-initialised filters."""
    network = starting_network(weight_file, seed)
    log.info("Network: %s.", network.spec.source or weight_file)
    if not weight_file:
        log.warning(
            "There is no weight file, so the filters are random (He-initialised): they tell textures apart, but a "
            "trained network detects clearly better. resources/install_alexnet.py fetches one."
        )
    return network


def train_classifier(
    network: Network, p: Any, artifacts: Artifacts, imdb: Dataset, records: Sequence[CntkRecord]
) -> Network:
    """Return `network` trained on `records` as the parameters `p` say; its box regression, if any, is written."""
    from fastRCNN.nn.train_network import train_network  # only for classifier nn: step 3 starts faster without
    from fastRCNN.nn.training import NnTraining

    choice = NnTraining.choose(p)
    roidb = load_roidb(imdb, artifacts, p.cntk_nrRois, with_ground_truth=True) if choice.needs_roidb else None
    pictures = training_pictures(
        records, roidb, pad_size=p.cntk_padWidth, nr_rois=p.cntk_nrRois, with_filler=p.compat == "tutorial"
    )
    return train_network(
        network, pictures, imdb.classes, choice, checkpoint=artifacts.model_file("nn").with_name(_CHECKPOINT),
        engine=p.engine, fingerprint=_fingerprint(artifacts, p), pad_size=p.cntk_padWidth, seed=p.seed,
        device=p.device, threads=p.jobs, memory_limit=p.cntk_maxMemory * 1e9 or None,
    )  # fmt: skip


def outputs_of(
    model: Path, artifacts: Artifacts, classifier: str, nr_classes: int
) -> tuple[Network | Path, Callable[..., None], Callable[[Path], bool]]:
    """Return what an engine shall run; what writes its rows for a picture to a path; and whether they are there."""
    if classifier == "svm":
        return model, write_embeddings, can_be_read
    regressor = load_box_regressor(artifacts, classifier, nr_classes)

    def are_there(path: Path) -> bool:
        return can_be_read(path) and (regressor is None or can_be_read(offsets_file(path)))

    return scoring_network(model, regressor), functools.partial(write_outputs, nr_classes=nr_classes), are_there


def _fingerprint(artifacts: Artifacts, p: Any) -> str:
    from fastRCNN.nn.checkpoints import fingerprint

    return fingerprint(current_stamp("network", artifacts, p))


def _require_checkpoint(artifacts: Artifacts, p: Any) -> None:
    from fastRCNN.nn.checkpoints import Checkpoint

    path = artifacts.model_file("nn").with_name(_CHECKPOINT)
    if p.classifier != "nn" or p.engine != "torch":
        raise UserError("--resume goes on with a training: it needs --classifier nn and PyTorch as the engine")
    if Checkpoint.load(path, _fingerprint(artifacts, p)) is None:
        raise UserError(
            f"--resume: {path} {'is of another training' if path.exists() else 'is not there'}, so there is nothing to "
            "resume. Without --resume the script does what is left to do"
        )
