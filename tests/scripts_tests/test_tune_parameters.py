"""B4_tuneParameters.py on a small data set."""

import importlib
import os
import shlex
import shutil
from pathlib import Path

import pytest

import PARAMETERS
from fastRCNN.pipeline.tuning import Trial
from helpers.artifacts import Artifacts, exclusive
from tests.conftest import REPOSITORY
from tests.scripts_tests.test_pipeline import digests
from tests.scripts_tests.test_step_3_nn import NN

QUICK = ("nmsThreshold", "nms_softSigma", "cntk_nrRois", "svm_bboxRegression", "svm_C", "train_posOverlapThres")
REPEATED = ("ss_method", "roi_sizeGroups", "roi_limits", "cntk_model", "cntk_padWidth")


@pytest.fixture
def run(finished, tmp_path):
    """Runs scripts on a copy of what steps 1 to 5 left."""
    shutil.copytree(finished.root, tmp_path / "root")
    return type(finished)(tmp_path / "root", finished.weights)


def rows(run):
    text = (run.root / "results" / "tiny" / "tuning.tsv").read_text(encoding="utf-8")
    head, *found = [line.split("\t") for line in text.splitlines()]
    assert head == ["parameter", "value", "mAP, area", "spread", "gain", "taken"]
    assert found[0][0] == "as it is"
    return found[1:]


def test_values_are_tried_on_left_out_training_pictures(run, capsys):
    run("B4_tuneParameters.py", "--minutes", "2", "--only", *QUICK)  # four pictures: as many parts
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["parameter", "value"]
    assert lines[2].startswith("as it is")
    tried = [line.split()[0] for line in lines[3:] if line.startswith(QUICK)]
    assert list(dict.fromkeys(tried)) == list(QUICK)
    assert lines[-1].startswith(("  --set ", "Nothing was better than what there is"))
    assert [row[0] for row in rows(run)] == tried
    assert (run.root / "results" / "tiny" / "tuning.png").stat().st_size > 1000
    tried_beside = [folder.name for folder in (run.root / "proc" / "tiny" / "tuning").iterdir()]
    assert len(tried_beside) == 2 and all(name.startswith("cntk_nrRois_") for name in tried_beside), "more ROIs"


def test_steps_1_to_3_are_done_beside_the_real_ones(run, capsys, tmp_path):
    before = digests(run.root / "proc"), digests(run.root / "data")
    other = tmp_path / "other.npz"
    shutil.copy(run.weights, other)
    run("B4_tuneParameters.py", "--folds", "2", "--only", *REPEATED, "--networks", str(other))
    found = {(row[0], row[1]): row for row in rows(run)}
    assert {name for name, _ in found} == set(REPEATED)
    assert ("cntk_model", "other, 1000 pixels") in found and ("ss_method", "rpn") in found
    assert all(0 <= float(row[2]) <= 1 for row in found.values())
    tuning = run.root / "proc" / "tiny" / "tuning"
    assert not list(tuning.rglob("*.dat.npz")), "embeddings are not kept"
    shutil.rmtree(tuning)
    assert (digests(run.root / "proc"), digests(run.root / "data")) == before
    assert "ss_method  rpn" in capsys.readouterr().err, "a line for what takes long, as soon as it is known"


def test_a_network_that_is_trained(run, capsys):
    settings = [part for part in NN if part not in ("--classifier", "nn")]
    run("B4_tuneParameters.py", "--folds", "2", "--only", "classifier", "--minutes", "0.05", *settings)
    assert {row[1] for row in rows(run)} == {"nn", "faster"}
    run("B4_tuneParameters.py", "--folds", "2", "--only", "classifier", *settings, "--set", "faster_max_epochs=1")
    assert all(row[2] for row in rows(run))


def test_what_takes_too_long_is_said(run, capsys):
    run("B4_tuneParameters.py", "--folds", "2", "--minutes", "0.0001")
    found = {row[0]: row for row in rows(run)}
    assert found["ss_method"][2] == "" and found["ss_method"][5].startswith("not tried: about ")
    assert "With more --minutes it goes on where it ended." in capsys.readouterr().out


def test_what_was_taken_can_be_saved(run, monkeypatch, tmp_path, capsys):
    file = tmp_path / "PARAMETERS.py"
    shutil.copy(PARAMETERS.__file__, file)
    monkeypatch.setattr(PARAMETERS, "__file__", str(file))
    taken = Trial("nmsThreshold", 0.4, (0.7, 0.7), (0.5, 0.5), taken=True, settings={"nmsThreshold": 0.4})
    monkeypatch.setattr("fastRCNN.pipeline.tuning.tune", lambda search: iter([Trial("", "", (0.5, 0.5)), taken]))
    run("B4_tuneParameters.py", "--save")
    line = "overrides['tiny'] = {**overrides.get('tiny', {}), **{'nmsThreshold': 0.4}}  # B4_tuneParameters.py --save"
    assert line in file.read_text(encoding="utf-8").splitlines()
    assert "from 0.500 to 0.700" in capsys.readouterr().out
    run("B4_tuneParameters.py")
    assert capsys.readouterr().out.splitlines()[-1] == "  --set nmsThreshold=0.4"


