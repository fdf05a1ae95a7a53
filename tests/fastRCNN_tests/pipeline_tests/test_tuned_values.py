"""Which values are tried: around what there is, and none twice."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fastRCNN.datasets.annotation_statistics import ANY_SIZE
from fastRCNN.evaluation.average_precision import PictureResult
from fastRCNN.pipeline import tuned_values
from fastRCNN.pipeline.tuned_values import free_steps
from PARAMETERS import get_parameters
from tests.conftest import REPOSITORY


def parameters(**changed):
    return {**get_parameters(["--dataset", "tiny"]), **changed}


def by_name(steps):
    return {step.parameter: step for step in steps}


def test_free_values_lie_around_what_there_is():
    steps = by_name(free_steps(parameters(cntk_nrRois=300, nmsThreshold=0.25)))
    assert list(steps["cntk_nrRois"].values) == [37, 75, 150, 300]
    assert list(steps["nmsThreshold"].values) == [0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6]
    assert steps["nmsThreshold"].values[0.2] == {"nmsThreshold": 0.2}
    assert not any(step.trains or step.repeats for step in steps.values())


def test_what_trains_svms_lies_around_what_there_is():
    c = tuned_values.penalty(parameters(svm_C=0.01))
    assert list(c.values) == pytest.approx([0.001, 0.01, 0.1]) and c.trains and not c.repeats
    overlap = tuned_values.positives(parameters(train_posOverlapThres=0.5))
    assert list(overlap.values) == [0.4, 0.5, 0.6] and overlap.trains
    for step in (tuned_values.penalty, tuned_values.positives):
        assert step(parameters(classifier="nn")).values == {}, "there are no SVMs"


def test_a_hard_threshold_ends_the_soft_rule():
    step = by_name(free_steps(parameters(nms_softSigma=0.5, nmsThreshold=0.25)))["nmsThreshold"]
    assert step.values[0.4] == {"nmsThreshold": 0.4, "nms_softSigma": 0.0}
    assert 0.25 not in step.values, "it was not in use"


def test_what_does_not_apply_is_not_tried():
    assert "svm_bboxRegression" not in by_name(free_steps(parameters(svm_bboxRegression=False)))
    assert list(by_name(free_steps(parameters(classifier="nn")))) == ["nmsThreshold", "nms_softSigma"]


@pytest.mark.parametrize(
    ("step", "now", "expected"),
    [
        ("regions", {"ss_method": "fast"}, {"rpn": {"ss_method": "rpn"}}),
        ("regions", {"ss_method": "dlib"}, {"fast": {"ss_method": "fast"}, "rpn": {"ss_method": "rpn"}}),
        ("size_groups", {}, {"fitted": {"roi_sizeGroups": "fitted"}}),
        ("size_groups", {"roi_sizeGroups": [0.1]}, {"none": {"roi_sizeGroups": "none"}}),
        ("roi_limits", dict.fromkeys(ANY_SIZE, "fitted"), {"for any picture": ANY_SIZE}),
        ("roi_limits", ANY_SIZE, {"fitted": dict.fromkeys(ANY_SIZE, "fitted")}),
        ("sides_of_picture", {"cntk_padWidth": 1000},
         {640: {"cntk_padWidth": 640, "cntk_padHeight": 640}, 1500: {"cntk_padWidth": 1500, "cntk_padHeight": 1500}}),
        ("more_rois", {"cntk_nrRois": 300}, {600: {"cntk_nrRois": 600}, 1500: {"cntk_nrRois": 1500}}),
        ("classifiers", {}, {"nn": {"classifier": "nn"}, "faster": {"classifier": "faster"}}),
    ],
)  # fmt: skip
def test_what_needs_steps_again(step, now, expected):
    found = getattr(tuned_values, step)(parameters(**now))
    assert found.values == expected and found.repeats


def test_networks_with_the_side_that_suits_them(tmp_path, slim_weights):
    bundled = REPOSITORY / "resources" / "cntk"
    alexnet, torn = tmp_path / "alexnet.npz", tmp_path / "torn.npz"
    shutil.copy(slim_weights, alexnet)
    torn.write_bytes(b"PK")
    files = [alexnet, bundled / "Residual.npz", torn, bundled / "proposals.npz"]
    found = tuned_values.networks(parameters(cntk_model=str(slim_weights)), files)
    assert found.values == {
        "alexnet, 1000 pixels": {"cntk_model": str(alexnet), "cntk_padWidth": 1000, "cntk_padHeight": 1000},
        "Residual, 640 pixels": {"cntk_model": str(files[1]), "cntk_padWidth": 640, "cntk_padHeight": 640},
    }
    assert list(tuned_values.networks(parameters(cntk_model=str(alexnet)), [alexnet]).values) == []


def test_networks_of_the_same_name_are_both_tried(tmp_path, slim_weights, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = [Path("a") / "x.npz", Path("b") / "x.npz", Path("b") / "y.npz"]
    for file in files:
        file.parent.mkdir(exist_ok=True)
        shutil.copy(slim_weights, file)
    found = tuned_values.networks(parameters(cntk_model=str(slim_weights)), [*files, files[0]])
    whole = [str(tmp_path / file) for file in files]
    assert list(found.values) == [f"{whole[0]}, 1000 pixels", f"{whole[1]}, 1000 pixels", "y, 1000 pixels"]
    models = [value["cntk_model"] for value in found.values.values()]
    assert models == whole, "as PARAMETERS.py can keep them: whatever folder the steps are run in"


def test_fewer_rois_are_the_first_of_a_picture_moved_or_not():
    boxes, moved = np.arange(12).reshape(3, 4), np.arange(24).reshape(3, 2, 4)
    picture = PictureResult(0, Path("a"), boxes, np.arange(6.0).reshape(3, 2), boxes[:1], np.ones(1, int), moved)
    look = by_name(free_steps(parameters()))["cntk_nrRois"].look
    fewer = look(picture, 2)
    assert fewer.boxes.tolist() == boxes[:2].tolist() and fewer.scores.tolist() == [[0, 1], [2, 3]]
    assert fewer.moved.tolist() == moved[:2].tolist()
    assert look(replace(picture, moved=None), 2).moved is None
