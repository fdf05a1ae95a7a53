"""The scripts with --classifier nn, from training to detections, on data/tiny."""

import json

import numpy as np
import pytest

from fastRCNN.network.network import load_network
from fastRCNN.pipeline.embeddings import read_embeddings

NN = ("--classifier", "nn", "--set", "cntk_max_epochs=3", "--set", "nn_roisPerImage=24")


@pytest.fixture
def prepared(run):
    for script in ("1_computeRois.py", "2_cntkGenerateInputs.py"):
        run(script)
    return run


def proc(run):
    return run.root / "proc" / "tiny"


def test_from_training_to_average_precision_and_single_pictures(prepared, capsys):
    run = prepared
    run("3_runCntk.py", *NN)
    network = load_network(proc(run) / "models" / "frcn_nn.npz")
    assert network.spec.classes == ("__background__", "disc", "square")
    assert network.spec.notes["training"]["cntk_max_epochs"] == 3
    for image_set, pictures in (("train", 5), ("test", 2)):
        files = sorted((proc(run) / "cntkFiles" / f"{image_set}_nn_parsed").glob("*.dat.npz"))
        assert len(files) == pictures
        assert all(5 < len(read_embeddings(file)) <= run.settings["cntk_nrRois"] for file in files)  # no filler
        assert {read_embeddings(file).shape[1:] for file in files} == {(3,)}
    log = (proc(run) / "models" / "training_nn.tsv").read_text().splitlines()
    assert log[0].split("\t")[:3] == ["epoch", "loss", "error"] and len(log) == 4
    assert (proc(run) / "models" / "training_nn.png").read_bytes().startswith(b"\x89PNG")
    assert not list((proc(run) / "models").glob("checkpoint*"))
    run("4_trainSvm.py", *NN)
    assert not (proc(run) / "trainedSvm").exists()
    run("5_evaluateResults.py", *NN)
    result = json.loads((run.root / "results" / "tiny" / "evaluation_test_nn.json").read_text())
    assert 0 <= result["mAP_area"] <= 1
    capsys.readouterr()
    run("6_scoreImage.py", *NN, str(run.root / "data" / "tiny" / "testImages" / "5.png"))
    scores = [float(record["score"]) for record in json.loads(capsys.readouterr().out)]
    assert len(scores) > 10 and all(1 / 3 <= score <= 1 for score in scores)  # the best of three probabilities


def test_a_second_run_trains_nothing_and_another_recipe_trains_again(prepared):
    prepared("3_runCntk.py", *NN)
    model = proc(prepared) / "models" / "frcn_nn.npz"
    first, time = model.read_bytes(), model.stat().st_mtime_ns
    prepared("3_runCntk.py", *NN)
    assert model.stat().st_mtime_ns == time
    prepared("3_runCntk.py", *NN, "--set", "cntk_mb_size=2")
    assert model.read_bytes() != first


@pytest.mark.parametrize("kind", ["dat", "boxes"])
def test_what_is_damaged_of_a_picture_is_computed_again(prepared, kind):
    prepared("3_runCntk.py", *NN)
    damaged = proc(prepared) / "cntkFiles" / "test_nn_parsed" / f"1.{kind}.npz"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:100])
    prepared("3_runCntk.py", *NN)
    assert damaged.read_bytes() == whole


def interrupted_in_epoch_2(run, monkeypatch, *options):
    """Run step 3 and press Ctrl-C in the second epoch."""
    from fastRCNN.nn import training

    learn = training.NnTrainer._learn

    def interrupted(self, block, epoch):
        if epoch == 1:
            raise KeyboardInterrupt
        return learn(self, block, epoch)

    with monkeypatch.context() as patch:
        patch.setattr(training.NnTrainer, "_learn", interrupted)
        with pytest.raises(SystemExit) as leaving:
            run("3_runCntk.py", *NN, *options)
    assert leaving.value.code == 130


@pytest.mark.parametrize("option", [(), ("--resume",)])
def test_an_interrupted_training_continues_to_the_same_bytes(prepared, monkeypatch, capsys, option):
    prepared("3_runCntk.py", *NN)
    model = proc(prepared) / "models" / "frcn_nn.npz"
    whole = model.read_bytes()
    model.unlink()
    interrupted_in_epoch_2(prepared, monkeypatch)
    assert not model.exists() and (proc(prepared) / "models" / "checkpoint_nn.npz").is_file()
    log = (proc(prepared) / "models" / "training_nn.tsv").read_text().splitlines()
    assert len(log) == 2
    capsys.readouterr()
    prepared("3_runCntk.py", *NN, *option)
    assert "Continuing after epoch 1 of 3" in capsys.readouterr().err
    assert model.read_bytes() == whole


