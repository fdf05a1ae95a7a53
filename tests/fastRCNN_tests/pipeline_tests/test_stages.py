"""Stale files are found, named and removed; whole ones are kept."""

import json

import pytest

from fastRCNN.datasets.layouts import open_dataset
from fastRCNN.pipeline.stages import begin, current_stamp, require, stamp_file
from helpers.annotations import boxes_path, write_rois
from helpers.artifacts import Artifacts
from helpers.errors import UserError
from helpers.images import read_image, write_image
from PARAMETERS import get_parameters


@pytest.fixture
def tiny(tiny_root):
    return Artifacts(tiny_root, "tiny")


def parameters_of(tiny, *more):
    return get_parameters(["--root", str(tiny.root), "--dataset", "tiny", *more])


def roi_files(tiny):
    pictures = [picture for image_set in ("train", "test") for picture in open_dataset(tiny, image_set)]
    return {picture.path.relative_to(tiny.root).as_posix(): tiny.roi_file(picture.key) for picture in pictures}


def run_step_1(tiny, parameters):
    """Write the ROI files that are missing; return their names."""
    files = roi_files(tiny)
    begin("rois", tiny, parameters, files)
    made = [name for name, path in files.items() if not path.exists()]
    for name in made:
        write_rois(files[name], [[0, 0, 9, 9]])
    return made


def test_only_what_changed_is_made_again(tiny):
    p = parameters_of(tiny)
    assert len(run_step_1(tiny, p)) == 7
    assert run_step_1(tiny, p) == []
    picture = tiny.data / "positive" / "1.png"
    image = read_image(picture)
    image[0, 0] = 1
    write_image(picture, image)
    assert run_step_1(tiny, p) == ["data/tiny/positive/1.png"]
    roi_file = tiny.roi_file("negative/4")
    roi_file.unlink()  # as after a killed run
    assert run_step_1(tiny, p) == ["data/tiny/negative/4.png"]
    assert len(run_step_1(tiny, parameters_of(tiny, "--seed", "1"))) == 7
    assert run_step_1(tiny, parameters_of(tiny, "--seed", "1", "--set", "svm_C=1")) == [], "step 1 knows no SVM"


def test_require_names_the_script_and_the_change(tiny):
    p = parameters_of(tiny)
    with pytest.raises(UserError, match=r"Run 1_computeRois\.py first"):
        require(("rois",), tiny, p)
    run_step_1(tiny, p)
    require(("rois",), tiny, p)
    with pytest.raises(UserError, match=r"roi_maxImgDim was 200, is 300.*Run 1_computeRois\.py again"):
        require(("rois",), tiny, parameters_of(tiny, "--set", "roi_maxImgDim=300"))
    with pytest.raises(UserError, match=r"Run 2_cntkGenerateInputs\.py first"):
        require(("rois", "inputs"), tiny, p)


def test_a_changed_annotation_makes_step_2_stale(tiny):
    p = parameters_of(tiny)
    run_step_1(tiny, p)
    for image_set in ("train", "test"):
        for path in (tiny.image_map, tiny.rois_txt, tiny.roi_labels_txt, tiny.nr_rois_txt):
            path(image_set).parent.mkdir(parents=True, exist_ok=True)
            path(image_set).write_text("x\n")
    begin("inputs", tiny, p, ())
    require(("rois", "inputs"), tiny, p)
    box_file = boxes_path(tiny.data / "positive" / "2.png")
    box_file.write_text(box_file.read_text().replace("\t", " ", 1))
    with pytest.raises(UserError, match=r"positive/2\.bboxes\.tsv changed\. Run 2_cntkGenerateInputs\.py again"):
        require(("rois", "inputs"), tiny, p)


def test_files_without_a_stamp_are_used_with_one_line(tiny, caplog):
    p = parameters_of(tiny)
    run_step_1(tiny, p)
    stamp_file("rois", tiny, "svm").unlink()
    with caplog.at_level("INFO", logger="fastRCNN"):
        require(("rois",), tiny, p)
        assert "no stamp" in caplog.text
        assert run_step_1(tiny, p) == []
    assert "kept as brought by hand" in caplog.text


def test_auto_precision_is_what_step_3_made_of_it(tiny):
    used = parameters_of(tiny, "--set", "cntk_precision=bfloat16")
    begin("network", tiny, used, [])
    auto = current_stamp("network", tiny, parameters_of(tiny))
    assert auto.parameters["cntk_precision"] == "bfloat16"
    other = current_stamp("network", tiny, parameters_of(tiny, "--set", "cntk_precision=float32"))
    assert other.parameters["cntk_precision"] == "float32"


def test_a_damaged_stamp_counts_as_none(tiny):
    p = parameters_of(tiny)
    run_step_1(tiny, p)
    path = stamp_file("rois", tiny, "svm")
    assert json.loads(path.read_text())["script"] == "1_computeRois.py"
    path.write_text("{")
    require(("rois",), tiny, p)
