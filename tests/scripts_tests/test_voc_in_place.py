"""All steps on a folder in Pascal VOC's layout, read in place, and on COCO's."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from tests.conftest import Runner
from tests.fastRCNN_tests.datasets_tests.drawn_sets import draw_coco, write_voc_list, write_voc_picture


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A VOC set outside data/, with difficult objects in both lists."""
    folder = tmp_path / "elsewhere" / "VOC2007"
    for seed in range(6):
        write_voc_picture(folder, f"{seed:06}", seed, difficult=(1,) if seed in (1, 5) else ())
    write_voc_list(folder, "trainval", [f"{seed:06}" for seed in range(4)])
    write_voc_list(folder, "test", ["000004", "000005"])
    return folder.parent


def test_voc(slim_weights: Path, tmp_path: Path, elsewhere: Path) -> None:
    before = {path: path.read_bytes() for path in elsewhere.rglob("*") if path.is_file()}
    run = Runner(tmp_path, slim_weights)
    place = ("--set", f"datasetPath={elsewhere}")
    for script in run.steps:
        run(script, *place)
    result = json.loads((tmp_path / "results" / "tiny" / "evaluation_test_svm.json").read_text())
    assert {name: each["positives"] for name, each in result["classes"].items()} == {"disc": 2, "square": 1}
    assert result["mAP_area"] > 0.2
    run("6_scoreImage.py", *place, str(elsewhere / "VOC2007" / "JPEGImages" / "000004.jpg"))
    assert {path: path.read_bytes() for path in elsewhere.rglob("*") if path.is_file()} == before


def test_lists_are_parameters(slim_weights: Path, tmp_path: Path, elsewhere: Path, capsys) -> None:
    run = Runner(tmp_path, slim_weights)
    place = ("--set", f"datasetPath={elsewhere}", "--set", "datasetLayout=voc")
    with pytest.raises(SystemExit) as leaving:
        run("1_computeRois.py", *place, "--set", "trainSets=2012_trainval")
    assert "no such year; years there: 2007" in str(leaving.value.code)
    run("1_computeRois.py", *place, "--set", "trainSets=2007_test", "--set", "testSets=2007_trainval")
    rows = [line.split()[:2] for line in capsys.readouterr().out.splitlines()]
    assert ["train", "2"] in rows and ["test", "4"] in rows


def test_lists_that_overlap_and_cells_without_boxes_are_named(
    slim_weights: Path, tmp_path: Path, elsewhere: Path, capsys
) -> None:
    cells = np.empty((1, 4), object)
    cells[0, :] = [np.array([[1, 1, 30, 40]], np.uint16)] * 4
    cells[0, 2] = np.zeros((0, 4), np.uint16)
    (elsewhere / "selective_search_data").mkdir()
    savemat(elsewhere / "selective_search_data" / "voc_2007_trainval.mat", {"boxes": cells})
    run = Runner(tmp_path, slim_weights)
    write_voc_list(elsewhere / "VOC2007", "test", ["000003", "000005"])
    run("1_computeRois.py", "--set", f"datasetPath={elsewhere}", "--set", "datasetLayout=voc")
    said = capsys.readouterr().err
    assert "1 picture(s) are both for training and for testing:\n  VOC2007/000003\n" in said
    assert "more than once" not in said
    assert "1 picture(s) have no usable box in that file:\n  VOC2007/000002\n" in said


def test_coco(slim_weights: Path, tmp_path: Path) -> None:
    draw_coco(tmp_path / "data" / "tiny", "train2017", 4)
    draw_coco(tmp_path / "data" / "tiny", "val2017", 2)
    run = Runner(tmp_path, slim_weights)
    run.all_steps()
    result = json.loads((tmp_path / "results" / "tiny" / "evaluation_test_svm.json").read_text())
    assert {name: each["positives"] for name, each in result["classes"].items()} == {"disc": 2, "square": 1}
