"""The files beside the report: which there are and what the tables say."""

from pathlib import Path

import cv2
import numpy as np

from fastRCNN.evaluation.average_precision import PictureResult, evaluate
from fastRCNN.evaluation.detections import Detections
from fastRCNN.evaluation.error_analysis import ErrorCounter
from fastRCNN.reporting.data import build_report
from fastRCNN.reporting.decisions import decide
from fastRCNN.reporting.files import write_report_files
from fastRCNN.reporting.subject import Subject
from helpers.images import write_image

CLASSES = ("__background__", "orange", "egg\tbox")
A, B = [10, 10, 49, 49], [80, 10, 139, 59]


def _write(folder: Path, image_set: str) -> Path:
    path = folder / "0.png"
    write_image(path, np.full((120, 160, 3), 90, np.uint8))
    scores = np.array([[0, 0.9, 0], [0, 0.2, 0.1]], np.float32)
    picture = PictureResult(0, path, np.array([A, B], np.int32), scores, np.array([A], np.int32), np.array([2]))
    decided = decide(picture, Detections.from_scores(scores, picture.boxes, CLASSES), threshold=0.5)
    errors = ErrorCounter(CLASSES)
    evaluation = evaluate(errors.watching([picture]), CLASSES)
    subject = Subject("d", image_set, "svm", CLASSES, threshold=0.5)
    report, per_class = build_report([decided], evaluation, errors.result(), subject, {})
    missed = [("0.png", "egg\tbox", A)]
    return write_report_files(folder / "out", report, per_class, missed, ["svm", "nn"])


def test_files_and_tables(tmp_path):
    page = _write(tmp_path, "test")
    out = tmp_path / "out"
    assert page == out / "report_test_svm.html"
    assert sorted(path.name for path in out.iterdir()) == [
        "ap_lost_test_svm.tsv", "confusion_pairs_test_svm.tsv", "confusion_test_svm.png", "confusion_test_svm.tsv",
        "precision_recall_test_svm.png", "precision_recall_test_svm.tsv", "report.html",
        "report_test_svm.html", "report_test_svm.json",
    ]  # fmt: skip
    # The egg box is taken for an orange; the second detection scores too little.
    assert (out / "confusion_test_svm.tsv").read_text(encoding="utf-8") == (
        "true \\ predicted\tbackground\torange\tegg box\nbackground\t0\t0\t0\norange\t0\t0\t0\negg box\t0\t1\t0\n"
    )
    # One egg box; on it the ROI of the orange is no better than the other for the egg box: 0 against 0.1, so 1 / 2.
    assert (out / "ap_lost_test_svm.tsv").read_text(encoding="utf-8") == (
        "class\tlost to class\tlost to place\tlost to both\tlost to duplicate\tlost to background\tlost to missed\n"
        "orange\tnan\tnan\tnan\tnan\tnan\tnan\n"
        "egg box\t0.0000\t0.0000\t0.0000\t0.0000\t0.5000\t0.0000\n"
        "mean\t0.0000\t0.0000\t0.0000\t0.0000\t0.5000\t0.0000\n"
    )
    pairs = (out / "confusion_pairs_test_svm.tsv").read_text(encoding="utf-8")
    assert pairs == "true\tpredicted\tcount\negg box\torange\t1\n"
    rows = (out / "precision_recall_test_svm.tsv").read_text(encoding="utf-8").splitlines()
    assert "all\t0.5\t0.0000\t0.0000\t1\t0\t1" in rows
    assert "orange\t0.5\t0.0000\tnot defined\t1\t0\t0" in rows
    assert "egg box\t0.5\tnot defined\t0.0000\t0\t0\t1" in rows


def test_other_sets_have_a_page_of_their_own(tmp_path):
    assert _write(tmp_path, "train") == tmp_path / "out" / "report_train_svm.html"
    assert (tmp_path / "out" / "report_train.html").is_file()


def test_hundreds_of_classes_and_long_names_leave_pictures_of_a_bounded_size(tmp_path):
    """300 classes: the picture shows the 40 that are confused most often, the page a list, the tables have all."""
    rng = np.random.default_rng(0)
    names = ("__background__", *(f"class {number} " + "x" * 300 for number in range(1, 300)))
    path = tmp_path / "0.png"
    write_image(path, np.full((120, 160, 3), 90, np.uint8))
    boxes = np.array([[4 * i, 0, 4 * i + 3, 3] for i in range(400)], np.int32)
    picture = PictureResult(0, path, boxes, rng.random((400, 300), np.float32), boxes, rng.integers(1, 300, 400))
    decided = decide(picture, Detections.from_scores(picture.scores, boxes, names))
    errors = ErrorCounter(names)
    evaluation = evaluate(errors.watching([picture]), names)
    report, per_class = build_report([decided], evaluation, errors.result(), Subject("d", "test", "svm", names), {})
    page = write_report_files(tmp_path / "out", report, per_class, [], ["svm"])
    out = tmp_path / "out"
    height, width = cv2.imread(str(out / "confusion_test_svm.png")).shape[:2]
    assert max(height, width) < 4000
    assert len((out / "confusion_test_svm.tsv").read_text(encoding="utf-8").splitlines()) == 301
    pairs = (out / "confusion_pairs_test_svm.tsv").read_text(encoding="utf-8").splitlines()
    text = page.read_text(encoding="utf-8")
    assert f"60 of {len(pairs) - 1} pairs, the most frequent ones" in text
    assert len(text) < 3e6
    height, width = cv2.imread(str(out / "precision_recall_test_svm.png")).shape[:2]
    assert max(height, width) < 4000
