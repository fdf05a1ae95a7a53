"""The numbered scripts one after the other on a tiny data set: what they leave, the same bytes twice, faults."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from fastRCNN.detector import Detector
from fastRCNN.evaluation.detections import read_detections_table
from fastRCNN.network.network import load_network
from helpers.annotations import labels_path, write_annotation
from helpers.images import read_image, write_image


def digests(folder: Path) -> dict[str, str]:
    """Return the digest of every file below `folder` that is a result."""
    no_results = (".lock", "seen.json")  # the latter remembers when files were last changed
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in no_results)
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_every_step_leaves_its_files(finished):
    proc, results = finished.root / "proc" / "tiny", finished.root / "results" / "tiny"
    for name in (
        "rois/positive/0.roi.txt",
        "rois/negative/4.roi.txt",
        "cntkFiles/train.rois.txt",
        "cntkFiles/test_svm_parsed/1.dat.npz",
        "models/frcn_svm.npz",
        "trainedSvm/svmweights_exp1.txt",
        "trainedSvm/svmweights_exp1_epoch0.txt",
    ):
        assert (proc / name).is_file(), name
    for name in ("evaluation_test_svm.json", "visualizations/svm_05.png", "report.html"):
        assert (results / name).is_file(), name
    rows = np.load(proc / "cntkFiles" / "test_svm_parsed" / "0.dat.npz")["arr_0"]
    assert rows.shape == (int((proc / "cntkFiles" / "test.nrRois.txt").read_text().split()[0]), 64)
    assert rows.dtype == np.float16
    assert np.loadtxt(proc / "trainedSvm" / "svmweights_exp1.txt").shape == (3, 64)


def test_it_learns(finished):
    evaluation = json.loads((finished.root / "results" / "tiny" / "evaluation_test_svm.json").read_text())
    assert evaluation["mAP_area"] > 0.9, "a disc and a square of strong colours must be found"
    assert set(evaluation["classes"]) == {"disc", "square"}


def test_the_same_commands_give_the_same_bytes(finished, run, slim_weights):
    run.all_steps()
    for folder in ("proc", "results"):
        first, again = (digests(root / folder) for root in (finished.root, run.root))
        # absolute paths stand in the map files, by CNTK's format, and their digests in this manifest
        apart = {name for name in first if name.endswith(("train.txt", "test.txt", "manifests/inputs.json"))}
        assert first.keys() == again.keys()
        assert {n: d for n, d in first.items() if n not in apart} == {n: d for n, d in again.items() if n not in apart}
    run.all_steps()
    for folder in ("proc", "results"):
        before = digests(run.root / folder)
        shutil.rmtree(run.root / folder)
        run.all_steps()
        assert digests(run.root / folder) == before


def test_data_is_never_written_to(run):
    before = digests(run.root / "data")
    run.all_steps()
    assert digests(run.root / "data") == before


def test_any_number_of_jobs_gives_the_same_rois(finished, run):
    run("1_computeRois.py", "--jobs", "2")
    rois = Path("proc") / "tiny" / "rois"
    assert digests(run.root / rois) == digests(finished.root / rois)


def test_step_6_finds_what_step_5_found(finished, tmp_path, capsys):
    picture = finished.root / "data" / "tiny" / "testImages" / "6.png"
    finished("6_scoreImage.py", str(picture), "--tsv", str(tmp_path / "d.tsv"), "--pictures", str(tmp_path / "drawn"))
    of_step_5 = finished.root / "results" / "tiny" / "visualizations" / "svm_16.detections.tsv"
    assert (tmp_path / "d.tsv").read_bytes() == of_step_5.read_bytes()
    assert (tmp_path / "drawn" / "6.jpg").is_file()
    records = json.loads(capsys.readouterr().out)
    table = read_detections_table(of_step_5, ("__background__", "disc", "square"))
    assert len(records) == len(table)
    assert set(records[0]) == {"label", "score", "nms", "left", "top", "right", "bottom"}
    assert all(isinstance(value, str) for record in records for value in record.values())
    assert [int(record["label"]) for record in records] == table.labels.tolist()


def test_step_6_typed_and_several_pictures(finished, tmp_path, capsys):
    pictures = [str(finished.root / "data" / "tiny" / "testImages" / f"{number}.png") for number in (5, 6)]
    finished("6_scoreImage.py", *pictures, "--format", "v2", "--json", str(tmp_path / "found.json"))
    assert capsys.readouterr().out == ""
    found = json.loads((tmp_path / "found.json").read_text())
    assert list(found) == pictures
    for records in found.values():
        assert {record["label"] for record in records} == {"disc", "square"}
        assert all(isinstance(record["score"], float) and isinstance(record["left"], int) for record in records)


def test_step_6_says_at_once_what_would_fail_at_the_end(finished, tmp_path, capsys):
    picture = finished.root / "data" / "tiny" / "testImages" / "5.png"
    namesake, file = tmp_path / "5.png", tmp_path / "file"
    shutil.copy(picture, namesake)
    file.write_text("kept")
    settings = finished.root / "proc" / "tiny" / "models" / "detector_svm.json"
    whole, then = settings.read_bytes(), settings.stat()
    settings.write_bytes(whole[:100])  # so that whoever looks at the detector first says so
    try:
        for options, expected in (
            ([picture, namesake, "--pictures", tmp_path / "drawn"], "both would be drawn as"),
            ([picture, tmp_path / "none.png"], "none.png: no such picture"),
            ([picture, "--json", tmp_path], "this is a folder"),
            ([picture, "--tsv", file / "d.tsv"], "file: File exists"),
            ([picture, namesake, "--tsv", tmp_path / "d.tsv"], "one picture, but 2"),
        ):
            assert expected in message(capsys, finished, "6_scoreImage.py", *map(str, options))
        assert "detector_svm.json" in message(capsys, finished, "6_scoreImage.py", str(picture), str(namesake))
    finally:
        settings.write_bytes(whole)
        os.utime(settings, ns=(then.st_atime_ns, then.st_mtime_ns))
    assert file.read_text() == "kept"


def test_step_6_refuses_bfloat16_with_cntk(finished, capsys):
    picture = str(finished.root / "data" / "tiny" / "testImages" / "5.png")
    options = (picture, "--engine", "cntk", "--set", "cntk_precision=bfloat16")
    assert "CNTK computes in float32" in message(capsys, finished, "6_scoreImage.py", *options)


def test_detector_is_what_the_steps_trained(finished):
    picture = finished.root / "data" / "tiny" / "testImages" / "5.png"
    with Detector.load(finished.root / "proc" / "tiny") as detector:
        detections = detector.detect(read_image(picture))
    of_step_5 = finished.root / "results" / "tiny" / "visualizations" / "svm_05.detections.tsv"
    expected = read_detections_table(of_step_5, detections.class_names)
    np.testing.assert_array_equal(detections.boxes, expected.boxes)
    np.testing.assert_array_equal(detections.labels, expected.labels)
    np.testing.assert_array_equal(detections.keep, expected.keep)


def test_steps_5_and_6_agree_without_box_regression_too(finished, run, tmp_path):
    for script in run.steps:
        run(script, "--set", "svm_bboxRegression=False")
    picture = run.root / "data" / "tiny" / "testImages" / "6.png"
    run("6_scoreImage.py", str(picture), "--tsv", str(tmp_path / "d.tsv"), "--json", str(tmp_path / "d.json"))
    table = Path("results") / "tiny" / "visualizations" / "svm_16.detections.tsv"
    assert (tmp_path / "d.tsv").read_bytes() == (run.root / table).read_bytes()
    assert (run.root / table).read_bytes() != (finished.root / table).read_bytes(), "no box has moved"


def test_bfloat16_and_truncated_layers_are_the_same_in_all_steps(run, tmp_path):
    options = ["--set", "cntk_precision=bfloat16", "--set", "cntk_svdRanks=[24, 16]"]
    for script in run.steps[:3]:
        run(script, *options)
    proc = run.root / "proc" / "tiny"
    rows = np.load(proc / "cntkFiles" / "test_svm_parsed" / "1.dat.npz")["arr_0"]
    assert rows.shape == (120, 64)
    large = rows[np.abs(rows) >= 2.0**-14]  # a bfloat16 has three bits fewer than a float16
    assert len(large) > 100 and not (large.view(np.uint16) & 0b111).any()
    shapes = load_network(proc / "models" / "frcn_svm.npz").spec.weight_shapes()
    assert (shapes["fc6_a"], shapes["fc7_b"]) == ((24, 576), (64, 16))
    for script in run.steps[3:]:
        run(script, *options[2:])  # "auto" is what step 3 used
    picture = run.root / "data" / "tiny" / "testImages" / "6.png"
    run("6_scoreImage.py", str(picture), "--tsv", str(tmp_path / "d.tsv"), "--json", str(tmp_path / "d.json"))
    of_step_5 = run.root / "results" / "tiny" / "visualizations" / "svm_16.detections.tsv"
    assert (tmp_path / "d.tsv").read_bytes() == of_step_5.read_bytes()


def test_tutorial_mode_runs_and_says_so(finished, run, tmp_path):
    for script in run.steps[:5]:
        run(script, "--compat", "tutorial")
    rows = np.load(run.root / "proc" / "tiny" / "cntkFiles" / "test_svm_parsed" / "0.dat.npz")["arr_0"]
    assert (rows.shape, rows.dtype) == ((120, 64), np.float32), "filler rows, in float32"
    name = Path("results") / "tiny" / "evaluation_test_svm.json"
    tutorial, corrected = (json.loads((root / name).read_text()) for root in (run.root, finished.root))
    assert (tutorial["compat"], corrected["compat"]) == ("tutorial", "corrected")
    weights = Path("proc") / "tiny" / "trainedSvm" / "svmweights_exp1.txt"
    assert (run.root / weights).read_bytes() != (finished.root / weights).read_bytes(), "mining decides on other scores"


def message(capsys, run, script, *options) -> str:
    """Return what `script` says before it leaves with 1."""
    with pytest.raises(SystemExit) as leaving:
        run(script, *options)
    text = str(leaving.value.code)
    assert text.startswith("error: ")
    assert "Traceback" not in text + capsys.readouterr().err
    return text


def test_what_a_power_cut_left_of_the_embeddings_is_computed_again(finished, run, capsys):
    for script in run.steps[:3]:
        run(script)
    parsed = Path("proc") / "tiny" / "cntkFiles" / "train_svm_parsed"
    (run.root / parsed / "0.dat.npz").write_bytes(b"")
    (run.root / parsed / "1.dat.npz").write_bytes((finished.root / parsed / "1.dat.npz").read_bytes()[:5000])
    assert "Run 3_runCntk.py again" in message(capsys, run, "4_trainSvm.py")
    run("3_runCntk.py")
    assert digests(run.root / parsed) == digests(finished.root / parsed)


def test_a_damaged_roi_file_says_how_to_get_a_whole_one(run, capsys):
    run("1_computeRois.py")
    path = run.root / "proc" / "tiny" / "rois" / "positive" / "0.roi.txt"
    whole = path.read_bytes()
    path.write_bytes(b"1 2 3\n")
    assert "0.roi.txt:1:" in (said := message(capsys, run, "1_computeRois.py"))
    assert "delete the file and run 1_computeRois.py" in said
    path.unlink()
    run("1_computeRois.py")
    assert path.read_bytes() == whole


def test_steps_out_of_order(run, capsys):
    for before, script in zip(run.steps, run.steps[1:5], strict=False):
        assert f"Run {before} first" in message(capsys, run, script)
        run(before)
    assert "4_trainSvm.py first" in message(capsys, Emptied(run), "6_scoreImage.py", picture_of(run))


class Emptied:
    """A runner whose SVMs are gone."""

    def __init__(self, run) -> None:
        self.run = run

    def __call__(self, *arguments: str) -> None:
        shutil.rmtree(self.run.root / "proc" / "tiny" / "trainedSvm", ignore_errors=True)
        self.run(*arguments)


def picture_of(run) -> str:
    return str(run.root / "data" / "tiny" / "testImages" / "5.png")


def test_changes_make_later_steps_stop(finished, tmp_path, capsys):
    run = type(finished)(tmp_path, finished.weights)
    shutil.copytree(finished.root, tmp_path, dirs_exist_ok=True)
    for folder in ("proc", "results"):  # absolute paths in the map files: write them anew
        shutil.rmtree(tmp_path / folder)
    run.all_steps()
    assert "cntk_nrRois was 120, is 50" in message(capsys, run, "3_runCntk.py", "--set", "cntk_nrRois=50")
    assert "svm_C was 0.001, is 0.01" in message(capsys, run, "5_evaluateResults.py", "--set", "svm_C=0.01")
    write_annotation(tmp_path / "data" / "tiny" / "positive" / "0.png", [[1, 1, 30, 30]], ["disc"])
    assert "annotation of positive/0 changed" in message(capsys, run, "4_trainSvm.py")
    labels_path(tmp_path / "data" / "tiny" / "positive" / "1.png").write_text("disc\ntriangle\n")
    text = message(capsys, run, "1_computeRois.py", "--set", "classes=['disc', 'square']")
    assert "'triangle', 1 box(es), is not among the classes" in text


def test_a_killed_step_3_continues(run):
    for script in run.steps[:3]:
        run(script)
    parsed = run.root / "proc" / "tiny" / "cntkFiles" / "train_svm_parsed"
    kept, lost = parsed / "0.dat.npz", parsed / "1.dat.npz"
    before, content = kept.stat().st_mtime_ns, lost.read_bytes()
    lost.unlink()
    run("3_runCntk.py")
    assert kept.stat().st_mtime_ns == before, "a finished picture is not computed again"
    assert lost.read_bytes() == content


def test_damaged_embedding_is_named(finished, tmp_path, capsys):
    run = type(finished)(tmp_path, finished.weights)
    shutil.copytree(finished.root / "data", tmp_path / "data")
    for script in run.steps[:3]:
        run(script)
    path = tmp_path / "proc" / "tiny" / "cntkFiles" / "train_svm_parsed" / "2.dat.npz"
    path.write_bytes(path.read_bytes()[:100])
    text = message(capsys, run, "4_trainSvm.py")
    assert str(path) in text
    assert "3_runCntk.py" in text


def test_rois_of_a_picture_wider_than_a_jpeg_can_be_are_drawn_smaller(run):
    wide = run.root / "data" / "tiny" / "negative" / "wide.png"
    write_image(wide, np.full((20, 66_000, 3), 90, np.uint8))
    run("1_computeRois.py", "--pictures")
    drawn = read_image(run.root / "proc" / "tiny" / "rois" / "negative" / "wide.final.jpg")
    assert drawn.shape[1] == 1600
