"""EXCLUDE along the steps: objects that are hidden in training and test pictures count neither way."""

import json

import numpy as np
import pytest

from fastRCNN.datasets.layouts import open_dataset
from fastRCNN.svm.train_svms import train_svms
from helpers.annotations import read_annotation, read_rois, write_annotation
from helpers.artifacts import Artifacts
from helpers.boxes import iou_matrix


@pytest.fixture
def hidden(run):
    """The square of half of the training pictures and of one of the two test pictures is labelled EXCLUDE."""
    for name in ("positive/1", "positive/3", "testImages/5"):
        picture = run.root / "data" / "tiny" / f"{name}.png"
        annotation = read_annotation(picture, 120, 90)
        write_annotation(picture, annotation.boxes, ["disc", "EXCLUDE"])
    return run


def average_precision(run, *options):
    for script in run.steps[:5]:
        run(script, *options)
    result = json.loads((run.root / "results/tiny/evaluation_test_svm.json").read_text(encoding="utf-8"))
    return {name: of["ap_area"] for name, of in result["classes"].items()}


def test_hidden_objects_count_neither_way(hidden):
    labels = hidden.root / "proc/tiny/cntkFiles/train.roilabels.txt"
    corrected = average_precision(hidden)
    rows = labels.read_text(encoding="utf-8").splitlines()[1].split("|roiLabels ")[1].split()
    assert ["0", "0", "0"] in [rows[at : at + 3] for at in range(0, len(rows), 3)]
    published = average_precision(hidden, "--compat", "tutorial")
    rows = labels.read_text(encoding="utf-8").splitlines()[1].split("|roiLabels ")[1].split()
    assert ["0", "0", "0"] not in [rows[at : at + 3] for at in range(0, len(rows), 3)]
    assert corrected["square"] == 1.0, "the hidden square that is found is no mistake"
    assert published["square"] < 1.0, "as published it is one"


def test_what_overlaps_a_hidden_object_a_little_is_no_hard_negative_either(hidden, monkeypatch):
    """Between 0.3 and 0.5 a ROI on an object is neither positive nor negative; so it is on a hidden one."""
    for script in hidden.steps[:3]:
        hidden(script)
    seen = []

    def watched(features, overlaps, **options):
        seen.extend(overlaps)
        return train_svms(features, overlaps, **options)

    monkeypatch.setattr("fastRCNN.svm.train_svms.train_svms", watched)
    hidden("4_trainSvm.py")
    record = next(read for read in open_dataset(Artifacts(hidden.root, "tiny"), "train") if read.key == "positive/1")
    rois = np.concatenate([record.gt_boxes, read_rois(Artifacts(hidden.root, "tiny").roi_file("positive/1"))])[:120]
    hides = iou_matrix(rois, record.ignored_boxes.boxes)[:, 0]
    (between,) = np.nonzero((hides >= 0.3) & (hides < 0.5))
    assert len(between) and np.isnan(seen[record.index][between]).any(axis=1).all()
    (beyond,) = np.nonzero(hides < 0.3)
    assert not np.isnan(seen[record.index][beyond]).any()
