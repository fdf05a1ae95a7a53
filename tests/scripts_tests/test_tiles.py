"""All steps with pictures cut into tiles: files, freshness, the same numbers in files and in memory."""

import shutil

import numpy as np
import pytest

from fastRCNN.boxes.tiles import Tiling
from fastRCNN.datasets import tutorial_folders
from fastRCNN.detector import Detector
from fastRCNN.engines import load_engine
from fastRCNN.pipeline.detector_folder import load_settings
from fastRCNN.pipeline.embed_dataset import embed_dataset
from fastRCNN.pipeline.embeddings import read_embeddings
from fastRCNN.pipeline.results import scored_pictures
from fastRCNN.pipeline.seen_picture import SeenPicture, embed_in_tiles
from helpers.annotations import boxes_path, labels_path, read_boxes, read_rois, write_annotation
from helpers.artifacts import Artifacts
from helpers.images import read_image
from tests.conftest import Runner, draw_tiny_data_set

FLOAT = ("--set", "cntk_precision=float32", "--set", "cntk_embeddingType=float32")
PAD = ("--set", "cntk_padWidth=300", "--set", "cntk_padHeight=300")
TILES = (*FLOAT, *PAD, "--set", "cntk_tiles=2")


@pytest.fixture(scope="module")
def done(tmp_path_factory, slim_weights):
    """A root where all steps have run with tiles; tests must leave it as it is."""
    runner = Runner(draw_tiny_data_set(tmp_path_factory.mktemp("tiles")), slim_weights)
    for script in runner.steps:
        runner(script, *TILES)
    return runner


@pytest.fixture
def again(done, run):
    """A copy of it, in which a step may be started."""
    for folder in ("proc", "results"):
        shutil.copytree(done.root / folder, run.root / folder)
    run("2_cntkGenerateInputs.py", *TILES)
    return run


def said(run, script, *options) -> str:
    with pytest.raises(SystemExit) as leaving:
        run(script, *options)
    return str(leaving.value.code)


def test_embeddings_are_those_of_the_tiles(done):
    of = Artifacts(done.root, "tiny")
    image = read_image(of.data / "positive" / "1.png")
    rois = np.concatenate(
        [read_boxes(boxes_path(of.data / "positive" / "1.png")), read_rois(of.roi_file("positive/1"))]
    )
    rows = read_embeddings(of.embedding_file("train", "svm", 1))
    seen = SeenPicture.of(image, 300, Tiling(2))
    assert len(seen.tiles) == 4
    with load_engine("torch", done.weights, device="cpu") as engine:
        expected = embed_in_tiles(engine, seen, rois[:120])
        whole = embed_in_tiles(engine, SeenPicture.of(image, 300), rois[:120])
    np.testing.assert_allclose(rows, expected, atol=1e-4 * np.abs(expected).max())
    assert np.abs(rows - whole).max() > 0.1 * np.abs(whole).max()


def test_in_memory_as_in_files(done, capsys):
    of = Artifacts(done.root, "tiny")
    settings = load_settings(of, "svm")
    assert (settings.cntk_tiles, settings.cntk_tileOverlap) == (2, 0.25)
    image = read_image(of.data / "testImages" / "5.png")
    with Detector.load(of.proc) as detector:
        found = detector.detect(image)
        many = detector.detect_many([image, image])
    rows = read_embeddings(of.embedding_file("test", "svm", 0))
    scores, _ = detector.scorer(rows)
    np.testing.assert_array_equal(found.scores, scores.max(axis=1))
    np.testing.assert_array_equal(many[1].scores, found.scores)
    done("6_scoreImage.py", *TILES, "--format", "v2", str(of.data / "testImages" / "5.png"))
    assert '"label": ' in capsys.readouterr().out


