"""benchmarks/real.py and written_set.py: sets written anew, splits, and one real run of the steps."""

import argparse
import os
import shutil

import numpy as np
import pytest

from benchmarks.real import Run, measure, parse, pictures_of, tables, wanted
from benchmarks.written_set import Shown, fold_of, shown_of, write_set
from benchmarks.yolo import Yolo
from fastRCNN.datasets import tutorial_folders
from helpers.annotations import read_boxes, read_labels
from helpers.artifacts import Artifacts
from helpers.images import read_image

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs symbolic links")
SMALL = ("roi_maxImgDim=120", "grid_nrScales=4", "cntk_padWidth=400", "cntk_padHeight=400")
VOC = """<annotation><filename>{0}.png</filename><size><width>120</width><height>90</height><depth>3</depth></size>
<object><name>cat</name><bndbox><xmin>11</xmin><ymin>21</ymin><xmax>50</xmax><ymax>60</ymax></bndbox></object>
</annotation>"""


def test_networks_are_named_by_their_files_stems(monkeypatch, tmp_path):
    """As `measure` looks for them."""
    arguments = ["--out", str(tmp_path), "--networks", "bundled", "some/where/lite0.npz", "--rois", "100", "300"]
    monkeypatch.setattr("sys.argv", ["real.py", *arguments, "--set", "seed=1"])
    runs = wanted(parse(), "cells", 2)
    assert [(run.network, run.rois) for run in runs if run.classifier == "svm"] == [
        ("bundled", 100), ("lite0", 100), ("bundled", 300), ("lite0", 300),
    ]  # fmt: skip
    assert {(run.dataset, run.settings, run.fold) for run in runs} == {("cells", ("seed=1",), 2)}


def test_how_yolo_learns(monkeypatch, tmp_path):
    arguments = ["--yolo", "3", "--yolo-threads", "1", "--yolo-minutes", "5"]
    monkeypatch.setattr("sys.argv", ["real.py", "--out", str(tmp_path), *arguments])
    assert parse().yolo == Yolo(3, threads=1, minutes=5)
    monkeypatch.setattr("sys.argv", ["real.py", "--out", str(tmp_path)])
    assert parse().yolo == Yolo(0)


def stems(pictures):
    return [picture.path.stem for picture in pictures]


def test_a_set_written_anew_is_the_same_set(tiny_root, tmp_path):
    train, test = pictures_of(tiny_root / "data" / "tiny", tmp_path)
    assert (stems(train), stems(test)) == (["0", "1", "2", "3", "4"], ["5", "6"])
    write_set(tmp_path / "data" / "anew", train, test)
    again = [shown_of(tutorial_folders.read(Artifacts(tmp_path, "anew"), name)) for name in ("train", "test")]
    for before, after in zip((train, test), again, strict=True):
        assert stems(before) == stems(after)
        for one, other in zip(before, after, strict=True):
            assert one.labels == other.labels
            np.testing.assert_array_equal(one.boxes, other.boxes)
            np.testing.assert_array_equal(read_image(one.path), read_image(other.path))


def test_what_counts_neither_way_stays_so(tmp_path, tiny_root):
    path = tiny_root / "data" / "tiny" / "positive" / "0.png"
    write_set(tmp_path / "anew", [Shown(path, np.array([[1, 2, 30, 40]]), ("EXCLUDE",))], [])
    assert read_labels(tmp_path / "anew" / "positive" / "0.bboxes.labels.tsv") == ["EXCLUDE"]
    assert read_boxes(tmp_path / "anew" / "positive" / "0.bboxes.tsv").tolist() == [[1, 2, 30, 40]]


def test_without_a_split_each_fifth_by_name_is_for_testing(tmp_path, tiny_root):
    for name in ("images", "annotations"):
        (tmp_path / "raccoon" / name).mkdir(parents=True)
    for number in range(10):
        shutil.copy(tiny_root / "data" / "tiny" / "positive" / "0.png", tmp_path / f"raccoon/images/r{number}.png")
        (tmp_path / f"raccoon/annotations/r{number}.xml").write_text(VOC.format(f"r{number}"), encoding="utf-8")
    train, test = pictures_of(tmp_path / "raccoon", tmp_path)
    assert stems(test) == ["r4", "r9"]
    assert stems(train) == ["r0", "r1", "r2", "r3", "r5", "r6", "r7", "r8"]
    assert (test[0].labels, test[0].boxes.tolist()) == (("cat",), [[10, 20, 49, 59]])
    learnt, left_out = fold_of(train, 1, 4)
    assert (stems(left_out), stems(learnt)) == (["r1", "r6"], ["r0", "r2", "r3", "r5", "r7", "r8"])


def test_a_run_and_its_tables(tiny_root, tmp_path, slim_weights):
    options = argparse.Namespace(out=tmp_path / "out", networks=[str(slim_weights)], folds=0)
    runs = [Run("tiny", slim_weights.stem, "svm", rois, SMALL) for rois in (60, 30)]
    entry, fewer = measure(runs, tiny_root / "data" / "tiny", options)
    assert fewer["seconds"][0] == entry["seconds"][0], "step 1 is run once, and counts for each number of ROIs"
    assert fewer["recall"] <= entry["recall"] and len(fewer["seconds"]) == 5
    assert entry["pictures"] == [5, 2] and len(entry["seconds"]) == 5
    assert 0 <= entry["coco"] <= entry["area"] <= 1
    assert 0.5 < entry["placed"] <= 1 and 0.5 < entry["best_overlap"] <= 1 and entry["recall"] > 0.5
    assert set(entry["lost"]) == {"class", "place", "both", "duplicate", "background", "missed"}
    text = tables([entry, {**entry, "run": {**entry["run"], "classifier": "nn"}, "area": 0.25}])
    assert "## tiny, test pictures" in text
    assert f"| {slim_weights.stem} | svm | 60 | {' '.join(SMALL)} | {entry['area']:.3f} | {entry['coco']:.3f} |" in text
    assert f"| {slim_weights.stem} | nn | 60 | {' '.join(SMALL)} | 0.250 |" in text
