"""All steps on the miniature VOCdevkit and the miniature COCO."""

from pathlib import Path

import pytest

from fastRCNN.datasets.precomputed_rois import PrecomputedRois
from helpers.annotations import read_rois
from resources.miniature_sets.voc import draw_devkit
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
    assert "the ROIs of 22 pictures are published there" in said and "nothing timed" in said
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
