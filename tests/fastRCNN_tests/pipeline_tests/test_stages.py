"""Stale files are found, named and made again; whole ones are kept, and so is what was brought by hand."""

import json

import pytest

from fastRCNN.pipeline.cntk_inputs import input_files
from fastRCNN.pipeline.recipes import Workplace
from fastRCNN.pipeline.stages import Chain
from helpers import file_facts
from helpers.annotations import boxes_path, labels_path, read_rois, write_rois
from helpers.artifacts import Artifacts
from helpers.errors import UserError
from helpers.images import read_image, write_image
from PARAMETERS import get_parameters


@pytest.fixture
def tiny(tiny_root):
    return Artifacts(tiny_root, "tiny")


def chain_of(tiny, *more):
    return Chain.choose(get_parameters(["--root", str(tiny.root), "--dataset", "tiny", *more]))


def run_step_1(tiny, *more):
    """Write the ROI files that are to be made; return their keys."""
    with chain_of(tiny, *more).writing("rois") as work:
        for path in work.todo:
            with work.making(path):
                write_rois(path, [[0, 0, 9, 9]])
    return [f"{path.parent.name}/{path.name.removesuffix('.roi.txt')}" for path in work.todo]


def run_step_2(tiny, *more, text="x"):
    """Write something as the files of step 2."""
    with chain_of(tiny, *more).writing("inputs", anew=True) as work:
        for path in work.todo:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n")
            work.enter(path)


def test_only_what_changed_is_made_again(tiny):
    assert len(run_step_1(tiny)) == 7
    assert run_step_1(tiny) == []
    picture = tiny.data / "positive" / "1.png"
    image = read_image(picture)
    image[0, 0] = 1
    write_image(picture, image)
    assert run_step_1(tiny) == ["positive/1"]
    roi_file = tiny.roi_file("negative/4")
    roi_file.unlink()  # as after a killed run
    assert run_step_1(tiny) == ["negative/4"]
    assert run_step_1(tiny, "--seed", "1", "--set", "svm_C=1") == [], "nothing is random, and step 1 knows no SVM"
    assert len(run_step_1(tiny, "--compat", "tutorial")) == 7
    assert len(run_step_1(tiny, "--compat", "tutorial", "--seed", "1")) == 7, "the published order is random"
    assert len(run_step_1(tiny, "--set", "ss_minSize=30")) == 7


def test_a_start_with_nothing_to_do_looks_at_each_file_once(tiny, monkeypatch):
    """And reads none of them again: neither what the steps wrote nor pictures."""
    monkeypatch.setattr(file_facts, "_SETTLED", -1)
    run_step_1(tiny)
    run_step_2(tiny)
    chain_of(tiny).require("rois", "inputs")
    looked, read, planned = [], [], []
    look, plan = file_facts._look, Workplace.plan
    monkeypatch.setattr(Workplace, "plan", lambda self, stage: (planned.append(stage), plan(self, stage))[1])
    monkeypatch.setattr(file_facts, "_look", lambda path: (looked.append(path), look(path))[1])
    monkeypatch.setattr(file_facts, "file_digest", lambda path: pytest.fail(f"{path} was read"))
    monkeypatch.setattr("fastRCNN.datasets.picture_check.image_size", lambda path: read.append(path))
    chain = chain_of(tiny)
    chain.require("rois", "inputs")
    for stage in ("rois", "inputs"):
        assert chain.is_up_to_date(stage)
        with chain.writing(stage) as work:
            assert not work.todo
    assert len(looked) == len(set(looked)) == 7 + 7 + 8, "pictures, ROIs, files of step 2"
    assert not read
    assert planned == ["rois", "inputs"]


def test_what_is_written_changes_what_the_same_chain_plans_next(tiny):
    run_step_1(tiny)
    chain = chain_of(tiny, "--set", "roi_maxImgDim=300")
    before = chain.recipe_digest("inputs")
    with chain.writing("rois") as work:
        for path in work.todo:
            with work.making(path):
                write_rois(path, [[0, 0, 19, 19]])
    assert chain.recipe_digest("inputs") != before


def test_what_a_picture_left_goes_with_it(tiny):
    run_step_1(tiny)
    for file in (tiny.data / "positive").glob("2.*"):
        file.unlink()
    run_step_1(tiny)
    assert not tiny.roi_file("positive/2").exists()
    assert tiny.roi_file("positive/1").exists()