def test_it_starts_from_svms(run):
    with pytest.raises(SystemExit, match="--classifier nn: it starts from svm, and tries the others itself"):
        run("B4_tuneParameters.py", "--classifier", "nn")


@pytest.mark.parametrize("minutes", ["0", "-1", "nan"])
def test_no_time_at_all_is_refused(run, minutes):
    with pytest.raises(SystemExit, match=f"--minutes {minutes}: expected more than 0"):
        run("B4_tuneParameters.py", "--minutes", minutes)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing.npz", r"nothing\.npz: "),
        ("PARAMETERS.py", r"PARAMETERS\.py: "),
        (
            "resources/cntk/proposals.npz",
            r"proposals\.npz: a network that proposes regions, not one that describes them",
        ),
    ],
)
def test_networks_that_are_none(run, name, message):
    with pytest.raises(SystemExit, match=message):
        run("B4_tuneParameters.py", "--networks", str(REPOSITORY / name))


def test_parameters_that_are_not_tuned(run):
    with pytest.raises(SystemExit):
        run("B4_tuneParameters.py", "--only", "svm_c")


def test_another_run_holds_the_folder(run):
    with exclusive(Artifacts(run.root, "tiny")), pytest.raises(SystemExit, match="in use by process"):
        run("B4_tuneParameters.py")


@pytest.mark.parametrize(
    ("settings", "script"),
    [
        ({"nmsThreshold": 0.5}, "5_evaluateResults.py"),
        ({"nmsThreshold": 0.5, "svm_C": 0.1}, "4_trainSvm.py"),
        ({"svm_bboxRegression": False, "train_posOverlapThres": 0.4}, "2_cntkGenerateInputs.py"),
        ({"cntk_nrRois": 75}, "2_cntkGenerateInputs.py"),
        ({"ss_method": "fast"}, "1_computeRois.py"),
        ({"ss_method": "rpn", "nmsThreshold": 0.5}, "1_computeRois.py"),
        ({"cntk_model": "a.npz"}, "3_runCntk.py"),
        ({"cntk_model": "a.npz", "cntk_padWidth": 640, "cntk_padHeight": 640}, "2_cntkGenerateInputs.py"),
        ({"classifier": "nn", "svm_C": 0.1}, "3_runCntk.py"),
        ({"classifier": "faster", "cntk_nrRois": 75}, "3_runCntk.py"),
    ],
)
def test_it_says_where_to_begin_again(settings, script):
    assert importlib.import_module("B4_tuneParameters").first_step(settings) == script


def test_regions_of_a_network_depend_on_the_side_of_picture():
    first_step = importlib.import_module("B4_tuneParameters").first_step
    side = {"cntk_padWidth": 640, "cntk_padHeight": 640}
    assert first_step(side, "rpn") == "1_computeRois.py"
    assert first_step(side, "fast") == "2_cntkGenerateInputs.py"
    assert first_step({"cntk_nrRois": 75}, "rpn") == "2_cntkGenerateInputs.py"


def test_options_can_be_pasted(run, monkeypatch, capsys):
    settings = {"cntk_model": "/a b/c.npz", "cntk_padWidth": 640}
    taken = Trial("cntk_model", "c", (0.7, 0.7), (0.5, 0.5), taken=True, settings=settings)
    monkeypatch.setattr("fastRCNN.pipeline.tuning.tune", lambda search: iter([Trial("", "", (0.5, 0.5)), taken]))
    run("B4_tuneParameters.py")
    line = capsys.readouterr().out.splitlines()[-1]
    expected = ["--set", "cntk_model=/a b/c.npz", "--set", "cntk_padWidth=640"]
    assert os.name == "nt" or shlex.split(line) == expected


def test_settings_as_options(monkeypatch, tmp_path):
    as_options = importlib.import_module("B4_tuneParameters").as_options
    monkeypatch.chdir(tmp_path)
    settings = {"cntk_model": str(Path.cwd() / "networks" / "a.npz"), "svm_C": 0.0001, "svm_bboxRegression": False}
    assert as_options(settings) == [
        "--set", "cntk_model=networks/a.npz", "--set", "svm_C=0.0001", "--set", "svm_bboxRegression=False",
    ]  # fmt: skip
    assert as_options({"classifier": "nn", "cntk_model": "/a.npz"}) == [
        "--classifier",
        "nn",
        "--set",
        "cntk_model=/a.npz",
    ]
