"""The scripts that look into the data: recall of the ROIs, the network's inputs, the annotations."""

import ast
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import PARAMETERS
from fastRCNN.datasets.layouts import open_dataset
from fastRCNN.proposals.roi_parameters import RoiParameters
from fastRCNN.proposals.rois import filter_rois
from helpers.annotations import write_annotation, write_rois
from helpers.artifacts import Artifacts

REPOSITORY = Path(__file__).resolve().parents[2]
DISC, HALF_OF_DISC, FAR = [10, 10, 29, 29], [10, 10, 19, 29], [60, 40, 99, 79]


@pytest.fixture
def root(tiny_root):
    """Every annotated picture shows one disc; the third of its three ROIs is on it, the first covers half of it."""
    artifacts = Artifacts(tiny_root, "tiny")
    for folder, stems in (("positive", "0123"), ("testImages", "56")):
        for stem in stems:
            write_annotation(artifacts.data / folder / f"{stem}.png", [DISC], ["disc"])
    for image_set in ("train", "test"):
        for key in open_dataset(artifacts, image_set).keys:
            write_rois(artifacts.roi_file(key), [HALF_OF_DISC, FAR, DISC])
    return tiny_root


@pytest.fixture
def run(root, monkeypatch, capsys):
    def start(script, *options):
        arguments = [script, "--root", str(root), "--dataset", "tiny", "--set", "cntk_nrRois=2", *options]
        monkeypatch.setattr(sys, "argv", arguments)
        with pytest.raises(SystemExit) as leaving:
            runpy.run_path(str(REPOSITORY / script), run_name="__main__")
        return leaving.value.code, capsys.readouterr()

    return start


def test_recall_by_hand(run, root):
    code, printed = run("B1_evaluateRois.py")
    assert code == 0
    # With two ROIs the best overlap is exactly 0.5 (half of the disc), with three it is 1.
    rows = {line.split()[0]: line.split()[1:] for line in printed.out.splitlines() if line.strip()}
    assert rows["2"] == ["2", "1.000", "1.000", "1.000", "0.000", "0.000", "0.000", "0.000", "0.500"]
    assert rows["3"] == ["3"] + ["1.000"] * 8
    assert rows["disc"] == ["6", "1.000", "0.000", "0.500"]
    assert printed.out.startswith("6 objects in 7 pictures; cntk_nrRois is 2")
    table = (root / "results/tiny/roi_recall.tsv").read_text(encoding="utf-8").splitlines()
    assert table[1].split("\t") == ["2", *rows["2"]]
    first = (root / "results/tiny/roi_recall.png").read_bytes()
    assert cv2.imread(str(root / "results/tiny/roi_recall.png")) is not None
    assert run("B1_evaluateRois.py", "--quiet")[0] == 0
    assert (root / "results/tiny/roi_recall.png").read_bytes() == first


def test_where_many_are_left_it_says_what_helps(run, root):
    """FAR alone, the first ROI of the test pictures, covers nothing: two of the six objects are left."""
    for stem in "56":
        write_rois(Artifacts(root, "tiny").roi_file(f"testImages/{stem}"), [FAR, DISC])
    assert "None of them" not in run("B1_evaluateRois.py")[1].out
    one = ("B1_evaluateRois.py", "--set", "cntk_nrRois=1")
    says = "None of them covers 33% of the objects: more ROIs (cntk_nrRois) help, or ROIs that a network"
    assert says in run(*one)[1].out
    assert "None of them" not in run(*one, "--image-set", "train")[1].out
    assert "None of them" not in run(*one, "--set", "ss_method=rpn+fast")[1].out
    assert "None of them" not in run(*one, "--compat", "tutorial")[1].out


def test_recall_of_one_set(run):
    assert run("B1_evaluateRois.py", "--image-set", "test")[1].out.startswith("2 objects in 2 pictures")


def test_pictures_without_rois_are_warned_of(run, root):
    assert "Nothing was proposed" not in run("B1_evaluateRois.py")[1].err
    artifacts = Artifacts(root, "tiny")
    for key in ("testImages/5", "testImages/6"):
        artifacts.roi_file(key).write_text("")
    code, printed = run("B1_evaluateRois.py")
    assert code == 0 and "Nothing was proposed in 2 of 7 pictures, like testImages/5" in printed.err
    assert run("B1_evaluateRois.py", "--image-set", "test")[0] == 0


