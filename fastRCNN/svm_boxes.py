"""Box regression beside the SVMs: fitted on the embeddings that step 3 wrote for the training pictures."""

import numpy as np

from fastRCNN.box_regression import BoxRegressor, fit_ridge
from fastRCNN.embeddings import EmbeddingFiles
from fastRCNN.imdb import Imdb
from fastRCNN.roidb import load_roidb
from helpers.artifacts import Artifacts


def train_svm_boxes(
    imdb: Imdb,
    artifacts: Artifacts,
    *,
    nr_rois: int,
    feature_scale: float,
    min_overlap: float = 0.6,
    ridge: float = 1000.0,
) -> BoxRegressor:
    """Return R-CNN's box regression for the pictures of `imdb`, for embeddings as step 3 wrote them.

    It is solved for embeddings times `feature_scale` (the SVMs', which gives them a mean length of `svm_targetNorm`),
    so that the paper's `ridge` of 1000 means the same for every network; one picture's embeddings are in memory.
    """
    records = list(load_roidb(imdb, artifacts, nr_rois, with_ground_truth=True))
    paths = [artifacts.embedding_file(imdb.image_set, "svm", record.image.index) for record in records]
    embeddings = EmbeddingFiles(paths, [len(record.rois) for record in records])
    pictures = (
        (rows * np.float32(feature_scale), record.rois, record.image.gt_boxes, record.image.gt_classes)
        for rows, record in zip(embeddings, records, strict=True)
    )
    fitted = fit_ridge(pictures, nr_classes=len(imdb.classes), min_overlap=min_overlap, ridge=ridge)
    return BoxRegressor(fitted.weights * np.float32(feature_scale), fitted.biases)
