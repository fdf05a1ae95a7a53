"""How good is it on pictures that were not learnt from, where there are few? Each is left out once.

The training pictures are dealt into folds. For each fold the SVMs and their box regression are trained on the others,
and measured on the pictures of the fold. Embeddings depend on no label, so step 3's are used as they are; only the
annotated boxes among the ROIs of a picture that is left out do not count, since they would find themselves. The limits
of ROIs, where they are fitted, know all pictures. Where the network itself is trained: `network_folds.py`.

Kohavi: A study of cross-validation and bootstrap for accuracy estimation and model selection, IJCAI 1995.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastRCNN.boxes.ignored import IgnoredBoxes
from fastRCNN.boxes.suppression import Suppression
from fastRCNN.datasets.imdb import Dataset
from fastRCNN.datasets.roidb import RoiRecord, load_roidb
from fastRCNN.evaluation.average_precision import PictureResult
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.classifiers.svm import SvmScorer
from fastRCNN.pipeline.scoring import score_picture
from fastRCNN.pipeline.unstored_rows import EmbeddingsOf, Unstored, open_embeddings
from fastRCNN.svm.boxes import BoxExamples
from fastRCNN.svm.train_svms import SvmTraining, train_svms
from helpers.artifacts import Artifacts
from helpers.errors import UserError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FoldOptions:
    """How to train and to measure, as steps 4 and 5 do.

    with_boxes: with box regression; ridge: see `BoxExamples.fit`.
    """

    training: SvmTraining
    nr_rois: int = 1000
    with_boxes: bool = True
    ridge: float | None = None
    nms_threshold: float | Suppression = 0.3
    overlap_threshold: float = 0.5
    compat: str = "corrected"
    seed: int = 0
    jobs: int = 1
    max_per_picture: int = 0  # detections that count (`evaluate`)

    @classmethod
    def choose(cls, parameters: Mapping[str, Any], classes: Sequence[str]) -> "FoldOptions":
        """Return what `parameters` (by name) say for a data set with these `classes`, background first."""
        p, probabilities = parameters, CLASSIFIERS[parameters["classifier"]].gives_probabilities
        return cls(
            SvmTraining.choose(p), p["cntk_nrRois"], p["svm_bboxRegression"], p["svm_bboxRidge"] or None,
            Suppression.choose(p, classes, probabilities=probabilities), p["evalVocOverlapThreshold"], p["compat"],
            p["seed"], p["jobs"], p["evalMaxPerPicture"],
        )  # fmt: skip


def deal(has_objects: Sequence[bool], folds: int, *, seed: int = 0) -> NDArray[np.int64]:
    """Return the fold of each picture, by chance; pictures with objects, and those without, are spread evenly.

    Raises `UserError` for more folds than pictures with objects, and for fewer than two of these.
    """
    flags = np.asarray(has_objects, bool)
    if flags.sum() < 2:
        raise UserError(
            f"{flags.sum()} training picture(s) with objects: two or more are needed, since each is left out in turn. "
            "Annotate more"
        )
    if not 2 <= folds <= flags.sum():
        raise UserError(f"--folds {folds}: expected 2 to {flags.sum()}, the number of training pictures with objects")
    rng = np.random.default_rng(seed)
    numbers = np.zeros(len(flags), np.int64)
    order = np.concatenate([rng.permutation(np.flatnonzero(flags)), rng.permutation(np.flatnonzero(~flags))])
    numbers[order] = np.arange(len(order)) % folds
    return numbers


def scored_folds(
    imdb: Dataset, artifacts: Artifacts, folds: int, options: FoldOptions, *, unstored: Unstored | None = None
) -> Iterator[Iterator[PictureResult]]:
    """Yield the pictures of each fold of the training pictures `imdb`, scored by what is trained on the others.

    Take them before the next fold. Embeddings are those that step 3 left for classifier "svm", or computed in every
    pass as `unstored` says.
    """
    of_fold = deal([len(record.gt_boxes) > 0 for record in imdb], folds, seed=options.seed)
    ignore_from = None if options.compat == "tutorial" else options.training.negative_overlap
    records = list(load_roidb(imdb, artifacts, options.nr_rois, with_ground_truth=True, ignore_from=ignore_from))
    if unstored is not None:
        passes = options.training.nr_epochs + 1
        log.info("Embeddings are not stored: the network runs again for each pass, %.0f times for all pictures.",
                 passes * (folds - 1) + 1)  # fmt: skip
    with open_embeddings(artifacts, "svm", "train", unstored) as embeddings_of:
        for fold in range(folds):
            others = [records[i] for i in np.flatnonzero(of_fold != fold)]
            scorer = _trained(others, _embeddings(others, embeddings_of), imdb.classes, options)
            left_out = [records[i] for i in np.flatnonzero(of_fold == fold)]
            rows = _embeddings(left_out, embeddings_of)
            yield map(partial(_scored, scorer=scorer, compat=options.compat), left_out, rows)


def _embeddings(records: Sequence[RoiRecord], embeddings_of: EmbeddingsOf) -> Sequence[NDArray[np.float32]]:
    return embeddings_of([record.image.index for record in records], [len(record.rois) for record in records])


def _trained(
    records: Sequence[RoiRecord],
    embeddings: Sequence[NDArray[np.float32]],
    classes: Sequence[str],
    options: FoldOptions,
) -> SvmScorer:
    """Return what step 4 would train on `records`; a class that none of them shows is never detected."""
    boxes = None
    if options.with_boxes and options.compat != "tutorial":
        objects = [record.image.gt_boxes for record in records]
        boxes = BoxExamples([record.rois for record in records], objects, seed=options.seed)
    model = train_svms(
        embeddings, [record.overlaps for record in records], compat=options.compat, class_names=classes,
        parameters=replace(options.training, skip_classes_without_positives=True), jobs=options.jobs,
        on_features=boxes.take if boxes else None,
    )  # fmt: skip
    regressor = boxes.fit(embeddings, nr_classes=len(classes), ridge=options.ridge) if boxes else None
    return SvmScorer(model, regressor, options.compat)


def _scored(record: RoiRecord, rows: NDArray[np.float32], scorer: SvmScorer, compat: str) -> PictureResult:
    image, proposed = record.image, ~record.is_ground_truth
    found = score_picture(scorer, rows[proposed], record.rois[proposed], image.width, image.height)
    ignored = IgnoredBoxes.of() if compat == "tutorial" else image.ignored_boxes
    return PictureResult(
        image.index, image.path, found.rois, found.scores, image.gt_boxes, image.gt_classes, found.moved, ignored
    )
