"""Limits of ROIs that are "fitted", through the scripts: said, the same for all steps, and stale when they change."""

import json

import numpy as np
import pytest

from fastRCNN.proposals.roi_parameters import LIMITS
from helpers.annotations import boxes_path, read_boxes, read_rois, write_annotation

FITTED = [part for name in LIMITS for part in ("--set", f"{name}=fitted")]


@pytest.fixture
def scripts(run):
    """Runs scripts with fitted limits."""
    return lambda script, *options: run(script, *FITTED, *options)


def message(scripts, script, *options) -> str:
    with pytest.raises(SystemExit) as leaving:
        scripts(script, *options)
    return str(leaving.value.code)


def change_an_annotation(run, box) -> None:
    """Give the first training picture one more object in `box`."""
    path = run.root / "data" / "tiny" / "positive" / "0.png"
    boxes = [*read_boxes(boxes_path(path)).tolist(), box]
    write_annotation(path, boxes, ["disc", "square", "square"])


def test_every_step_and_the_detector_use_what_step_1_said(run, scripts, capsys, tmp_path):
    for script in run.steps:
        scripts(script)
    (said,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Limits of ROIs")]
    # 8 objects, 24 or 26 pixels wide and high as the filter sees them, in pictures of 120: room for 1.2 + 2 / 8 = 1.45.
    assert "roi_minDimRel = 0.13 (fitted), roi_maxDimRel = 0.32 (fitted), " in said
    for path in (run.root / "proc" / "tiny" / "rois").rglob("*.roi.txt"):
        rois = read_rois(path)
        sides = rois[:, 2:] - rois[:, :2]
        assert sides.min() >= 0.13 * 120 - 1 and sides.max() <= 0.32 * 120 + 1
    settings = json.loads((run.root / "proc" / "tiny" / "models" / "detector_svm.json").read_text())["settings"]
    assert (settings["rois"]["roi_minDimRel"], settings["rois"]["roi_maxDimRel"]) == (0.13, 0.32)
    picture = run.root / "data" / "tiny" / "testImages" / "6.png"
    scripts("6_scoreImage.py", str(picture), "--tsv", str(tmp_path / "d.tsv"), "--json", str(tmp_path / "d.json"))
    of_step_5 = run.root / "results" / "tiny" / "visualizations" / "svm_16.detections.tsv"
    assert (tmp_path / "d.tsv").read_bytes() == of_step_5.read_bytes()


def test_an_annotation_that_changes_a_limit_makes_rois_stale(run, scripts):
    for script in run.steps[:3]:
        scripts(script)
    change_an_annotation(run, [40, 40, 63, 63])  # of the size of the others, but one more: 1.2 + 2 / 9
    for script in (*run.steps[1:4], "B1_evaluateRois.py"):
        said = message(scripts, script)
        assert "the files of 1_computeRois.py are stale: " in said and "Run 1_computeRois.py again" in said
        assert "roi_maxDimRel was 0.32, is 0.31" in said
    for script in run.steps:
        scripts(script)


def test_an_annotation_that_changes_no_limit_keeps_rois(run, scripts, capsys):
    given = ("--set", "roi_maxDimRel=0.5", "--set", "roi_minDimRel=0.1", "--set", "roi_maxAspectRatio=2",
             "--set", "roi_minNrPixelsRel=0", "--set", "roi_maxNrPixelsRel=1")  # fmt: skip
    scripts("1_computeRois.py", *given)
    change_an_annotation(run, [40, 40, 43, 83])
    scripts("2_cntkGenerateInputs.py", *given)
    capsys.readouterr()
    scripts("1_computeRois.py", *given)
    assert "7 pictures, 7 of them up to date." in capsys.readouterr().err


def test_the_published_order_is_another_one(run, scripts):
    folder = run.root / "proc" / "tiny" / "rois" / "positive"
    scripts("1_computeRois.py")
    ranked = read_rois(folder / "0.roi.txt")
    limits = ("--set", "roi_minDimRel=0.1", "--set", "roi_maxDimRel=0.5", "--compat", "tutorial")
    assert "compat was 'corrected', is 'tutorial'" in message(scripts, "2_cntkGenerateInputs.py", *limits)
    scripts("1_computeRois.py", "--compat", "tutorial")
    shuffled = read_rois(folder / "0.roi.txt")
    assert not np.array_equal(ranked[:20], shuffled[:20])


def test_a_data_set_with_values_of_its_own_is_told(run, capsys):
    (run.root / "data" / "tiny").rename(run.root / "data" / "groceryPhotos")
    for path in (run.root / "data").rglob("*.labels.tsv"):
        path.write_text(path.read_text().replace("disc", "orange").replace("square", "mustard"))
    run("1_computeRois.py", "--dataset", "groceryPhotos")
    assert "groceryPhotos has values of its own in PARAMETERS.py: classes, nmsThreshold.\n" in capsys.readouterr().err


def test_groups_of_sizes_are_the_same_in_every_step_and_in_use(run, capsys, tmp_path):
    groups = ("--set", "roi_sizeGroups=fitted")
    for script in run.steps:
        run(script, *groups)
    # 25 and 27 pixels of 120, four objects each: two edges
    assert "roi_sizeGroups = [0.2083, 0.225] (fitted)" in capsys.readouterr().err
    settings = json.loads((run.root / "proc" / "tiny" / "models" / "detector_svm.json").read_text())["settings"]
    assert settings["rois"]["roi_sizeGroups"] == [0.2083, 0.225]
    picture = run.root / "data" / "tiny" / "testImages" / "6.png"
    run("6_scoreImage.py", *groups, str(picture), "--tsv", str(tmp_path / "d.tsv"), "--json", str(tmp_path / "d.json"))
    of_step_5 = run.root / "results" / "tiny" / "visualizations" / "svm_16.detections.tsv"
    assert (tmp_path / "d.tsv").read_bytes() == of_step_5.read_bytes()
    assert "1_computeRois.py" in message(run, "2_cntkGenerateInputs.py")
    assert "roi_sizeGroups was [0.2083, 0.225], is 'none'" in message(run, "6_scoreImage.py", str(picture))
    with pytest.raises(SystemExit, match="expected edges from small to large"):
        run("1_computeRois.py", "--set", "roi_sizeGroups=[0.3, 0.2]")