def test_require_names_the_script_and_the_change(tiny):
    with pytest.raises(UserError, match=r"Run 1_computeRois\.py first"):
        chain_of(tiny).require("rois")
    run_step_1(tiny)
    chain_of(tiny).require("rois")
    with pytest.raises(UserError, match=r"roi_maxImgDim was 200, is 300.*Run 1_computeRois\.py again"):
        chain_of(tiny, "--set", "roi_maxImgDim=300").require("rois")
    with pytest.raises(UserError, match=r"train\.txt and 7 more: not there yet\. Run 2_cntkGenerateInputs\.py first"):
        chain_of(tiny).require("rois", "inputs")


def test_a_changed_annotation_makes_step_2_stale(tiny):
    run_step_1(tiny)
    run_step_2(tiny)
    chain_of(tiny).require("rois", "inputs")
    box_file = boxes_path(tiny.data / "positive" / "2.png")
    box_file.write_text(box_file.read_text().replace("\t", " ", 1))
    chain_of(tiny).require("rois", "inputs")  # the same boxes
    label_file = labels_path(tiny.data / "positive" / "2.png")
    label_file.write_text("disc\ndisc\n")
    with pytest.raises(UserError, match=r"annotation of positive/2 changed\. Run 2_cntkGenerateInputs\.py again"):
        chain_of(tiny).require("rois", "inputs")


def test_a_stage_that_was_stopped_is_not_used(tiny):
    """Also when its old files are whole and the parameters are again those of the last whole run."""
    run_step_1(tiny)
    run_step_2(tiny, text="old")
    with pytest.raises(KeyboardInterrupt), chain_of(tiny, "--set", "cntk_nrRois=7").writing("inputs", anew=True):
        raise KeyboardInterrupt
    for more in ((), ("--set", "cntk_nrRois=7")):
        with pytest.raises(UserError, match=r"2_cntkGenerateInputs\.py was stopped before its end"):
            chain_of(tiny, *more).require("inputs")
    run_step_2(tiny)
    chain_of(tiny).require("inputs")


def test_a_file_that_was_exchanged_is_noticed(tiny, caplog):
    run_step_1(tiny)
    run_step_2(tiny)
    path = input_files(tiny, "test")[1]
    path.write_text("y\n")
    with pytest.raises(UserError, match=rf"{path.name}: not as 2_cntkGenerateInputs.py left it.*delete .*inputs.json"):
        chain_of(tiny).require("inputs")
    tiny.manifest_file("inputs").unlink()
    with caplog.at_level("INFO", logger="fastRCNN"):
        chain_of(tiny).require("inputs")
    assert "train.txt and 7 more: not written by 2_cntkGenerateInputs.py (brought by hand?)" in caplog.text


def test_rois_brought_by_hand_are_used_and_never_overwritten(tiny, caplog):
    by_hand, later = tiny.roi_file("positive/0"), tiny.roi_file("positive/1")
    write_rois(by_hand, [[1, 2, 30, 40]])
    with caplog.at_level("INFO", logger="fastRCNN"):
        assert "positive/0" not in run_step_1(tiny)
    assert "0.roi.txt: brought by hand, kept" in caplog.text
    write_rois(later, [[5, 6, 70, 80]])  # in the place of one that step 1 wrote
    for more in ((), ("--set", "ss_minSize=30")):
        run_step_1(tiny, *more)
        assert read_rois(by_hand).tolist() == [[1, 2, 30, 40]]
        assert read_rois(later).tolist() == [[5, 6, 70, 80]]
        caplog.clear()
        with caplog.at_level("INFO", logger="fastRCNN"):
            chain_of(tiny, *more).require("rois")
        assert "0.roi.txt and 1 more: not written by 1_computeRois.py" in caplog.text
    by_hand.unlink()
    assert run_step_1(tiny, "--set", "ss_minSize=30") == ["positive/0"]


