"""A trained detector as a folder: settings come back, and parts that do not belong together are found."""

import json
import shutil
from dataclasses import replace

import pytest

from fastRCNN.pipeline.detector_folder import DetectorSettings, check_parts, load_settings, save_detector
from fastRCNN.proposals.roi_parameters import LIMITS as ROI_LIMITS
from helpers.artifacts import Artifacts
from helpers.errors import UserError
from PARAMETERS import get_parameters

CLASSES = ("__background__", "orange")
LIMITS = dict.fromkeys(ROI_LIMITS, 0.5)


@pytest.fixture
def saved(tmp_path):
    """A detector of three parts."""
    of = Artifacts(tmp_path, "tiny")
    parts = [of.model_file("svm"), of.svm_folder / "svmweights_exp1.txt", of.svm_folder / "boxes_exp1.npz"]
    for path in parts:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)
    save_detector(of, DetectorSettings(CLASSES), parts)
    return of, parts


def test_settings_come_back_as_they_were(tmp_path):
    p = get_parameters(["--set", "cntk_precision=bfloat16", "--seed", "4", "--set", "cntk_nrRois=77"])
    settings = DetectorSettings.choose(p, CLASSES, LIMITS)
    assert settings.rois.limits == LIMITS
    assert (settings.cntk_precision, settings.seed, settings.cntk_nrRois) == ("bfloat16", 4, 77)
    of, other = Artifacts(tmp_path, "tiny"), Artifacts(tmp_path, "other")
    save_detector(of, settings, [])
    again = load_settings(of, "svm")
    assert (again.cntk_precision, again.seed, again.classes) == ("bfloat16", 4, CLASSES)
    save_detector(other, again, [])
    assert other.settings_file("svm").read_bytes() == of.settings_file("svm").read_bytes()


def test_defaults_are_the_tutorials():
    of = DetectorSettings(CLASSES)
    assert (of.cntk_nrRois, of.cntk_padWidth, of.nmsThreshold, of.seed) == (2000, 1000, 0.3, 0)


def test_what_is_asked_for_must_be_what_was_trained():
    p = get_parameters(["--set", "cntk_precision=auto"])
    settings = replace(DetectorSettings.choose(p, CLASSES, LIMITS), cntk_precision="bfloat16")
    assert settings.changes(p) == [], "auto and fitted are what training made of it; the classes are the detector's"
    p.update(nmsThreshold=0.9, cntk_padWidth=500, roi_maxDimRel=0.6, roi_minDimRel=0.5, ss_kvals=(1, 2, 3), seed=7)
    assert settings.changes(p) == [
        "cntk_padWidth was 1000, is 500", "roi_maxDimRel was 0.5, is 0.6", "seed was 0, is 7",
        "ss_kvals was [50, 500, 6], is [1, 2, 3]",
    ]  # fmt: skip


def test_words_that_training_made_nothing_of_are_changes():
    """Here "auto" is a way to cut pictures, and without groups of sizes there are none that could be "fitted"."""
    p = get_parameters(["--set", "cntk_precision=bfloat16"])
    settings = DetectorSettings.choose(p, CLASSES, LIMITS)
    p.update(cntk_tiles="auto", roi_sizeGroups="fitted")
    assert settings.changes(p) == ["cntk_tiles was 1, is 'auto'", "roi_sizeGroups was 'none', is 'fitted'"]
    p.update(cntk_tiles=1)
    assert replace(settings, rois=replace(settings.rois, roi_sizeGroups=[0.1, 0.2])).changes(p) == []


def test_parts_are_those_of_the_manifest(saved):
    of, parts = saved
    assert check_parts(of, "svm") == parts


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_missing_or_another_part_is_named(saved, number):
    of, parts = saved
    content = parts[number].read_text()
    parts[number].write_text("another")
    with pytest.raises(UserError, match=rf"{parts[number].name}: not the file that .*Run 4_trainSvm\.py again"):
        check_parts(of, "svm")
    parts[number].unlink()
    run = "run 3_runCntk.py first, then 4_trainSvm.py" if number == 0 else "run 4_trainSvm.py first"
    with pytest.raises(UserError, match=rf"{parts[number].name}: not there, but detector_svm\.json .* or {run}"):
        check_parts(of, "svm")
    parts[number].write_text(content)
    check_parts(of, "svm")


def test_the_folder_can_be_copied_moved_and_renamed(saved, tmp_path, monkeypatch):
    of, parts = saved
    copy = tmp_path / "elsewhere" / "copy"
    shutil.copytree(of.proc, copy)
    of.proc.rename(tmp_path / "gone")
    names = [path.relative_to(of.proc) for path in parts]
    assert check_parts(Artifacts.of_proc(copy), "svm") == [copy / name for name in names]
    monkeypatch.chdir(copy)
    for relative in (".", "../copy"):
        there = Artifacts.of_proc(type(copy)(relative))
        assert [path.resolve() for path in check_parts(there, "svm")] == [copy / name for name in names]


def test_a_missing_old_or_damaged_manifest(tmp_path):
    of = Artifacts(tmp_path, "tiny")
    with pytest.raises(UserError, match=r"detector_svm\.json: not there yet"):
        load_settings(of, "svm")
    save_detector(of, DetectorSettings(CLASSES), [])
    path = of.settings_file("svm")
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "version": 1}))
    with pytest.raises(UserError, match="another version"):
        load_settings(of, "svm")
    for damaged in ("{", "[]", json.dumps({**content, "settings": {"classes": []}}), json.dumps({"version": 2})):
        path.write_text(damaged)
        with pytest.raises(UserError, match="damaged"):
            load_settings(of, "svm")
