"""B0 as a user runs it: pages, data and exit status."""

import json
import re

import cv2
import pytest

from helpers.annotations import boxes_path, write_annotation


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_sound_data_set(run, capsys):
    before = files(run.root / "data")
    run("B0_checkDataset.py")
    printed = capsys.readouterr()
    assert [line.split()[:3] for line in printed.out.splitlines()[2:]] == [["disc", "4", "2"], ["square", "4", "2"]]
    assert "fewer than 5 objects" in printed.err
    results = run.root / "results" / "tiny"
    content = json.loads((results / "check.json").read_text(encoding="utf-8"))
    assert content["faults"] == []
    assert content["image_sets"]["train"] == {"pictures": 5, "objects": {"disc": 4, "square": 4}}
    assert content["object_sizes"]["width"]["0"] == 25
    assert content["proposal_recall"]["disc"]["objects"] == 6
    assert len(content["unlike_their_class"]) == 10
    sheets = sorted(path.name for path in (results / "check").iterdir())
    assert sheets == ["001_1.jpg", "002_1.jpg"]
    assert cv2.imread(str(results / "check" / "001_1.jpg")).shape == (104, 6 * 104, 3)
    page = (results / "check.html").read_text(encoding="utf-8")
    assert set(re.findall(r'src="(check/[^"]+)"', page)) == {f"check/{name}" for name in sheets}
    first = files(results)
    run("B0_checkDataset.py")
    assert files(results) == first, "the same data set gives the same bytes"
    assert files(run.root / "data") == before


def test_roi_limits_are_fitted_to_the_training_pictures(run):
    fitted = [part for name in ("roi_minDimRel", "roi_maxDimRel", "roi_minNrPixelsRel", "roi_maxNrPixelsRel",
                                "roi_maxAspectRatio") for part in ("--set", f"{name}=fitted")]  # fmt: skip
    run("B0_checkDataset.py", *fitted)
    content = json.loads((run.root / "results/tiny/check.json").read_text(encoding="utf-8"))
    assert content["proposal_recall"]["square"]["0.5"] == 1.0


def test_fast_needs_no_network(run):
    run("B0_checkDataset.py", "--fast")
    content = json.loads((run.root / "results/tiny/check.json").read_text(encoding="utf-8"))
    assert content["proposal_recall"] == {}
    assert content["unlike_their_class"] == []


def test_faults_are_written_down_and_end_with_1(run):
    folder = run.root / "data" / "tiny"
    boxes_path(folder / "positive" / "0.png").write_text("1\t2\t3\n")
    (folder / "testImages" / "5.png").write_bytes(b"no picture")
    write_annotation(folder / "positive" / "1.png", [[1, 1, 500, 9]], ["<script>alert(1)</script>"])
    with pytest.raises(SystemExit) as leaving:
        run("B0_checkDataset.py")
    text = str(leaving.value.code)
    for part in ("0.bboxes.tsv:1: expected 4 numbers", "5.png: not a JPEG", "1.bboxes.tsv:1: box 1 1 500 9"):
        assert part in text
    content = json.loads((run.root / "results/tiny/check.json").read_text(encoding="utf-8"))
    assert sum(len(each["places"]) for each in content["faults"]) == 3
    page = (run.root / "results/tiny/check.html").read_text(encoding="utf-8")
    assert "Faults (3)" in page
    assert "<script>" not in page
