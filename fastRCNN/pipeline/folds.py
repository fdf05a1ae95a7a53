"""How good is it on pictures that were not learnt from, where there are few? Each is left out once.

The training pictures are dealt into folds. For each fold the SVMs and their box regression are trained on the others,
and measured on the pictures of the fold. Embeddings depend on no label, so step 3's are used as they are; only the
annotated boxes among the ROIs of a picture that is left out do not count, since they would find themselves. The limits
of ROIs, where they are fitted, know all pictures. Where the network itself is trained: `network_folds.py`.

Kohavi: A study of cross-validation and bootstrap for accuracy estimation and model selection, IJCAI 1995.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from fastRCNN.boxes.ignored import IgnoredBoxes
from fastRCNN.boxes.suppression import Suppression
from fastRCNN.datasets.imdb import Dataset
from fastRCNN.datasets.roidb import RoiRecord, load_roidb
from fastRCNN.evaluation.average_precision import PictureResult
from fastRCNN.pipeline.classifiers.svm import SvmScorer
from fastRCNN.pipeline.embeddings import EmbeddingFiles
from fastRCNN.pipeline.scoring import score_picture
from fastRCNN.svm.boxes import train_svm_boxes
from fastRCNN.svm.train_svms import SvmTraining, train_svms
from helpers.artifacts import Artifacts
from helpers.errors import UserError


@dataclass(frozen=True)
class FoldOptions:
    """How to train and to measure, as steps 4 and 5 do.

    with_boxes: with box regression; ridge: see `train_svm_boxes`.
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


def deal(has_objects: Sequence[bool], folds: int, *, seed: int = 0) -> NDArray[np.int64]:
    """Return the fold of each picture, by chance; pictures with objects, and those without, are spread evenly.

    Raises `UserError` for more folds than pictures with objects.
    """
    flags = np.asarray(has_objects, bool)
    if not 2 <= folds <= flags.sum():
        raise UserError(f"--folds {folds}: expected 2 to {flags.sum()}, the number of training pictures with objects")
    rng = np.random.default_rng(seed)
    numbers = np.zeros(len(flags), np.int64)
    order = np.concatenate([rng.permutation(np.flatnonzero(flags)), rng.permutation(np.flatnonzero(~flags))])
    numbers[order] = np.arange(len(order)) % folds
    return numbers


def scored_folds(
    imdb: Dataset, artifacts: Artifacts, folds: int, options: FoldOptions
) -> Iterator[Iterator[PictureResult]]:
    """Yield the pictures of each fold of the training pictures `imdb`, whose embeddings step 3 left for "svm".

    They are scored by what is trained on the others; take them before the next fold.
    """
    of_fold = deal([len(record.gt_boxes) > 0 for record in imdb], folds, seed=options.seed)
    ignore_from = None if options.compat == "tutorial" else options.training.negative_overlap
    records = list(load_roidb(imdb, artifacts, options.nr_rois, with_ground_truth=True, ignore_from=ignore_from))
    for fold in range(folds):
        scorer = _trained([records[i] for i in np.flatnonzero(of_fold != fold)], imdb.classes, artifacts, options)
        left_out = [records[i] for i in np.flatnonzero(of_fold == fold)]
        yield map(partial(_scored, artifacts=artifacts, scorer=scorer, compat=options.compat), left_out)


def _trained(
    records: Sequence[RoiRecord], classes: Sequence[str], artifacts: Artifacts, options: FoldOptions
) -> SvmScorer:
    """Return what step 4 would train on `records`; a class that none of them shows is never detected."""
    paths = [artifacts.embedding_file("train", "svm", record.image.index) for record in records]
    embeddings = EmbeddingFiles(paths, [len(record.rois) for record in records])
    model = train_svms(
        embeddings, [record.overlaps for record in records], compat=options.compat, class_names=classes,
        parameters=replace(options.training, skip_classes_without_positives=True), jobs=options.jobs,
    )  # fmt: skip
    if not options.with_boxes or options.compat == "tutorial":
        return SvmScorer(model, None, options.compat)
    regressor = train_svm_boxes(
        embeddings, [record.rois for record in records], [record.image.gt_boxes for record in records],
        nr_classes=len(classes), ridge=options.ridge, seed=options.seed,
    )  # fmt: skip
    return SvmScorer(model, regressor, options.compat)


def _scored(record: RoiRecord, artifacts: Artifacts, scorer: SvmScorer, compat: str) -> PictureResult:
    image, proposed = record.image, ~record.is_ground_truth
    path = artifacts.embedding_file("train", "svm", image.index)
    rows = EmbeddingFiles([path], [len(record.rois)])[0][proposed]
    found = score_picture(scorer, rows, record.rois[proposed], image.width, image.height)
    ignored = IgnoredBoxes.of() if compat == "tutorial" else image.ignored_boxes
    return PictureResult(
        image.index, image.path, found.rois, found.scores, image.gt_boxes, image.gt_classes, found.moved, ignored
    )