def test_auto_precision_is_what_step_3_made_of_it(tiny):
    with chain_of(tiny, "--set", "cntk_precision=bfloat16").writing("embeddings") as work:
        for path in work.todo:
            with work.making(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("x")
    chain_of(tiny).require("embeddings")
    assert chain_of(tiny).used("embeddings", "cntk_precision") == "bfloat16"
    with pytest.raises(UserError, match="cntk_precision was 'bfloat16', is 'float32'"):
        chain_of(tiny, "--set", "cntk_precision=float32").require("embeddings")


def left_to_do(tiny, stage, *more, **options):
    """How many files of a stage are to be made, without making them."""
    chain = chain_of(tiny, *more)
    with pytest.raises(KeyboardInterrupt), chain.writing(stage, **options) as work:
        found = len(work.todo)
        raise KeyboardInterrupt
    return found


def test_files_that_are_made_together_are_all_made_or_none(tiny):
    run_step_1(tiny)
    run_step_2(tiny)
    assert left_to_do(tiny, "inputs") == 0
    path = input_files(tiny, "test")[0]
    path.write_text("exchanged")
    assert left_to_do(tiny, "inputs") == 8
    assert left_to_do(tiny, "inputs") == 8, "the last run was stopped"
    run_step_2(tiny)
    assert left_to_do(tiny, "inputs") == 0
    path.unlink()
    assert left_to_do(tiny, "inputs") == 8
    run_step_2(tiny)
    assert left_to_do(tiny, "inputs", "--set", "train_posOverlapThres=0.7") == 8
    run_step_2(tiny)
    assert left_to_do(tiny, "inputs", anew=True) == 8


@pytest.mark.parametrize("census", [False, True])
def test_damaged_pictures_are_left_out_if_that_is_asked_for_and_it_is_said(tiny, caplog, census):
    (tiny.data / "positive" / "2.png").write_bytes(b"no picture")
    asked = get_parameters(["--root", str(tiny.root), "--dataset", "tiny", "--set", "skipDamagedPictures=True"])
    chain = Chain.choose(asked, census=census)
    assert list(chain.datasets["train"].keys) == ["positive/0", "positive/1", "positive/3", "negative/4"]
    assert "1 damaged picture(s) are left out" in caplog.text and "2.png" in caplog.text
    with pytest.raises(UserError, match=r"2\.png: not a JPEG"):
        chain_of(tiny)


def test_what_is_doubtful_is_said_by_a_census_alone(tiny, caplog):
    asked = get_parameters(["--root", str(tiny.root), "--dataset", "tiny"])
    Chain.choose(asked)
    assert not caplog.messages
    Chain.choose(asked, census=True)
    assert "fewer than 5 objects" in caplog.text


def test_what_is_forgotten_is_made_again(tiny, monkeypatch):
    monkeypatch.setattr(file_facts, "_SETTLED", -1)
    run_step_1(tiny)
    run_step_2(tiny)
    write_rois(tiny.roi_file("positive/0"), [[1, 2, 30, 40]])  # by hand
    kept = tiny.proc / "rois" / "positive" / "notes.txt"
    kept.write_text("mine")
    chain_of(tiny).forget("rois")
    assert not any(tiny.roi_file(f"positive/{number}").exists() for number in range(4)) and kept.exists()
    assert all(path.exists() for path in input_files(tiny, "train"))
    assert len(run_step_1(tiny)) == 7
    chain = chain_of(tiny)
    assert chain.is_up_to_date("rois")
    chain.forget("rois", "inputs")
    assert not chain.is_up_to_date("rois")
    chain_of(tiny).forget("rois", "inputs")  # nothing there is fine
    assert not any(path.exists() for path in input_files(tiny, "train"))


def test_a_damaged_manifest_counts_as_none(tiny):
    run_step_1(tiny)
    path = tiny.manifest_file("rois")
    assert json.loads(path.read_text())["script"] == "1_computeRois.py"
    path.write_text("{")
    chain_of(tiny).require("rois")
    assert run_step_1(tiny) == []


def test_a_start_where_nothing_is_to_do_reads_no_picture(tiny, monkeypatch):
    from helpers import file_facts

    monkeypatch.setattr(file_facts, "_SETTLED", -1)
    run_step_1(tiny)
    read = []
    monkeypatch.setattr(file_facts, "file_digest", lambda path: read.append(path) or "read")
    assert run_step_1(tiny) == []
    chain_of(tiny).require("rois")
    assert read == []
