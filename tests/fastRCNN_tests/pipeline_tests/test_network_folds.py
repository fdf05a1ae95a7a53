"""Folds whose network is trained: what is left out is scored as step 5 does, and how long it will take."""

import shutil

import numpy as np
import pytest

from fastRCNN.datasets.layouts import open_dataset
from fastRCNN.network.network import load_network
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.classifiers.protocol import TrainingSet
from fastRCNN.pipeline.cntk_inputs import read_cntk_inputs
from fastRCNN.pipeline.network_folds import FoldTraining, scored_network_folds, seconds_of_training
from fastRCNN.pipeline.results import scored_pictures
from fastRCNN.run_context import RunContext
from helpers.artifacts import Artifacts
from tests.scripts_tests.test_step_3_nn import NN


@pytest.fixture
def data(run):
    """What step 3 trained classifier nn on."""
    for script in ("1_computeRois.py", "2_cntkGenerateInputs.py", "3_runCntk.py"):
        run(script, *NN, "--set", "cntk_precision=float32")
    of = Artifacts(run.root, "tiny")
    imdb = open_dataset(of, "train")
    records = read_cntk_inputs(of, "train", imdb.image_paths, nr_rois=120, nr_classes=3)
    return TrainingSet(of, imdb, records, 120, "a fingerprint", RunContext(pad_size=400))


def trained_on_all(data):
    """A training that returns what step 3 trained, whatever is left out."""
    nn, of = CLASSIFIERS["nn"], data.artifacts

    def training(network, others):
        boxes = nn.boxes_file(others.artifacts)
        boxes.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(nn.boxes_file(of), boxes)
        return load_network(of.model_file("nn")), [boxes]

    return FoldTraining(nn, training, load_network(of.model_file("nn")))


def test_what_is_left_out_is_scored_as_step_5_does_without_its_annotated_boxes(data):
    expected = {each.path: each for each in scored_pictures(data.imdb, data.artifacts, classifier="nn", nr_rois=120)}
    found = {each.path: each for fold in scored_network_folds(data, 2, trained_on_all(data)) for each in fold}
    assert found.keys() == expected.keys()
    for path, each in expected.items():
        for name in ("boxes", "scores", "moved", "gt_boxes", "gt_classes"):
            np.testing.assert_array_equal(getattr(found[path], name), getattr(each, name))


def test_the_trainings_get_the_other_pictures_and_places_of_their_own(data):
    seen = []
    how = trained_on_all(data)

    def watched(network, others):
        assert len(others.records) == len(others.imdb)
        for record, of_network in zip(others.imdb, others.records, strict=True):
            assert record.path == of_network.image_path
        assert [record.index for record in others.imdb] == list(range(len(others.imdb)))
        assert others.artifacts.roi_file("a/b") == data.artifacts.roi_file("a/b")
        assert others.artifacts.model_file("nn") != data.artifacts.model_file("nn")
        seen.append((others.fingerprint, tuple(others.imdb.keys)))
        return how.training(network, others)

    folds = scored_network_folds(data, 4, FoldTraining(how.classifier, watched, how.start))
    left_out = [{data.imdb.keys[data.imdb.image_paths.index(each.path)] for each in fold} for fold in folds]
    assert [set(data.imdb.keys) - keys for keys in left_out] == [set(keys) for _, keys in seen]
    assert len({fingerprint for fingerprint, _ in seen}) == 4


def test_the_log_of_a_training_says_how_long_it_took(tmp_path):
    log = tmp_path / "training_nn.tsv"
    assert seconds_of_training(log) is None
    log.write_text("epoch\tseconds\trate\n1\t2.5\t0\n2\t3\t0\n")
    assert seconds_of_training(log) == 5.5
    for content in ("epoch\tseconds\n", "epoch\n1\n", "epoch\tseconds\n1\n", "epoch\tseconds\n1\tlong\n", ""):
        log.write_text(content)
        assert seconds_of_training(log) is None
