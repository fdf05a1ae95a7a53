"""Pictures that are left out: each once, evenly, and nothing of them is learnt."""

import numpy as np
import pytest

from fastRCNN.datasets.layouts import open_dataset
from fastRCNN.evaluation.average_precision import evaluate
from fastRCNN.pipeline.classifiers.svm import SvmClassifier
from fastRCNN.pipeline.folds import FoldOptions, deal, scored_folds
from fastRCNN.pipeline.results import scored_pictures
from fastRCNN.svm import train_svms as training
from fastRCNN.svm.train_svms import SvmTraining
from helpers.artifacts import Artifacts
from helpers.errors import UserError


def test_each_picture_is_in_one_fold_and_those_without_objects_are_spread():
    flags = [True] * 10 + [False] * 5
    numbers = deal(flags, 5, seed=1)
    assert np.bincount(numbers[:10]).tolist() == [2] * 5 and np.bincount(numbers[10:]).tolist() == [1] * 5
    assert deal(flags, 5, seed=1).tolist() == numbers.tolist() != deal(flags, 5, seed=2).tolist()
    assert np.bincount(deal([True] * 5, 3)).tolist() == [2, 2, 1]


@pytest.mark.parametrize("folds", [-1, 0, 1, 4])
def test_folds_that_leave_nothing(folds):
    with pytest.raises(UserError, match=f"--folds {folds}: expected 2 to 3"):
        deal([True, True, False, True], folds)


@pytest.mark.parametrize("objects", [0, 1])
def test_one_picture_cannot_be_left_out(objects):
    with pytest.raises(UserError, match=rf"{objects} training picture\(s\) with objects: two or more are needed"):
        deal([True] * objects + [False] * 3, 2)


def test_nothing_of_a_picture_that_is_left_out_is_learnt(finished, monkeypatch):
    artifacts = Artifacts(finished.root, "tiny")
    imdb = open_dataset(artifacts, "train")
    seen = []
    train = training.train_svms

    def watched(features, overlaps, **options):
        seen.append({path.name for path in features.paths})
        return train(features, overlaps, **options)

    monkeypatch.setattr("fastRCNN.pipeline.folds.train_svms", watched)
    options = FoldOptions(SvmTraining(retrain_limit=100), nr_rois=120)
    results = [evaluate(pictures, imdb.classes) for pictures in scored_folds(imdb, artifacts, 4, options)]
    assert sorted(each.pictures for each in results) == [1, 1, 1, 2]  # the negative is in one of them
    assert [int(each.objects.sum()) for each in results] == [2] * 4
    left_out = [{f"{record.index}.dat.npz" for record in imdb} - names for names in seen]
    assert set().union(*left_out) == {f"{record.index}.dat.npz" for record in imdb}
    assert sum(map(len, left_out)) == len(imdb)
    assert all(0 < each.map_area <= 1 for each in results)


def test_pictures_that_are_left_out_are_scored_as_step_5_does_without_their_annotated_boxes(finished, monkeypatch):
    artifacts = Artifacts(finished.root, "tiny")
    imdb = open_dataset(artifacts, "train")
    scorer = SvmClassifier().scorer(artifacts, len(imdb.classes))
    monkeypatch.setattr("fastRCNN.pipeline.folds._trained", lambda *_: scorer)
    options = FoldOptions(SvmTraining(), nr_rois=120)
    found = {each.index: each for fold in scored_folds(imdb, artifacts, 2, options) for each in fold}
    expected = {each.index: each for each in scored_pictures(imdb, artifacts, nr_rois=120)}
    assert found.keys() == expected.keys()
    for index, each in expected.items():
        for name in ("boxes", "scores", "moved", "gt_boxes", "gt_classes"):
            np.testing.assert_array_equal(getattr(found[index], name), getattr(each, name))
