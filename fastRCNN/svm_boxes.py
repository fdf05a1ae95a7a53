"""Box regression beside the SVMs: fitted on the embeddings that step 3 wrote for the training pictures."""

import numpy as np

from fastRCNN.box_regression import NEAR, BoxRegressor, best_objects, box_targets, fit_ridge
from fastRCNN.embeddings import EmbeddingFiles
from fastRCNN.imdb import Imdb
from fastRCNN.roidb import load_roidb
from helpers.artifacts import Artifacts


def train_svm_boxes(imdb: Imdb, artifacts: Artifacts, *, nr_rois: int, ridge: float = 1.0) -> BoxRegressor:
    """Return the box regression for the pictures of `imdb`, the same for each of their classes.

    Every ROI that overlaps an object by `NEAR` or more learns to become the one that it overlaps most. The embeddings
    of these ROIs are in memory, of the others one picture's at a time. ridge: see `fit_ridge`.
    """
    records = list(load_roidb(imdb, artifacts, nr_rois, with_ground_truth=True))
    paths = [artifacts.embedding_file(imdb.image_set, "svm", record.image.index) for record in records]
    embeddings = EmbeddingFiles(paths, [len(record.rois) for record in records])
    rows, targets = [], []
    for of_picture, record in zip(embeddings, records, strict=True):
        best, overlap = best_objects(record.rois, record.image.gt_boxes)
        near = overlap >= NEAR
        rows.append(np.array(of_picture[near], np.float32))
        if near.any():
            targets.append(box_targets(record.rois[near], record.image.gt_boxes[best[near]]))
    weights, biases = fit_ridge(np.concatenate(rows), np.concatenate([np.zeros((0, 4)), *targets]), ridge=ridge)
    classes = len(imdb.classes)
    return BoxRegressor(np.tile(weights, (classes, 1, 1)), np.tile(biases, (classes, 1)))