def test_recall_needs_step_1(run, root):
    Artifacts(root, "tiny").roi_file("positive/2").unlink()
    assert "Run 1_computeRois.py first" in str(run("B1_evaluateRois.py")[0])


def test_inputs_are_drawn_from_step_2s_files(run, root):
    pad = ("--set", "cntk_padWidth=400", "--set", "cntk_padHeight=400", "--set", "cntk_nrRois=3")
    assert "Run 2_cntkGenerateInputs.py first" in str(run("B2_cntkVisualizeInputs.py", *pad)[0])
    assert run("2_cntkGenerateInputs.py", *pad)[0] == 0
    code, printed = run("B2_cntkVisualizeInputs.py", *pad)
    assert code == 0
    folder = root / "results/tiny/inputs"
    names = ["test_05.png", "test_16.png", *(f"train_{i}{stem}.png" for i, stem in enumerate("01234"))]
    assert sorted(path.name for path in folder.iterdir()) == names
    picture = cv2.imread(str(folder / "train_00.png"))
    assert picture.shape == (400, 400, 3)
    assert (picture[:40] == 114).all()  # the padding above a picture of 120 x 90
    # The disc stands first, then half of it (overlap 0.5: positive), then a ROI elsewhere.
    assert any(line.split() == ["train_00.png", "1", "2"] for line in printed.out.splitlines())
    assert any(line.split() == ["train_44.png", "3", "0"] for line in printed.out.splitlines())


def test_number_of_inputs(run, root):
    assert run("2_cntkGenerateInputs.py")[0] == 0
    assert run("B2_cntkVisualizeInputs.py", "--pictures", "1", "--image-set", "train", "--negatives", "0")[0] == 0
    assert [path.name for path in (root / "results/tiny/inputs").iterdir()] == ["train_00.png"]


def test_annotation_statistics_and_limits_that_fit(run, root):
    code, printed = run("B3_cntkAnalyzeInputs.py")
    assert code == 0
    lines = printed.out.splitlines()
    # Every object is 20 x 20 in pictures of 120 x 90: 400 pixels; relative 20/120 and 400/14400.
    median = next(line for line in lines if line.startswith("50 %"))
    assert median.split()[2:] == ["20", "20", "400", "0.167", "0.167", "0.0278", "1"]
    values = {
        name: ast.literal_eval(value.split("#")[0].strip())
        for name, _, value in (line.partition(" = ") for line in lines if line.startswith("roi_"))
    }
    options = next(line for line in lines if line.startswith("--set"))
    assert options.split()[1::2] == [f"{name}={value:g}" for name, value in values.items()]
    assert len(filter_rois(np.array([DISC]), 120, RoiParameters(**values))) == 1
    assert "with these it would be 100.0%" in printed.out
    assert "there is nothing to do" in printed.out
    # What it prints can be given to a script.
    code, printed = run("B3_cntkAnalyzeInputs.py", *options.split())
    assert code == 0 and "there is nothing to do" not in printed.out, "now they are the user's, not step 1's"


def test_limits_that_fit_are_written_into_the_parameters_when_asked(run, root, tmp_path, monkeypatch):
    copy = tmp_path / "PARAMETERS.py"
    copy.write_bytes((REPOSITORY / "PARAMETERS.py").read_bytes())
    monkeypatch.setattr(PARAMETERS, "__file__", str(copy))
    assert run("B3_cntkAnalyzeInputs.py")[0] == 0
    assert copy.read_bytes() == (REPOSITORY / "PARAMETERS.py").read_bytes()
    code, printed = run("B3_cntkAnalyzeInputs.py", "--save")
    line = printed.out.splitlines()[-1]
    assert code == 0 and line.startswith("overrides['tiny'] = ") and line in copy.read_text(encoding="utf-8")


def test_objects_are_counted_and_labels_that_look_alike_asked_for(run, root):
    (root / "data/tiny/positive/0.bboxes.labels.tsv").write_text("Disc\n")
    code, printed = run("B3_cntkAnalyzeInputs.py")
    assert code == 0 and ["Disc", "1", "0"] in [line.split() for line in printed.out.splitlines()]
    assert "typing error? 'Disc', 'disc'" in printed.out


def test_statistics_without_objects(run, root):
    for stem in "56":
        write_annotation(root / "data/tiny/testImages" / f"{stem}.png", [], [])
    for script in ("B1_evaluateRois.py", "B3_cntkAnalyzeInputs.py"):
        assert "no annotated object" in str(run(script, "--image-set", "test")[0])