def test_what_a_change_makes_stale(again):
    assert "cntk_tiles" in said(again, "5_evaluateResults.py", *FLOAT, *PAD)
    other = (*TILES, "--set", "cntk_tileOverlap=0.5")
    assert "Run 3_runCntk.py again" in said(again, "4_trainSvm.py", *other)
    text = said(again, "6_scoreImage.py", *other, str(again.root / "data" / "tiny" / "testImages" / "5.png"))
    assert "cntk_tileOverlap was 0.25, is 0.5" in text
    text = said(
        again, "6_scoreImage.py", *TILES[:-1], "cntk_tiles=auto", str(again.root / "data/tiny/testImages/5.png")
    )
    assert "cntk_tiles was 2, is 'auto'" in text
    again("2_cntkGenerateInputs.py", *other)  # knows of no tiles: is up to date


def test_a_label_embeds_nothing_and_a_moved_box_its_picture(again):
    of = Artifacts(again.root, "tiny")
    kept = {n: of.embedding_file("train", "svm", n).stat().st_mtime_ns for n in range(5)}
    labels_path(of.data / "positive" / "2.png").write_text("square\nsquare\n")
    picture = of.data / "positive" / "1.png"
    write_annotation(picture, read_boxes(boxes_path(picture)) - [0, 0, 1, 1], ["disc", "square"])
    for script in again.steps[:3]:
        again(script, *TILES)
    after = {n: of.embedding_file("train", "svm", n).stat().st_mtime_ns for n in range(5)}
    assert [n for n in range(5) if after[n] != kept[n]] == [1]


def test_rois_that_were_exchanged_since_step_2_are_noticed(again):
    of = Artifacts(again.root, "tiny")
    file = of.roi_file("positive/1")
    file.write_text(file.read_text().split("\n", 1)[1])
    assert "2_cntkGenerateInputs.py" in said(again, "3_runCntk.py", *TILES)


def test_embeddings_that_are_not_stored_are_those_of_the_tiles(done, again):
    options = (*TILES, "--set", "svm_embeddings=computed")
    for script in again.steps[2:5]:
        again(script, *options)
    weights = [
        np.loadtxt(Artifacts(root, "tiny").svm_folder / "svmweights_exp1.txt") for root in (done.root, again.root)
    ]
    np.testing.assert_array_equal(*weights)


def test_the_published_detector_knows_no_tiles(run):
    assert "cntk_tiles = 2: --compat tutorial knows no tiles" in said(run, "1_computeRois.py", "--compat", "tutorial",
                                                                     *TILES)  # fmt: skip
    assert "whole number, or 'auto'" in said(run, "1_computeRois.py", "--set", "cntk_tiles=2.5")
    assert "from 1 to 100, or 'auto'" in said(run, "1_computeRois.py", "--set", "cntk_tiles=all")


@pytest.mark.parametrize("classifier", ["nn", "faster"])
def test_networks_that_are_trained_learn_from_tiles_as_well(run, classifier, monkeypatch):
    short = [f"{name}={value}" for name, value in {
        "cntk_max_epochs": 2, "faster_max_epochs": 1, "rpn_testAfterNms": 40, "rpn_trainAfterNms": 60,
        "nn_roisPerImage": 16, "cntk_nrRois": 60,
    }.items()]  # fmt: skip
    options = (*TILES, "--classifier", classifier, *(part for choice in short for part in ("--set", choice)))
    of = Artifacts(run.root, "tiny")
    for script in ("1_computeRois.py", "2_cntkGenerateInputs.py", "3_runCntk.py", "5_evaluateResults.py"):
        run(script, *options)
    with Detector.load(of.proc, classifier=classifier) as detector:
        found = detector.detect(read_image(of.data / "testImages" / "5.png"))
    result, _ = scored_pictures(tutorial_folders.read(of, "test"), of, classifier=classifier, nr_rois=60)
    assert len(found) > 0 and np.isin(found.scores, result.scores).all()
    assert "cntk_tiles" in said(run, "5_evaluateResults.py", *options, "--set", "cntk_tiles=1")
    cut = []

    def watched(*arguments, tiling, **more):
        cut.append(tiling)
        return embed_dataset(*arguments, tiling=tiling, **more)

    monkeypatch.setattr("fastRCNN.pipeline.network_folds.embed_dataset", watched)
    run("5_evaluateResults.py", *options, "--folds", "2")
    assert cut == [Tiling(2)] * 2
