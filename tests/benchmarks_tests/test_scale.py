"""The load test of real sizes, at tiny ones."""

import os
from pathlib import Path

import pytest

from benchmarks import scale
from fastRCNN.datasets import coco, pascal_voc
from helpers.annotations import read_rois

pytestmark = pytest.mark.skipif(not hasattr(os, "wait4"), reason="memory of other processes is told by Unix")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "DRAWN", 4)
    monkeypatch.setattr(scale, "ROIS", 30)


def test_devkit(tmp_path: Path) -> None:
    scale.make_devkit(tmp_path, 9)
    devkit = tmp_path / "resources" / "pascalVocData" / "VOCdevkit"
    train = pascal_voc.read(devkit, "train", scale.CLASSES, {"train": "2007_trainval"})
    test = pascal_voc.read(devkit, "test", scale.CLASSES, {"test": "2007_test"})
    assert (len(train), len(test)) == (5, 4)
    assert len(read_rois(tmp_path / "proc" / "pascalVoc" / "rois" / f"{test.keys[3]}.roi.txt")) == 30
    assert 0 < scale.disk(tmp_path) < 10


def test_coco(tmp_path: Path) -> None:
    scale.make_coco(tmp_path, 250)
    assert [len(coco.read(tmp_path, image_set)) for image_set in ("train", "test")] == [240, 10]


def test_svms_of_made_up_embeddings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scale.main(["svm", "--root", str(tmp_path), "--pictures", "4", "--only", "chance"])
    assert "5 classes, by chance, " in capsys.readouterr().out


def test_a_row_of_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scale.main(["coco", "--root", str(tmp_path), "--pictures", "50"])
    header, _, row = capsys.readouterr().out.strip().splitlines()
    assert header.count("|") == row.count("|") and "COCO read" in row
    assert not list(tmp_path.iterdir())
