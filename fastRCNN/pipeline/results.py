"""From what steps 1 to 4 left to scores: the pictures of an image set, scored, one at a time.

Both scripts of step 5 read through here. Only one picture's embeddings are in memory.
"""

from collections.abc import Iterator

import numpy as np

from fastRCNN.boxes.box_regression import moved_boxes
from fastRCNN.datasets.imdb import Dataset
from fastRCNN.datasets.roidb import load_roidb
from fastRCNN.evaluation.average_precision import PictureResult
from fastRCNN.pipeline.embeddings import EmbeddingFiles
from fastRCNN.pipeline.outputs import load_box_regressor, read_offsets
from fastRCNN.svm.model import SvmModel
from fastRCNN.svm.scoring import score_rois, softmax
from helpers.artifacts import Artifacts
from helpers.errors import UserError

__all__ = ["PictureResult", "scored_pictures"]


def scored_pictures(
    imdb: Dataset, artifacts: Artifacts, *, classifier: str = "svm", nr_rois: int = 2000, compat: str = "corrected"
) -> Iterator[PictureResult]:
    """Yield the pictures of `imdb` with their ROIs scored, in order.

    classifier: "svm" scores the embeddings with the SVMs of step 4; "nn" turns the network's raw scores into
    probabilities. In the training set the annotated boxes are the first ROIs of each picture; they are left out, since
    they would find themselves.
    """
    nr_classes = len(imdb.classes)
    regressor = load_box_regressor(artifacts, classifier, nr_classes)
    model = SvmModel.load(artifacts.svm_folder, nr_classes=nr_classes) if classifier == "svm" else None
    for record in load_roidb(imdb, artifacts, nr_rois, with_ground_truth=imdb.image_set == "train"):
        path = artifacts.embedding_file(imdb.image_set, classifier, record.image.index)
        outputs = EmbeddingFiles([path], [len(record.rois)])[0]
        expected = model.feature_dimension if model else nr_classes
        if outputs.shape[1] != expected:
            raise UserError(
                f"{path}: expected {expected} numbers for each ROI "
                f"({'as the SVMs were trained with' if model else 'one for each class'}), found {outputs.shape[1]}. "
                f"Run 3_runCntk.py{' and 4_trainSvm.py' if model else ''} again"
            )
        proposals = ~record.is_ground_truth
        outputs = outputs[proposals] if record.is_ground_truth.any() else outputs
        scores = score_rois(outputs, model, compat=compat) if model else softmax(outputs)
        moved = None
        if regressor:
            written = None if model else read_offsets(path, len(record.rois), nr_classes)[proposals]
            offsets = regressor.offsets(outputs) if written is None else written
            moved = moved_boxes(record.rois[proposals], offsets, record.image.width, record.image.height)
        yield PictureResult(
            record.image.index,
            record.image.path,
            record.rois[proposals],
            scores.astype(np.float32, copy=False),
            record.image.gt_boxes,
            record.image.gt_classes,
            moved,
        )
