"""The load test of real sizes, at tiny ones."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import large_sets, scale
from fastRCNN.datasets import coco, pascal_voc
from helpers.annotations import read_rois

pytestmark = pytest.mark.skipif(not hasattr(os, "wait4"), reason="memory of other processes is told by Unix")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_sets, "DRAWN", 4)
    monkeypatch.setattr(large_sets, "ROIS", 30)


def test_devkit(tmp_path: Path) -> None:
    large_sets.make_devkit(tmp_path, 9)
    devkit = tmp_path / "resources" / "pascalVocData" / "VOCdevkit"
    train = pascal_voc.read(devkit, "train", large_sets.CLASSES, {"train": "2007_trainval"})
    test = pascal_voc.read(devkit, "test", large_sets.CLASSES, {"test": "2007_test"})
    assert (len(train), len(test)) == (5, 4)
    assert len(read_rois(tmp_path / "proc" / "pascalVoc" / "rois" / f"{test.keys[3]}.roi.txt")) == 30
    assert 0 < scale.disk(tmp_path) < 10


def test_coco(tmp_path: Path) -> None:
    large_sets.make_coco(tmp_path, 250)
    assert [len(coco.read(tmp_path, image_set)) for image_set in ("train", "test")] == [240, 10]


def test_starts_with_nothing_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step is started, and none of them makes anything again."""
    made: list[dict[Path, int]] = []
    step = scale.step

    def watched(root: Path, script: str, *options: str, **by: Sequence[str]) -> scale.Cost:
        cost = step(root, script, *options, **by)
        files = [path for path in (root / "proc").rglob("*") if path.suffix in (".txt", ".npz") and path.is_file()]
        made.append({path: path.stat().st_mtime_ns for path in files})
        return cost

    monkeypatch.setattr(scale, "step", watched)
    rows = scale.starts(tmp_path, 20)
    assert [row[1] for row in rows] == [f"{script}: nothing to do" for script in scale.STEPS]
    assert len(made) == 12 and all(each == made[2] for each in made[2:])
    assert sum(path.name.endswith(".dat.npz") for path in made[2]) == 20
    assert not (tmp_path / "results").exists(), "step 5 stops before its first picture"


def test_svms_of_made_up_embeddings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scale.main(["svm", "--root", str(tmp_path), "--pictures", "4", "--only", "chance"])
    assert "5 classes, by chance, " in capsys.readouterr().out


def test_a_row_of_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scale.main(["coco", "--root", str(tmp_path), "--pictures", "50"])
    header, _, row = capsys.readouterr().out.strip().splitlines()
    assert header.count("|") == row.count("|") and "COCO read" in row
    assert not list(tmp_path.iterdir())
