"""Scored pictures from files that the steps leave: which rows count, both classifiers, and what does not fit."""

import numpy as np
import pytest

from fastRCNN.datasets.layouts import open_dataset
from fastRCNN.pipeline.embeddings import write_embeddings
from fastRCNN.pipeline.results import scored_pictures
from fastRCNN.svm.model import SvmModel
from helpers.annotations import write_annotation, write_rois
from helpers.artifacts import Artifacts
from helpers.errors import UserError

ROIS = [[0, 0, 9, 9], [50, 40, 79, 69]]


@pytest.fixture
def tiny(tiny_root):
    """Embeddings of 3 floats (for the training pictures the annotated boxes first), two filler rows at the end."""
    artifacts = Artifacts(tiny_root, "tiny")
    for image_set in ("train", "test"):
        for record in open_dataset(artifacts, image_set):
            write_rois(artifacts.roi_file(record.key), ROIS)
            first = len(record.gt_boxes) if image_set == "train" else 0
            rows = np.full((first + len(ROIS) + 2, 3), 99, np.float32)
            rows[first : first + 2] = [[1, 2, 0], [3, 4, record.index]]
            for classifier in ("svm", "nn"):
                write_embeddings(artifacts.embedding_file(image_set, classifier, record.index), rows)
    weights = [[0, 0, 0], [1, 0, 0], [0, 0.5, 1]]
    SvmModel(np.array(weights, float), np.array([0, 0.25, -1]), 2.0).save(artifacts.svm_folder)
    return artifacts


@pytest.mark.parametrize("image_set", ["train", "test"])
def test_svm_scores_by_hand_without_annotated_boxes_and_filler(tiny, image_set):
    imdb = open_dataset(tiny, image_set)
    results = list(scored_pictures(imdb, tiny, classifier="svm", nr_rois=200))
    assert [result.index for result in results] == list(range(len(imdb)))
    for result, record in zip(results, imdb, strict=True):
        np.testing.assert_array_equal(result.boxes, ROIS)
        np.testing.assert_allclose(result.scores, [[0, 1.25, 0], [0, 3.25, 1 + record.index]])
        assert result.path == record.path
        np.testing.assert_array_equal(result.gt_boxes, record.gt_boxes)
        np.testing.assert_array_equal(result.gt_classes, record.gt_classes)


def test_tutorial_scores_divide_by_the_feature_scale(tiny):
    result = next(scored_pictures(open_dataset(tiny, "test"), tiny, classifier="svm", compat="tutorial"))
    np.testing.assert_allclose(result.scores, [[0, 0.75, -0.5], [0, 1.75, 0]])


def test_nn_scores_are_probabilities(tiny):
    result = next(scored_pictures(open_dataset(tiny, "test"), tiny, classifier="nn"))
    powers = np.exp([[1, 2, 0], [3, 4, 0]])
    np.testing.assert_allclose(result.scores, powers / powers.sum(axis=1, keepdims=True), rtol=1e-6)


def test_rois_are_cut_to_nr_rois(tiny):
    assert len(next(scored_pictures(open_dataset(tiny, "test"), tiny, nr_rois=1)).boxes) == 1
    # In training the annotated boxes count among the ROIs: two of three are annotated.
    assert len(next(scored_pictures(open_dataset(tiny, "train"), tiny, nr_rois=3)).boxes) == 1


def test_one_picture_at_a_time(tiny):
    """The second picture's file is not opened before the first result is used."""
    tiny.embedding_file("test", "svm", 1).unlink()
    pictures = scored_pictures(open_dataset(tiny, "test"), tiny)
    next(pictures)
    with pytest.raises(UserError, match=r"1\.dat\.npz.*3_runCntk\.py"):
        next(pictures)


def test_files_that_do_not_fit(tiny):
    path = tiny.embedding_file("test", "svm", 0)
    write_embeddings(path, np.zeros((4, 5), np.float32))
    with pytest.raises(UserError, match=r"0\.dat\.npz: expected 3 numbers for each ROI.*found 5.*3_runCntk\.py and 4_"):
        next(scored_pictures(open_dataset(tiny, "test"), tiny))
    write_embeddings(path, np.zeros((1, 3), np.float32))
    with pytest.raises(UserError, match="expected at least 2 rows"):
        next(scored_pictures(open_dataset(tiny, "test"), tiny))
    write_embeddings(tiny.embedding_file("test", "nn", 0), np.zeros((4, 4), np.float32))
    with pytest.raises(UserError, match="one for each class"):
        next(scored_pictures(open_dataset(tiny, "test"), tiny, classifier="nn"))
    with pytest.raises(UserError, match="expected 2 lines"):
        next(scored_pictures(_one_class(tiny), tiny))


def _one_class(tiny):
    imdb = open_dataset(tiny, "test")
    imdb.classes = imdb.classes[:2]
    return imdb


def test_ignored_boxes_go_along_unless_the_published_code_is_repeated(tiny):
    write_annotation(tiny.data / "testImages" / "5.png", [[0, 0, 9, 9]], ["EXCLUDE"])
    imdb = open_dataset(tiny, "test")
    for compat, boxes in (("corrected", [[0, 0, 9, 9]]), ("tutorial", [])):
        assert next(scored_pictures(imdb, tiny, compat=compat)).ignored_boxes.boxes.tolist() == boxes
