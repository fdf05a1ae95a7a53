"""Both scripts of step 5 on files made by hand, so that every number they write is known."""

import json
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from fastRCNN.datasets.layouts import open_dataset
from fastRCNN.evaluation.detections import read_detections_table
from fastRCNN.pipeline.cntk_inputs import CntkRecord, relative_rois, write_cntk_inputs
from fastRCNN.pipeline.embeddings import write_embeddings
from fastRCNN.svm.model import SvmModel
from helpers.annotations import write_annotation, write_rois
from helpers.artifacts import Artifacts

REPOSITORY = Path(__file__).resolve().parents[2]
DISC, SQUARE, NOTHING = [10, 10, 39, 39], [70, 20, 99, 49], [10, 60, 39, 89]
ROIS = [DISC, SQUARE, NOTHING]
CLASSES = ("__background__", "disc", "square")


@pytest.fixture
def root(tiny_root):
    """Test picture 5 shows a disc and a square, both found; picture 6 shows nothing, and a disc is found on it."""
    artifacts = Artifacts(tiny_root, "tiny")
    write_annotation(artifacts.data / "testImages" / "5.png", [DISC, SQUARE], ["disc", "square"])
    write_annotation(artifacts.data / "testImages" / "6.png", [], [])
    for image_set in ("train", "test"):
        imdb = open_dataset(artifacts, image_set)
        records = []
        for record in imdb:
            write_rois(artifacts.roi_file(record.key), ROIS)
            truth = record.gt_boxes if image_set == "train" else np.zeros((0, 4), np.int32)
            rois = np.concatenate([truth, ROIS])
            placed = relative_rois(rois, record.width, record.height, 1000)
            records.append(CntkRecord(record.index, record.path, placed, np.arange(len(rois)) % 3))
            scores = (
                [[0, 0.8, -1], [0, -1, 0.7], [0, -1, -1]] if record.index == 0 else [[0, 0.9, 0.1], *[[0, -1, -1]] * 2]
            )
            rows = np.zeros((20, 3), np.float32)
            rows[len(truth) : len(rois)] = scores
            write_embeddings(artifacts.embedding_file(image_set, "svm", record.index), rows)
            write_embeddings(artifacts.embedding_file(image_set, "nn", record.index), rows * 10)
        write_cntk_inputs(artifacts, image_set, records, nr_rois=20, nr_classes=3)
    SvmModel(np.diag([0.0, 1, 1]), np.zeros(3), 0.5).save(artifacts.svm_folder)
    return tiny_root


@pytest.fixture
def run(root, monkeypatch, capsys):
    def start(script, *options):
        arguments = [script, "--root", str(root), "--dataset", "tiny", "--set", "cntk_nrRois=20", *options]
        monkeypatch.setattr(sys, "argv", arguments)
        with pytest.raises(SystemExit) as leaving:
            runpy.run_path(str(REPOSITORY / script), run_name="__main__")
        return leaving.value.code, capsys.readouterr()

    return start


def _files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_evaluation_by_hand(run, root):
    code, printed = run("5_evaluateResults.py", "--seed", "3")
    assert code == 0
    data = json.loads((root / "results/tiny/evaluation_test_svm.json").read_text(encoding="utf-8"))
    # disc: by score 0.9 (wrong, on picture 6), 0.8 (right), ...: precision 1/2 at recall 1. square: 0.7 is the best.
    assert data == {
        "mAP_11point": pytest.approx(0.75), "mAP_area": pytest.approx(0.75),
        "mAP_area_interval": None,  # two pictures say nothing of others
        "classes": {
            "disc": {"ap_11point": pytest.approx(0.5), "ap_area": pytest.approx(0.5), "positives": 1, "detections": 6},
            "square": {"ap_11point": pytest.approx(1), "ap_area": pytest.approx(1), "positives": 1, "detections": 6},
        },
        "iou_threshold": 0.5, "nms_threshold": 0.3, "nr_rois": 20, "seed": 3, "compat": "corrected", "engine": "torch",
    }  # fmt: skip
    lines = printed.out.splitlines()
    assert any(line.split() == ["disc", "0.5000", "0.5000", "1", "6"] for line in lines)
    assert any(line.split()[:4] == ["mean", "(mAP)", "0.7500", "0.7500"] for line in lines)
    assert "3 ROIs each (at most 20)" in printed.out and "seed 3" in printed.out
    assert "of other pictures like these" not in printed.out
    assert "2 objects in the test pictures are few: differences of up to 1.00" in printed.err


def test_evaluation_of_a_class_without_objects(run, root):
    write_annotation(root / "data/tiny/testImages/5.png", [DISC], ["disc"])
    code, printed = run("5_evaluateResults.py")
    assert code == 0 and "not defined" in printed.out.lower()
    assert "show no object of it: square" in printed.err
    data = json.loads((root / "results/tiny/evaluation_test_svm.json").read_text(encoding="utf-8"))
    assert data["classes"]["square"]["ap_area"] is None and data["mAP_area"] == pytest.approx(0.5)


