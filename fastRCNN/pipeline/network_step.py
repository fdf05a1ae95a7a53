"""The parts of step 3: which files it leaves, the network it starts from, its training, and how outputs are written."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastRCNN.datasets.imdb import Dataset
from fastRCNN.engines import starting_network
from fastRCNN.network.network import Network
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.classifiers.protocol import TrainingSet
from fastRCNN.pipeline.cntk_inputs import CntkRecord
from fastRCNN.pipeline.stages import begin, current_stamp
from helpers.artifacts import Artifacts
from helpers.errors import UserError

log = logging.getLogger(__name__)


def begin_network(artifacts: Artifacts, p: Any, records: Mapping[str, Sequence[CntkRecord]]) -> None:
    """Remove what is stale of step 3's files, with `p.restart` all of them, and leave its stamp.

    Raises `UserError` for `p.resume` where no interrupted training of just these parameters and pictures waits.
    """
    files = CLASSIFIERS[p.classifier].network_files(artifacts)
    files += [
        artifacts.embedding_file(image_set, p.classifier, record.index)
        for image_set, of_set in records.items()
        for record in of_set
    ]
    if p.resume:
        _require_checkpoint(artifacts, p)
    if p.restart:
        for path in (*files, artifacts.checkpoint_file(p.classifier)):
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
    """Return `network` as the classifier wants it: trained on `records`, or as it is."""
    classifier = CLASSIFIERS[p.classifier]
    fingerprint = _fingerprint(artifacts, p) if classifier.trains_network else ""
    return classifier.train(network, p, TrainingSet(artifacts, imdb, records, fingerprint))


def _fingerprint(artifacts: Artifacts, p: Any) -> str:
    from fastRCNN.nn.checkpoints import fingerprint

    return fingerprint(current_stamp("network", artifacts, p))


def _require_checkpoint(artifacts: Artifacts, p: Any) -> None:
    from fastRCNN.nn.checkpoints import Checkpoint

    path = artifacts.checkpoint_file(p.classifier)
    if not CLASSIFIERS[p.classifier].trains_network or p.engine != "torch":
        trained = " or ".join(name for name, each in CLASSIFIERS.items() if each.trains_network)
        raise UserError(f"--resume goes on with a training: it needs --classifier {trained} and PyTorch as the engine")
    if Checkpoint.load(path, _fingerprint(artifacts, p)) is None:
        raise UserError(
            f"--resume: {path} {'is of another training' if path.exists() else 'is not there'}, so there is nothing to "
            "resume. Without --resume the script does what is left to do"
        )
