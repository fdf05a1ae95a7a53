"""All steps on the miniature VOCdevkit and the miniature COCO."""

import json
import re
from pathlib import Path

import pytest

from fastRCNN.datasets.precomputed_rois import PrecomputedRois
from helpers.annotations import read_rois
from resources.miniature_sets.coco import CATEGORIES, draw_coco
from resources.miniature_sets.voc import CLASSES, draw_devkit
from tests.conftest import Runner

PASCAL = ("--dataset", "pascalVoc")


@pytest.fixture(scope="module")
def devkit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_devkit(tmp_path_factory.mktemp("root") / "resources" / "pascalVocData")


@pytest.fixture
def voc(devkit: Path, tmp_path: Path, slim_weights: Path) -> Runner:
    """Runs scripts on the devkit, which lies where `--dataset pascalVoc` looks for it."""
    (tmp_path / "resources").symlink_to(devkit.parents[1])
    return Runner(tmp_path, slim_weights)


def test_published_rois_need_not_be_computed(voc: Runner, devkit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    voc("1_computeRois.py", *PASCAL)
    said = capsys.readouterr().err
    assert "the ROIs of 22 pictures are published there" in said and "nothing was left to compute" in said
    file = voc.root / "proc" / "pascalVoc" / "rois" / "VOC2007" / "000005.roi.txt"
    expected = PrecomputedRois(devkit).rois("VOC2007/000005", 10_000, 10_000)
    assert read_rois(file).tolist() == expected.tolist()
    before = file.stat().st_mtime_ns
    voc("1_computeRois.py", *PASCAL)
    assert file.stat().st_mtime_ns == before
    voc("1_computeRois.py", *PASCAL, "--set", "datasetPrecomputedRois=False")
    assert read_rois(file).tolist() != expected.tolist()
    with pytest.raises(SystemExit) as leaving:
        voc("2_cntkGenerateInputs.py", *PASCAL)
    assert "boxes of voc_2007_trainval.mat is new" in str(leaving.value.code)


def result_of(run: Runner, dataset: str, classifier: str) -> dict:
    return json.loads((run.root / "results" / dataset / f"evaluation_test_{classifier}.json").read_text())


def settings(**values: object) -> list[str]:
    return [part for name, value in values.items() for part in ("--set", f"{name}={value}")]


@pytest.mark.parametrize("classifier", ["svm", "nn"])
def test_both_years_to_the_end(voc: Runner, classifier: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The published experiment in small: steps 1 to 5, the devkit's files, and these evaluated again."""
    options = [*PASCAL, "--classifier", classifier, *settings(
        trainSets="2007_trainval+2012_trainval", cntk_max_epochs=1, cntk_lr_per_image=[0.005], cntk_nrRois=80,
        evalMaxPerPicture=50,
    )]  # fmt: skip
    for script in voc.steps:
        voc(script, *options)
    result = result_of(voc, "pascalVoc", classifier)
    assert list(result["classes"]) == list(CLASSES) and result["max_per_picture"] == 50
    assert sum(each["positives"] for each in result["classes"].values()) == 25
    assert result["mAP_area"] > {"svm": 0.12, "nn": 0.03}[classifier]  # two to five objects of each, random filters
    files = sorted((voc.root / "results" / "pascalVoc" / "VOC2007" / "Main").iterdir())
    assert [path.name for path in files] == [f"comp4_det_test_{name}.txt" for name in CLASSES]
    assert 8 * 20 < sum(len(path.read_text().splitlines()) for path in files) <= 8 * 50
    capsys.readouterr()
    voc("5_evaluateResults.py", *options, "--detections", str(voc.root / "results" / "pascalVoc"))
    mean = re.search(r"mean \(mAP\)\s+([\d.]+)", capsys.readouterr().out)
    assert mean and float(mean[1]) == pytest.approx(result["mAP_area"], abs=5e-5)  # four digits are shown


def test_both_years_by_a_network_that_finds_its_rois(voc: Runner) -> None:
    options = [*PASCAL, "--classifier", "faster", *settings(
        trainSets="2007_trainval+2012_trainval", faster_max_epochs=12, rpn_testAfterNms=60, rpn_trainAfterNms=60,
        cntk_padWidth=300, cntk_padHeight=300, evalMaxPerPicture=50,
    )]  # fmt: skip
    for script in ("3_runCntk.py", "5_evaluateResults.py"):
        voc(script, *options)
    result = result_of(voc, "pascalVoc", "faster")
    assert list(result["classes"]) == list(CLASSES) and result["nr_rois"] == 60 and result["mAP_area"] > 0
    files = sorted((voc.root / "results" / "pascalVoc" / "VOC2007" / "Main").iterdir())
    assert [path.name for path in files] == [f"comp4_det_test_{name}.txt" for name in CLASSES]


def test_coco_to_the_end(tmp_path: Path, slim_weights: Path) -> None:
    pytest.importorskip("pycocotools")
    draw_coco(tmp_path / "data" / "coco")
    run = Runner(tmp_path, slim_weights)
    for script in run.steps:
        run(script, "--dataset", "coco", *settings(cntk_nrRois=80, roi_maxDimRel=0.7, evalMaxPerPicture=100))
    result = result_of(run, "coco", "svm")
    assert list(result["classes"]) == list(CATEGORIES.values()) == list(result["coco"]["classes"])
    assert 0.02 < result["coco"]["AP50"] <= 1 and result["coco"]["AP"] <= result["coco"]["AP50"]
    found = json.loads((tmp_path / "results" / "coco" / "detections_val2017_svm_results.json").read_text())
    assert {each["category_id"] for each in found} <= set(CATEGORIES) and found[0].keys() == {
        "image_id", "category_id", "bbox", "score",
    }  # fmt: skip