def test_tutorial_evaluation_differs(run, root):
    """Boxes 30 pixels wide, an annotated one two pixels to the left: a shift by one loses what stood at the limit."""
    narrow = [10, 10, 39, 12]  # 30 x 3; the ROI moved by one overlaps it by 29 * 2 of 180 - 58
    write_annotation(root / "data/tiny/testImages/5.png", [narrow, SQUARE], ["disc", "square"])
    write_rois(Artifacts(root, "tiny").roi_file("testImages/5"), [narrow, SQUARE, NOTHING])
    ap = {}
    for compat in ("corrected", "tutorial"):
        assert run("5_evaluateResults.py", "--compat", compat)[0] == 0
        data = json.loads((root / "results/tiny/evaluation_test_svm.json").read_text(encoding="utf-8"))
        assert data["compat"] == compat
        ap[compat] = data["classes"]["disc"]["ap_11point"]
    assert ap == {"corrected": pytest.approx(0.5), "tutorial": 0.0}


def test_evaluation_with_the_networks_own_classifier_and_on_the_training_set(run, root):
    for options, name in ((("--classifier", "nn"), "test_nn"), (("--image-set", "train"), "train_svm")):
        assert run("5_evaluateResults.py", *options)[0] == 0
        assert (root / f"results/tiny/evaluation_{name}.json").is_file()


def test_missing_svms_name_the_script(run, root):
    for path in Artifacts(root, "tiny").svm_folder.iterdir():
        path.unlink()
    for script in ("5_evaluateResults.py", "5_visualizeResults.py"):
        code, printed = run(script)
        assert "svmweights_exp1.txt" in str(code) and "Run 4_trainSvm.py first" in str(code)
        assert printed.out == ""
    assert run("5_evaluateResults.py", "--classifier", "nn")[0] == 0  # needs none


def test_visualization(run, root):
    before = _files(root / "data")
    code, printed = run("5_visualizeResults.py", "--ground-truth")
    assert code == 0
    assert _files(root / "data") == before
    results = root / "results/tiny"
    assert {path.relative_to(results).as_posix() for path in results.rglob("*") if path.is_file()} == {
        "visualizations/svm_05.png", "visualizations/svm_05.detections.tsv",
        "visualizations/svm_16.png", "visualizations/svm_16.detections.tsv",
        "precision_recall_test_svm.tsv", "precision_recall_test_svm.png", "ap_lost_test_svm.tsv",
        "confusion_pairs_test_svm.tsv",
        "confusion_test_svm.tsv", "confusion_test_svm.png", "report.html",
        "report_test_svm.html", "report_test_svm.json",
    }  # fmt: skip
    assert cv2.imread(str(results / "visualizations/svm_05.png")).shape == (600, 800, 3)  # 90 x 120 enlarged
    found = read_detections_table(results / "visualizations/svm_05.detections.tsv", CLASSES)
    assert len(found) == 3 and found.select(0.5).labels.tolist() == [1, 2]
    # Found with at least 0.5: disc and square of picture 5, one disc on nothing in picture 6.
    matrix = (results / "confusion_test_svm.tsv").read_text(encoding="utf-8").splitlines()
    assert [line.split("\t")[1:] for line in matrix[1:]] == [["0", "1", "0"], ["0", "1", "0"], ["0", "0", "1"]]
    rows = [line.split("\t") for line in (results / "precision_recall_test_svm.tsv").read_text().splitlines()]
    assert rows[0] == ["class", "score from", "precision", "recall", "detections", "right", "objects"]
    assert ["all", "0.5", "0.6667", "1.0000", "3", "2", "2"] in rows
    assert ["disc", "0.85", "0.0000", "0.0000", "1", "0", "1"] in rows
    assert ["square", "0.75", "not defined", "0.0000", "0", "0", "1"] in rows
    assert "0.6667" in printed.out


def test_visualization_twice_gives_the_same_bytes(run, root):
    contents = []
    for _ in range(2):
        assert run("5_visualizeResults.py")[0] == 0
        contents.append(_files(root / "results"))
    assert contents[0] == contents[1]
    assert str(root).encode() not in contents[0]["tiny/report.html"]


def test_visualization_of_the_training_set_leaves_the_test_pictures(run, root):
    assert run("5_visualizeResults.py")[0] == 0
    before = _files(root / "results")
    assert run("5_visualizeResults.py", "--image-set", "train", "--classifier", "nn")[0] == 0
    after = _files(root / "results")
    assert before.items() <= after.items()
    assert "tiny/visualizations_train/nn_00.png" in after and "tiny/report_train.html" in after


def test_show_opens_the_page(run, root, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    run("5_visualizeResults.py")
    assert opened == []
    run("5_visualizeResults.py", "--show")
    assert opened == [(root / "results/tiny/report_test_svm.html").as_uri()]


def test_each_classifier_has_its_report_and_one_page_compares_them(run, root):
    for classifier in ("svm", "nn"):
        assert run("5_visualizeResults.py", "--classifier", classifier)[0] == 0
    results = root / "results/tiny"
    page = (results / "report.html").read_text(encoding="utf-8")
    for classifier in ("svm", "nn"):
        assert f'href="report_test_{classifier}.html"' in page
        assert 'href="report.html"' in (results / f"report_test_{classifier}.html").read_text(encoding="utf-8")


def test_folds_print_one_row_each_and_their_spread(finished, capsys, monkeypatch):
    finished("5_evaluateResults.py", "--folds", "2")
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed[2:4]] == ["1", "2"]
    assert printed[4].startswith("mean mAP (area)") and "standard deviation" in printed[4]
    with pytest.raises(SystemExit, match="expected 2 to 4"):
        finished("5_evaluateResults.py", "--folds", "9")