def test_resume_without_a_stopped_training_of_these_parameters_is_an_error(prepared, monkeypatch):
    def said(*options):
        with pytest.raises(SystemExit) as leaving:
            prepared("3_runCntk.py", *options, "--resume")
        return str(leaving.value.code)

    assert "needs --classifier nn" in said()
    assert "checkpoint_nn.npz is not there, so there is nothing to resume" in said(*NN)
    interrupted_in_epoch_2(prepared, monkeypatch)
    checkpoint = proc(prepared) / "models" / "checkpoint_nn.npz"
    before = checkpoint.read_bytes()
    assert "is of another training" in said(*NN, "--set", "cntk_mb_size=2")
    assert checkpoint.read_bytes() == before


def test_restart_forgets_checkpoint_and_results(prepared, monkeypatch, capsys):
    interrupted_in_epoch_2(prepared, monkeypatch)
    prepared("3_runCntk.py", *NN, "--restart")
    assert "Continuing" not in capsys.readouterr().err
    model = proc(prepared) / "models" / "frcn_nn.npz"
    scores = proc(prepared) / "cntkFiles" / "test_nn_parsed" / "0.dat.npz"
    bytes_before = model.read_bytes(), scores.read_bytes()
    model.write_bytes(b"damaged")
    scores.write_bytes(b"damaged")
    prepared("3_runCntk.py", *NN, "--restart")
    assert (model.read_bytes(), scores.read_bytes()) == bytes_before


def test_tutorial_compatibility_trains_on_all_rois_and_filler(prepared):
    for script in prepared.steps[:3]:
        prepared(script, *NN, "--compat", "tutorial")
    network = load_network(proc(prepared) / "models" / "frcn_nn.npz")
    assert network.spec.notes["training"]["nn_roisPerImage"] == 0
    log = np.genfromtxt(proc(prepared) / "models" / "training_nn.tsv", names=True)
    assert log["rois"].tolist() == [5 * prepared.settings["cntk_nrRois"]] * 3


BOXES = (*NN, "--set", "nn_bboxRegression=True", "--set", "nn_fitScoreFirst=True", "--set", "nn_headNorm=1")


def test_box_regression_moves_boxes_in_steps_5_and_6_alike(prepared, capsys):
    from fastRCNN.boxes.box_regression import BoxRegressor
    from fastRCNN.evaluation.detections import read_detections_table

    run = prepared
    run("3_runCntk.py", *BOXES)
    folder = proc(run) / "cntkFiles" / "test_nn_parsed"
    assert read_embeddings(folder / "0.boxes.npz").shape == (run.settings["cntk_nrRois"], 12)
    assert BoxRegressor.load(proc(run) / "models" / "boxes_nn.npz").weights.shape[:2] == (3, 4)
    for script in ("5_evaluateResults.py", "5_visualizeResults.py"):
        run(script, *BOXES)
    capsys.readouterr()
    picture = str(run.root / "data" / "tiny" / "testImages" / "5.png")
    run("6_scoreImage.py", *BOXES, picture)
    moved = json.loads(capsys.readouterr().out)
    manifest = proc(run) / "models" / "detector_nn.json"
    content = json.loads(manifest.read_text())
    del content["parts"]["models/boxes_nn.npz"]
    manifest.write_text(json.dumps(content))
    run("6_scoreImage.py", *BOXES, picture)
    plain = json.loads(capsys.readouterr().out)
    corners = ("left", "top", "right", "bottom")
    same = [all(a[c] == b[c] for c in corners) for a, b in zip(moved, plain, strict=True)]
    background = [a["label"] == "0" for a in moved]
    assert any(background) and not all(background)
    assert all(s for s, b in zip(same, background, strict=True) if b)  # background stays
    assert not all(s for s, b in zip(same, background, strict=True) if not b)  # objects move
    names = ("__background__", "disc", "square")
    (table,) = (run.root / "results" / "tiny").rglob("nn_05*.tsv")
    of_step_5 = read_detections_table(table, names)
    np.testing.assert_array_equal(of_step_5.boxes, [[int(record[c]) for c in corners] for record in moved])
