"""The trained detector is one thing: steps 5 and 6 and the Detector refuse parts that do not belong together."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from fastRCNN.detector import Detector
from fastRCNN.network.alexnet import cntk_shape, he_initialised
from fastRCNN.network.network import save_network
from fastRCNN.pipeline.detector_folder import load_settings
from helpers.artifacts import Artifacts
from helpers.errors import UserError
from helpers.images import read_image


@pytest.fixture
def done(run, finished):
    """A copy of a root where all steps have run, in which a step may be started."""
    for folder in ("proc", "results"):
        shutil.copytree(finished.root / folder, run.root / folder)
    run("2_cntkGenerateInputs.py")
    return run


def picture_of(run) -> str:
    return str(run.root / "data" / "tiny" / "testImages" / "5.png")


def said(run, script, *options) -> str:
    with pytest.raises(SystemExit) as leaving:
        run(script, *options)
    return str(leaving.value.code)


def test_another_network_without_new_svms(done, tmp_path):
    network = he_initialised(1, spec=cntk_shape(widths=(16, 24, 24, 24, 16), hidden=64))
    save_network(tmp_path / "other.npz", network.spec.to_header(), network.arrays)
    other = ("--set", f"cntk_model={tmp_path / 'other.npz'}")
    done("3_runCntk.py", *other)
    for script, options in (("5_evaluateResults.py", other), ("6_scoreImage.py", (*other, picture_of(done)))):
        assert "Run 4_trainSvm.py again" in said(done, script, *options)
    with pytest.raises(UserError, match=r"frcn_svm\.npz: not the file that this detector was trained with"):
        Detector.load(done.root / "proc" / "tiny")
    done("4_trainSvm.py", *other)
    done("6_scoreImage.py", *other, picture_of(done))


@pytest.mark.parametrize("part", ["trainedSvm/boxes_exp1.npz", "trainedSvm/svmbias_exp1.txt"])
def test_a_part_that_is_missing_or_another(done, part):
    path = done.root / "proc" / "tiny" / part
    whole = path.read_bytes()
    path.unlink()
    for script, options in (("5_evaluateResults.py", ()), ("6_scoreImage.py", (picture_of(done),))):
        assert path.name in (text := said(done, script, *options))
        assert "4_trainSvm.py first" in text
    path.write_bytes(whole[: len(whole) // 2])
    for script, options in (("5_evaluateResults.py", ()), ("6_scoreImage.py", (picture_of(done),))):
        assert path.name in (text := said(done, script, *options))
        assert "Run 4_trainSvm.py again" in text


@pytest.mark.parametrize(("name", "value"), [("cntk_padWidth", 300), ("cntk_nrRois", 50), ("grid_nrScales", 2)])
def test_other_settings_than_those_of_the_training(done, name, value):
    options = ["--set", f"{name}={value}", *(("--set", f"cntk_padHeight={value}") if name == "cntk_padWidth" else ())]
    assert f"{name} was {done.settings[name]}, is {value}" in said(done, "6_scoreImage.py", *options, picture_of(done))
    assert f"{name} was {done.settings[name]}, is {value}" in said(done, "5_evaluateResults.py", *options)
    done("6_scoreImage.py", "--set", "nmsThreshold=0.7", picture_of(done))  # only thins out what was found


def test_without_box_regression_a_left_over_file_is_not_used(done, capsys):
    done("4_trainSvm.py", "--set", "svm_bboxRegression=False")
    boxes = done.root / "proc" / "tiny" / "trainedSvm" / "boxes_exp1.npz"
    assert not boxes.exists(), "what is no longer made is removed"
    capsys.readouterr()
    done("6_scoreImage.py", "--set", "svm_bboxRegression=False", picture_of(done))
    plain = capsys.readouterr().out
    boxes.write_bytes(b"of another detector")
    done("6_scoreImage.py", "--set", "svm_bboxRegression=False", picture_of(done))
    assert capsys.readouterr().out == plain


def test_a_folder_that_was_copied_renamed_or_is_named_relatively(done, tmp_path, monkeypatch):
    proc, copy = done.root / "proc" / "tiny", tmp_path / "elsewhere"
    image = read_image(picture_of(done))
    with Detector.load(proc) as detector:
        expected = detector.detect(image)
    for part in ("models", "trainedSvm"):  # these are enough
        shutil.copytree(proc / part, copy / part)
    proc.rename(proc.with_name("renamed"))
    monkeypatch.chdir(copy)
    for folder in (copy, Path(), f"..{os.sep}elsewhere", proc.with_name("renamed")):
        with Detector.load(folder) as detector:
            found = detector.detect(image)
        np.testing.assert_array_equal(found.boxes, expected.boxes)
        np.testing.assert_array_equal(found.scores, expected.scores)


def test_a_detector_put_together_by_hand_says_so(done, monkeypatch, capsys):
    of = Artifacts(done.root, "tiny")
    settings = load_settings(of, "svm")
    done("6_scoreImage.py", picture_of(done))
    expected = json.loads(capsys.readouterr().out)
    of.settings_file("svm").unlink()
    with pytest.raises(UserError, match=r"detector_svm\.json: not there yet"):
        Detector.load(of.proc)
    told = []
    monkeypatch.setattr("fastRCNN.detector.log.info", lambda text, *values: told.append(text % values))
    Detector.load(of.proc, settings=settings).close()
    assert told == [f"{of.proc}: no manifest (put together by hand?), its parts are used as they are."]
    done("6_scoreImage.py", picture_of(done))
    assert json.loads(capsys.readouterr().out) == expected


def test_a_copied_root_reads_its_own_pictures(done, tmp_path):
    """The map files name pictures by absolute paths, those of the original."""
    copy = type(done)(tmp_path / "copy", done.weights)
    shutil.copytree(done.root, copy.root)
    parsed = Path("proc") / "tiny" / "cntkFiles" / "train_svm_parsed" / "0.dat.npz"
    original = done.root / "data" / "tiny"
    (copy.root / parsed).unlink()
    original.rename(original.with_name("moved"))
    copy("3_runCntk.py")
    assert (copy.root / parsed).read_bytes() == (done.root / parsed).read_bytes()
    for script in copy.steps[3:]:
        copy(script)
