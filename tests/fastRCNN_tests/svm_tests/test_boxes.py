"""Box regression for SVMs from the files of step 3, and its use in step 5."""

import numpy as np

from fastRCNN.boxes.box_regression import best_objects, box_targets
from fastRCNN.datasets.layouts import open_dataset
from fastRCNN.datasets.roidb import load_roidb
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.embeddings import EmbeddingFiles, write_embeddings
from fastRCNN.pipeline.results import scored_pictures
from fastRCNN.svm.boxes import BoxExamples
from fastRCNN.svm.model import SvmModel
from helpers.annotations import write_rois
from helpers.artifacts import Artifacts


def shifted(boxes):
    """Three ROIs for each box: shifted right, left and down by 3 pixels, as far as the picture of 120 x 90 allows."""
    moved = np.concatenate([boxes + [3, 0, 3, 0], boxes - [3, 0, 3, 0], boxes + [0, 3, 0, 3]])
    return np.clip(moved, 0, [119, 89, 119, 89])


def test_embeddings_that_know_the_shift_move_rois_onto_their_objects(tiny_root):
    artifacts = Artifacts(tiny_root, "tiny")
    for image_set in ("train", "test"):
        imdb = open_dataset(artifacts, image_set)
        for image in imdb:
            boxes = shifted(image.gt_boxes) if len(image.gt_boxes) else np.array([[0, 0, 20, 20]])
            write_rois(artifacts.roi_file(image.key), boxes)
        for record in load_roidb(imdb, artifacts, 200, with_ground_truth=image_set == "train"):
            rows = np.full((len(record.rois) + 2, 5), 1e6, np.float32)  # filler rows must not count
            rows[: len(record.rois)] = 50  # the embedding: a constant and the targets themselves, in hundreds
            if len(record.image.gt_boxes):
                best, _ = best_objects(record.rois, record.image.gt_boxes)
                rows[: len(record.rois), 1:] = 100 * box_targets(record.rois, record.image.gt_boxes[best])
            write_embeddings(artifacts.embedding_file(image_set, "svm", record.image.index), rows)
    weights = np.zeros((3, 5))
    SvmModel(weights, np.array([0.0, 1.0, 1.0]), 0.1).save(artifacts.svm_folder)
    train, test = open_dataset(artifacts, "train"), open_dataset(artifacts, "test")
    records = list(load_roidb(train, artifacts, 200, with_ground_truth=True))
    paths = [artifacts.embedding_file("train", "svm", record.image.index) for record in records]
    rois, objects = [record.rois for record in records], [record.gt_boxes for record in train]
    embeddings = EmbeddingFiles(paths, list(map(len, rois)))
    regressor = BoxExamples(rois, objects).fit(embeddings, nr_classes=3, ridge=1e-6)
    before = next(scored_pictures(test, artifacts, classifier="svm"))
    assert before.moved is None
    regressor.save(CLASSIFIERS["svm"].boxes_file(artifacts))
    picture = next(scored_pictures(test, artifacts, classifier="svm"))
    best, _ = best_objects(picture.boxes, picture.gt_boxes)
    assert picture.moved is not None
    mine = picture.moved[np.arange(len(best)), picture.gt_classes[best]]
    assert np.abs(picture.boxes - picture.gt_boxes[best]).max() == 3
    assert np.abs(mine - picture.gt_boxes[best]).max() <= 1
    np.testing.assert_array_equal(picture.moved[:, 0], picture.boxes)


def test_rows_that_were_taken_before_are_not_read_again():
    rng = np.random.default_rng(0)
    objects = [np.array([[10, 10, 40, 40]]), np.zeros((0, 4), int), np.array([[20, 5, 50, 60], [60, 5, 90, 60]])]
    rois = [np.concatenate([shifted(of), [[0, 0, 9, 9]]]) if len(of) else np.array([[0, 0, 9, 9]]) for of in objects]
    embeddings = [rng.normal(size=(len(of), 6)).astype(np.float32) for of in rois]
    expected = BoxExamples(rois, objects).fit(embeddings, nr_classes=2, ridge=1.0)

    class Unreadable(list):
        dimension = 6

        def __getitem__(self, index):
            raise AssertionError(f"picture {index} is read again")

    examples = BoxExamples(rois, objects)
    for picture in (2, 1, 0, 0):
        examples.take(picture, embeddings[picture].astype(np.float64))
    found = examples.fit(Unreadable([None] * 3), nr_classes=2, ridge=1.0)
    assert found.weights.tobytes() == expected.weights.tobytes()
    assert found.biases.tobytes() == expected.biases.tobytes()
    examples = BoxExamples(rois, objects)
    examples.take(2, embeddings[2])  # the other one is read
    assert (
        examples.fit([embeddings[0], None, None], nr_classes=2, ridge=1.0).weights.tobytes() == found.weights.tobytes()
    )
