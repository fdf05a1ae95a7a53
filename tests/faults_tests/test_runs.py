"""Faults of classes, runs, machine and files between the steps: rows 9 to 11 and 19 to 25."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from helpers.artifacts import Artifacts, exclusive
from helpers.fonts import font_for
from tests.conftest import REPOSITORY
from tests.faults_tests.conftest import Scripts, contents

CLASSES = "--set classes=['disc','square','star']"


def test_row_09_a_class_without_a_training_box(scripts: Scripts) -> None:
    scripts.works(f"1_computeRois.py {CLASSES}", f"2_cntkGenerateInputs.py {CLASSES}", f"3_runCntk.py {CLASSES}")
    scripts.fails(f"4_trainSvm.py {CLASSES}", "star", "svm_skipClassesWithoutPositives")
    scripts.works(f"4_trainSvm.py {CLASSES} --set svm_skipClassesWithoutPositives=True")


def test_rows_10_and_11_a_class_without_a_test_box_and_without_detections(done: Scripts) -> None:
    for picture in (done.data / "testImages").glob("*.png"):
        boxes, labels = (picture.with_name(f"{picture.stem}.bboxes{kind}.tsv") for kind in ("", ".labels"))
        boxes.write_text(boxes.read_text().splitlines()[0] + "\n")
        labels.write_text("disc")
    done.works("1_computeRois.py", "2_cntkGenerateInputs.py", "3_runCntk.py", "4_trainSvm.py")
    printed = done.works("5_evaluateResults.py")
    assert "not defined" in printed and "square" in printed.split("Not defined")[1]
    high = "--set vis_decisionThresholds={'svm':1000}"
    report = done.works(f"5_visualizeResults.py {high}")
    assert "mAP" in (done.root / "results" / "tiny" / "report.html").read_text(encoding="utf-8") and report


def test_row_19_something_changed_behind_a_step(done: Scripts) -> None:
    done.fails("3_runCntk.py --set train_posOverlapThres=0.6", "train_posOverlapThres", "2_cntkGenerateInputs.py")
    done.annotate("23\t29\t49\t55\n", "disc")
    done.fails("3_runCntk.py", "positive/0", "2_cntkGenerateInputs.py")
    done.works("2_cntkGenerateInputs.py", "3_runCntk.py", "4_trainSvm.py", "5_evaluateResults.py")


def test_row_20_steps_out_of_order(scripts: Scripts) -> None:
    scripts.fails("2_cntkGenerateInputs.py", "Run 1_computeRois.py first")
    scripts.fails("4_trainSvm.py", "1_computeRois.py")
    scripts.works("1_computeRois.py")
    scripts.fails("3_runCntk.py", "Run 2_cntkGenerateInputs.py first")
    scripts.works("2_cntkGenerateInputs.py")
    scripts.fails("4_trainSvm.py", "Run 3_runCntk.py first")
    scripts.works("3_runCntk.py")
    scripts.fails("5_evaluateResults.py", "Run 4_trainSvm.py first")
    scripts.fails(f"6_scoreImage.py {scripts.picture}", "4_trainSvm.py")
    shutil.rmtree(scripts.proc / "cntkFiles" / "test_svm_parsed")
    scripts.fails("4_trainSvm.py", "test_svm_parsed", "Run 3_runCntk.py first")


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
def test_row_21_ctrl_c_keeps_what_was_finished(scripts: Scripts) -> None:
    process = scripts.start("1_computeRois.py --set ss_method=selectivesearch --set roi_maxImgDim=900")
    deadline = time.monotonic() + 120
    while not list(scripts.proc.rglob("*.roi.txt")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode in (0, 130), err
    assert "Traceback" not in err
    finished = contents(scripts.proc / "rois")
    assert finished and not [path for path in finished if ".tmp-" in path.name]
    scripts.works("1_computeRois.py --set ss_method=selectivesearch --set roi_maxImgDim=900")
    after = contents(scripts.proc / "rois")
    assert len(after) == 7 and {path: after[path] for path in finished} == finished


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_row_21_a_folder_that_cannot_be_written(scripts: Scripts) -> None:
    scripts.proc.mkdir(parents=True)
    scripts.proc.chmod(0o500)
    scripts.fails("1_computeRois.py", str(scripts.proc), "Permission denied")


def test_row_22_two_runs_at_once(scripts: Scripts) -> None:
    with exclusive(Artifacts(scripts.root, "tiny")):
        scripts.fails("1_computeRois.py", "in use by process", str(os.getpid()))
    scripts.works("1_computeRois.py")  # the lock ended with its holder


def test_row_23_no_gpu(scripts: Scripts) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    scripts.works("1_computeRois.py", "2_cntkGenerateInputs.py")
    scripts.fails("3_runCntk.py --device cuda", "no NVIDIA GPU")
    scripts.works("3_runCntk.py")


def test_row_23_a_loss_that_is_not_a_number(scripts: Scripts) -> None:
    scripts.works("1_computeRois.py", "2_cntkGenerateInputs.py")
    wild = "--classifier nn --set cntk_lr_per_image=[1e30] --set nn_rateFactor=1e6 --set nn_fitScoreFirst=False"
    scripts.fails(f"3_runCntk.py {wild}", "is nan in epoch", "learning rate", "The checkpoint of epoch")


def test_row_24_files_that_do_not_fit(done: Scripts, tmp_path: Path) -> None:
    embeddings = done.proc / "cntkFiles" / "train_svm_parsed" / "0.dat.npz"
    whole = embeddings.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"no npz at all"):
        embeddings.write_bytes(damaged)
        done.fails("4_trainSvm.py --set svm_C=0.002", "0.dat.npz", "3_runCntk.py")
    evil = tmp_path / "evil.npz"
    np.savez(evil, arr_0=np.array([print], dtype=object))  # a pickle inside
    shutil.copy(evil, embeddings)
    done.fails("4_trainSvm.py --set svm_C=0.002", "0.dat.npz")
    done.works("3_runCntk.py", "4_trainSvm.py --set svm_C=0.002")
    weights = done.proc / "models" / "frcn_svm.npz"
    weights.write_bytes(weights.read_bytes()[:1000])
    done.fails(f"6_scoreImage.py {done.picture}", "frcn_svm.npz")


def test_row_25_labels_in_other_letters_and_with_markup(scripts: Scripts) -> None:
    for path in scripts.data.rglob("*.labels.tsv"):
        path.write_text(
            path.read_text().replace("disc", "<script>alert(1)</script>").replace("square", "苹果"), "utf-8"
        )
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    steps = ("1_computeRois.py", "2_cntkGenerateInputs.py", "3_runCntk.py", "4_trainSvm.py", "5_evaluateResults.py")
    scripts.works(*steps, "5_visualizeResults.py", env=environment)
    for name in ("report.html", "report_test_svm.html"):
        page = (scripts.root / "results" / "tiny" / name).read_text(encoding="utf-8")
        assert "<script>alert(1)" not in page and "&lt;script&gt;alert(1)" in page and "苹果" in page
    assert font_for("苹果") or "class 2: 苹果" in page, "what charts show by number is said"
    assert list((scripts.root / "results" / "tiny" / "visualizations").glob("*.png"))


def test_importing_needs_no_display_and_opens_nothing() -> None:
    program = "import helpers, fastRCNN; from fastRCNN.detector import Detector; from helpers import plots, drawing"
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    subprocess.run([sys.executable, "-c", program], check=True, cwd=REPOSITORY, env=environment)
