"""The page on several classifiers: what each found and missed, and where the runs differ."""

import json
from pathlib import Path

import numpy as np
import pytest

from fastRCNN.evaluation.average_precision import PictureResult, evaluate
from fastRCNN.evaluation.detections import Detections
from fastRCNN.evaluation.error_analysis import ErrorCounter
from fastRCNN.reporting.comparison import as_summary, comparison_page, read_summaries, summary_name
from fastRCNN.reporting.data import build_report
from fastRCNN.reporting.decisions import decide
from fastRCNN.reporting.subject import Subject
from helpers.images import write_image
from tests.fastRCNN_tests.reporting_tests.test_page import _Checker

CLASSES = ("__background__", "orange", "<egg>")
A, B = [10, 10, 49, 49], [80, 10, 139, 59]


@pytest.fixture
def summary_of(tmp_path):
    """Return the summary of a classifier that finds the objects on A (orange) and B (egg) with the given scores."""
    path = tmp_path / "0.png"
    write_image(path, np.full((120, 160, 3), 90, np.uint8))

    def make(classifier, orange, egg, **parameters):
        boxes = np.array([A, B], np.int32)
        scores = np.array([[0, orange, -1], [0, -1, egg]], np.float32)
        picture = PictureResult(0, path, boxes, scores, boxes, np.array([1, 2]))
        decided = decide(picture, Detections.from_scores(scores, boxes, CLASSES), threshold=0.5)
        subject = Subject("d", "test", classifier, CLASSES, threshold=0.5)
        errors = ErrorCounter(CLASSES)
        evaluation = evaluate(errors.watching([picture]), CLASSES)
        report, _ = build_report([decided], evaluation, errors.result(), subject, parameters)
        return as_summary(report, [("0.png", CLASSES[miss.label], miss.box) for miss in decided.misses])

    return make


def test_the_numbers_of_one_report(summary_of):
    summary = summary_of("svm", 0.9, 0.2, seed=3, jobs=4)
    assert summary["classifier"] == "svm" and summary["parameters"] == {"seed": 3}
    assert (summary["pictures"], summary["objects"], summary["missed"], summary["false_alarms"]) == (1, 2, 1, 0)
    assert summary["missed_objects"] == [["0.png", "<egg>", *B]]
    assert summary["classes"]["orange"] == {"ap_area": 1.0, "positives": 1, "curve": [[0, 1], [1, 1]]}
    assert summary["mAP_area_interval"] is None  # of one picture
    json.dumps(summary)


def test_two_beside_each_other(summary_of):
    page = comparison_page(
        [summary_of("svm", 0.9, 0.2, seed=3), summary_of("nn", 0.1, 0.2, seed=4)], dataset="d&d", image_set="test"
    )
    checked = _Checker(page)
    text = " ".join(" ".join(checked.words).split())
    assert {"report_test_svm.html", "report_test_nn.html"} <= set(checked.urls)
    assert "objects found 1 of 2 0 of 2" in text and "1 missed by all, 1 by some." in text
    assert "0.png <egg> 80 10 139 59 missed missed" in text and "0.png orange 10 10 49 49 found missed" in text
    assert text.index("0.png <egg>") < text.index("0.png orange"), "what all miss stands first"
    assert "seed: not the same 3 4" in text and "cntk_nrRois" not in text


def test_what_an_earlier_version_did_not_write_is_no_difference(summary_of):
    old, new = summary_of("svm", 0.9, 0.2, seed=3), summary_of("nn", 0.1, 0.2, seed=3, nmsThreshold=0.3)
    page = comparison_page([old, new], dataset="d", image_set="test")
    assert "nmsThreshold" not in page and "not the same" not in page
    old["parameters"]["nmsThreshold"] = 0.01
    page = comparison_page([old, new], dataset="d", image_set="test")
    assert "The runs differ in more than the classifier: nmsThreshold." in page


def test_one_alone_says_how_to_get_another(summary_of):
    text = " ".join(_Checker(comparison_page([summary_of("svm", 1, 1)], dataset="d", image_set="test")).words)
    assert "as soon as 5_visualizeResults.py has run for it" in text and "Every object was found." in text


def test_summaries_are_read_in_order_and_damaged_ones_left_out(tmp_path, summary_of):
    for name in ("svm", "nn"):
        (tmp_path / summary_name("test", name)).write_text(json.dumps(summary_of(name, 1, 1)))
    (tmp_path / summary_name("test", "faster")).write_text("{")
    (tmp_path / summary_name("test", "other")).write_text(json.dumps({"classifier": "svm"}))
    names = [each["classifier"] for each in read_summaries(Path(tmp_path), "test", ["nn", "svm", "faster", "other"])]
    assert names == ["nn", "svm"]
