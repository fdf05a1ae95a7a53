"""EXCLUDE along the steps: objects that are hidden in training and test pictures count neither way."""

import json

import pytest

from helpers.annotations import read_annotation, write_annotation


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
