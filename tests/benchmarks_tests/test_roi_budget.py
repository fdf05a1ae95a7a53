"""benchmarks/roi_budget.py: its folds, the ways to choose ROIs, its tables, and one real run of the steps."""

import json
import os
import sys

import numpy as np
import pytest

from benchmarks import roi_budget
from benchmarks.roi_budget import Run, link_data, measured, recall_of_test_pictures, tables, write_all_rois
from helpers.annotations import read_rois
from helpers.artifacts import Artifacts
from helpers.errors import UserError

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs symbolic links")
SMALL = ("roi_maxImgDim=120", "grid_nrScales=4", "cntk_padWidth=400", "cntk_padHeight=400")


def names(folder):
    return "".join(sorted(path.stem for path in folder.glob("*.png")))


def test_folds_leave_training_pictures_out_and_never_look_at_test_pictures(tiny_root, tmp_path):
    data, target = tiny_root / "data" / "tiny", tmp_path / "out" / "data" / "tiny"
    for fold, (left_out, others) in enumerate((("02", "13"), ("13", "02"))):
        link_data(data, target, Run("tiny", "fitted", 50, folds=2, fold=fold))
        assert (names(target / "testImages"), names(target / "positive"), names(target / "negative")) == (
            left_out, others, "4",
        )  # fmt: skip
        assert (target / "positive" / f"{others[0]}.bboxes.tsv").exists()
    with pytest.raises(UserError, match=r"--folds 5: .* has 4 pictures"):
        link_data(data, target, Run("tiny", "fitted", 50, folds=5))


def test_without_folds_the_data_set_is_as_it_is(tiny_root, tmp_path):
    target = tmp_path / "out" / "data" / "tiny"
    for _ in range(2):
        link_data(tiny_root / "data" / "tiny", target, Run("tiny", "fitted", 50))
        assert (names(target / "testImages"), names(target / "positive")) == ("56", "0123")
    assert names(tiny_root / "data" / "tiny" / "positive") == "0123"


def test_ways_to_choose(tiny_root):
    sets = [part for value in SMALL for part in ("--set", value)]
    place, found = Artifacts(tiny_root, "tiny"), {}
    for way in roi_budget.WAYS:
        assert write_all_rois(place, way, sets) >= 0
        found[way] = read_rois(place.roi_file("testImages/5"))
    sides = {way: np.ptp(rois.reshape(-1, 2, 2), axis=1) for way, rois in found.items()}
    assert sides["fitted"].max() < 40 < sides["ranked"].max()  # objects are 24 or 26 pixels wide and high
    assert not np.array_equal(found["published"][:20], found["ranked"][:20])
    assert not np.array_equal(found["dealt"], found["fitted"])
    assert sorted(found["dealt"].tolist()) == sorted(found["fitted"].tolist())
    assert recall_of_test_pictures(place, 0, sets) == [0, 0]
    assert recall_of_test_pictures(place, 1000, sets) == [1, 1]


def entry(way, rois, area, fold=0, folds=2):
    run = {"dataset": "tiny", "way": way, "rois": rois, "folds": folds, "fold": fold}
    return {"run": run, "area": area, "eleven": area + 0.01, "recall": [0.9, 0.6], "seconds": [1, 2], "megabytes": 7}


def test_tables_are_means_over_the_folds():
    entries = [entry("fitted", 50, 0.5), entry("fitted", 50, 0.7, fold=1), entry("published", 100, 0.25)]
    entries.append(entry("fitted", 50, 0.0, folds=0))  # another measurement
    lines = tables(entries[:3]).splitlines()
    assert lines[0] == "## tiny, training pictures in 2 folds"
    assert lines[2] == "|  | 50 ROIs | 100 ROIs |"
    assert lines[4:8] == [
        "| mAP, area / 11 points, published |  | 0.250 / 0.260 |",
        "| mAP, area / 11 points, fitted | 0.600 / 0.610 |  |",
        "| recall at IoU 0.5 / 0.7, published |  | 0.900 / 0.600 |",
        "| recall at IoU 0.5 / 0.7, fitted | 0.900 / 0.600 |  |",
    ]
    assert lines[-1] == "| MB on disk, fitted | 7 |  |"
    both = tables(entries).splitlines()
    assert both[: len(lines)] == lines
    assert both[len(lines) + 1 : len(lines) + 4] == ["## tiny, test pictures", "", "|  | 50 ROIs |"]


def test_a_whole_run_and_that_it_is_not_repeated(tiny_root, slim_weights, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    settings = [part for value in (*SMALL, f"cntk_model={slim_weights}") for part in ("--set", value)]
    command = ["roi_budget.py", "--out", str(out), "--root", str(tiny_root), "--dataset", "tiny", "--rois", "60"]
    monkeypatch.setattr(sys, "argv", [*command, "--ways", "fitted", *settings])
    roi_budget.main()
    (line,) = (out / "roi_budget.jsonl").read_text().splitlines()
    of_run = json.loads(line)
    assert of_run["run"] == {"dataset": "tiny", "way": "fitted", "rois": 60, "folds": 0, "fold": 0}
    assert of_run["area"] > 0.9 and of_run["recall"][0] == 1
    assert len(of_run["seconds"]) == 5 and of_run["megabytes"] > 0
    first = capsys.readouterr().out
    assert f"| mAP, area / 11 points, fitted | {of_run['area']:.3f} / {of_run['eleven']:.3f} |" in first
    monkeypatch.setattr(roi_budget, "measure", None)  # called once more it would fail
    assert [path.name for path in out.iterdir()] == ["roi_budget.jsonl"]  # embeddings are large: nothing stays
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--write", str(out / "page.md")])
    roi_budget.main()
    assert capsys.readouterr().out == first
    assert (out / "page.md").read_text() == roi_budget.INTRODUCTION + first
    assert measured(out / "none.jsonl") == []


def test_recall_alone(tiny_root, tmp_path):
    runs = [Run("tiny", "dealt", rois, 2) for rois in (0, 1000)]
    entries = list(roi_budget.measure(runs, tiny_root, tmp_path / "out", SMALL, recall_only=True))
    assert [entry["recall"] for entry in entries] == [[0, 0], [1, 1]]
    assert tables(entries).splitlines()[4:] == ["| recall at IoU 0.5 / 0.7, dealt | 0.000 / 0.000 | 1.000 / 1.000 |"]
