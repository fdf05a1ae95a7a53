"""Pictures left out in turn where the network itself is trained: for each fold anew, on the other pictures.

    proc/<dataset>/folds/nn_2_of_5/models/           the training's log; its checkpoint while it lasts
    proc/<dataset>/folds/nn_2_of_5/cntkFiles/        what the network gave for the pictures that were left out
    proc/<dataset>/folds/nn_2_of_5/manifests/        what that was made from

Files of step 3 are never touched. A fold whose files are there, made from the same, is not trained again; a training
that was stopped goes on after its last whole epoch. The network of a finished fold is removed: its scores stay.
"""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fastRCNN.datasets.record_table import some_records
from fastRCNN.evaluation.average_precision import PictureResult
from fastRCNN.network.network import Network, save_network
from fastRCNN.pipeline.classifiers.protocol import Classifier, Training, TrainingSet
from fastRCNN.pipeline.cntk_inputs import Chosen
from fastRCNN.pipeline.embed_dataset import embed_dataset
from fastRCNN.pipeline.folds import deal
from fastRCNN.pipeline.picture_network import NetworkRun, PictureNetwork
from fastRCNN.pipeline.results import scored_pictures
from helpers.console import in_words, progress
from helpers.file_facts import FileFacts
from helpers.ledgers import Ledger, State
from helpers.manifests import Recipe

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FoldTraining:
    """How the network of each fold is trained.

    start: the network that every training starts from. kind: of the numbers in files, "float16" or "float32".
    whole_seconds: how long the training on all pictures took, where that is known.
    """

    classifier: Classifier
    training: Training
    start: Network
    kind: str = "float32"
    whole_seconds: float | None = None


def scored_network_folds(data: TrainingSet, folds: int, how: FoldTraining) -> Iterator[Iterator[PictureResult]]:
    """Yield the pictures of each fold of `data`, scored by a network that was trained on the others.

    The folds are those of `fastRCNN.pipeline.folds.scored_folds` for the same seed. In each the training pictures have
    the ROIs and labels of step 2. Raises `UserError` for more folds than pictures with objects.
    """
    of_fold = deal([len(record.gt_boxes) > 0 for record in data.imdb], folds, seed=data.context.seed)
    trials = [_Fold(data, how, f"{fold + 1} of {folds}", of_fold == fold) for fold in range(folds)]
    left = [trial for trial in trials if not trial.is_finished()]
    _say_how_long(how, len(left), folds)
    start, trained = time.monotonic(), 0
    for trial in trials:
        if trial not in left:
            log.info("Fold %s: trained before.", trial.name)
        else:
            trial.train()
            trained += 1
            if rest := len(left) - trained:
                seconds = (time.monotonic() - start) / trained * rest
                log.info("%d fold(s) left: about %s.", rest, in_words(seconds))
        yield trial.scored()


def seconds_of_training(log_file: Path) -> float | None:
    """Return how long a training took by its log, the sum of its column "seconds"; None where there is none."""
    try:
        header, *rows = (line.split("\t") for line in log_file.read_text(encoding="utf-8").splitlines())
        column = header.index("seconds")
        return sum(float(row[column]) for row in rows) or None
    except (OSError, ValueError, IndexError):
        return None


def _say_how_long(how: FoldTraining, left: int, folds: int) -> None:
    if not left:
        return
    if how.whole_seconds is None:
        log.info("%d network(s) to train, each about as long as step 3 takes.", left)
        return
    seconds = how.whole_seconds * left * (folds - 1) / folds
    log.info("%d network(s) to train: about %s, as step 3 took.", left, in_words(seconds))


class _Fold:
    """The pictures that are left out of one training, and the files of it."""

    def __init__(self, data: TrainingSet, how: FoldTraining, name: str, left_out: np.ndarray) -> None:
        self.name, self._data, self._how = name, data, how
        self._places = np.flatnonzero(left_out).tolist()
        self._others = np.flatnonzero(~left_out).tolist()
        self._of = data.artifacts.trial(f"{how.classifier.name}_{name.replace(' ', '_')}")
        self._left_out = some_records(data.imdb, self._places)
        seen = {"cntk_precision": data.context.precision, "cntk_tiles": data.context.tiles,
                "cntk_tileOverlap": data.context.tile_overlap}  # fmt: skip
        self._recipe = Recipe(
            "5_evaluateResults.py", {"cntk_embeddingType": how.kind, **seen},
            {"training": data.fingerprint, **{f"left out: {key}": "" for key in self._left_out.keys}},
        )  # fmt: skip
        self._ledger = Ledger(self._of.manifest_file("fold"), FileFacts(self._of.facts_file, self._of.proc))

    def is_finished(self) -> bool:
        """Return whether all files are there, as they were written, and made from what is there now."""
        ledger, digest = self._ledger, self._recipe.digest()
        if ledger.manifest is None or ledger.interrupted or ledger.manifest.recipe.digest() != digest:
            return False
        files = map(ledger.facts.path, ledger.manifest.files)
        return all(ledger.state(path, digest) is State.FRESH for path in files)

    def train(self) -> None:
        """Train on the other pictures, run the network on those that are left out, and keep what it gives."""
        data, how, of = self._data, self._how, self._of
        digest, model = self._recipe.digest(), of.model_file(how.classifier.name)
        log.info("Fold %s: %d pictures to learn from, %d left out.", self.name, len(self._others), len(self._places))
        others = replace(
            data, artifacts=of, imdb=some_records(data.imdb, self._others),
            records=Chosen(data.records, self._others), fingerprint=digest,
        )  # fmt: skip
        for path in how.classifier.network_files(of):  # of another training: this one may leave fewer files
            path.unlink(missing_ok=True)
        network, beside = how.training(how.start, others)
        save_network(model, network.spec.to_header(), network.arrays)
        del network
        files = self._outputs(with_boxes=bool(beside))
        made = dict.fromkeys([*beside, *(path for unit in files for path in unit)], digest)
        self._ledger.announce(made)
        self._run(files)
        for path in made:
            self._ledger.enter(path)
        model.unlink()
        self._ledger.finish(self._recipe, made)
        of.checkpoint_file(how.classifier.name).unlink(missing_ok=True)

    def scored(self) -> Iterator[PictureResult]:
        """Yield the pictures that are left out, scored."""
        nr_rois, name = self._data.nr_rois, self._how.classifier.name
        return scored_pictures(self._left_out, self._of, classifier=name, nr_rois=nr_rois, compat=self._data.compat)

    def _outputs(self, *, with_boxes: bool) -> list[tuple[Path, ...]]:
        of, classifier = self._of, self._how.classifier
        return [
            tuple(classifier.output_files(of, of.embedding_file("train", classifier.name, index), key,
                                          with_boxes=with_boxes))
            for index, key in enumerate(self._left_out.keys)
        ]  # fmt: skip

    def _run(self, files: Sequence[tuple[Path, ...]]) -> None:
        data, how = self._data, self._how
        run = NetworkRun(
            self._of, how.classifier.name, len(data.imdb.classes), data.context, data.compat, None, how.kind
        )
        units = {unit[0]: unit for unit in files}
        with PictureNetwork(run) as network:
            done: Iterable[float] = embed_dataset(
                Chosen(data.records, self._places), list(units), network.compute,
                lambda first, found: network.write(units[first], found), pad_size=data.context.pad_size,
                tiling=run.tiling, pace=network.pace,
            )  # fmt: skip
            for _ in progress(done, "left out", len(units)):
                pass
