"""Files that were brought by hand, or written by the published code, are used, with one line that says so."""

import json
import shutil

import numpy as np
import pytest

from fastRCNN.pipeline.embeddings import read_embeddings
from helpers.artifacts import Artifacts


@pytest.fixture
def published(run, finished):
    """What the published code leaves: packed embeddings with filler, SVMs as text; no network, no box regression."""
    plain = ("--set", "svm_bboxRegression=False", "--set", "cntk_embeddingType=float32")
    for script in run.steps[:5]:
        run(script, *plain)
    of = Artifacts(run.root, "tiny")
    evaluation = of.results / "evaluation_test_svm.json"
    expected = json.loads(evaluation.read_text())
    for path in of.cntk_files.glob("*_svm_parsed/*.npz"):
        rows = read_embeddings(path)
        filler = np.zeros((run.settings["cntk_nrRois"] - len(rows), rows.shape[1]), np.float32)
        path.unlink()
        np.savez_compressed(path, np.concatenate([rows, filler]))
    shutil.rmtree(of.proc / "manifests")
    shutil.rmtree(of.proc / "models")
    shutil.rmtree(of.results)
    return run, of, expected, plain


def test_published_files_evaluate_to_the_same(published, capsys):
    run, of, expected, plain = published
    capsys.readouterr()
    run("5_evaluateResults.py", *plain)
    assert json.loads((of.results / "evaluation_test_svm.json").read_text()) == expected
    said = capsys.readouterr().err
    for script in ("1_computeRois", "2_cntkGenerateInputs", "3_runCntk", "4_trainSvm"):
        assert f"not written by {script}.py (brought by hand?), used as it is" in said
    weights = of.svm_folder / "svmweights_exp1.txt"
    before = np.loadtxt(weights)
    run("4_trainSvm.py", *plain)
    np.testing.assert_array_equal(np.loadtxt(weights), before)


def test_step_3_keeps_published_embeddings(published, capsys):
    run, of, _, plain = published
    files = {path: path.read_bytes() for path in of.cntk_files.glob("*_svm_parsed/*.npz")}
    damaged = of.embedding_file("test", "svm", 1)
    damaged.write_bytes(files[damaged][:200])
    capsys.readouterr()
    run("3_runCntk.py", *plain)
    assert "brought by hand, kept. Delete what is to be made again" in capsys.readouterr().err
    for path, content in files.items():
        assert (path.read_bytes() == content) == (path != damaged)
    assert read_embeddings(damaged).shape[1] == 64
    for script in ("4_trainSvm.py", "5_evaluateResults.py"):
        run(script, *plain)
    run("6_scoreImage.py", *plain, str(run.root / "data" / "tiny" / "testImages" / "5.png"))


def test_a_network_brought_by_hand_is_used_and_kept(run, finished, capsys):
    """In the place where step 3 would write its own."""
    for script in run.steps[:2]:
        run(script)
    of = Artifacts(run.root, "tiny")
    of.model_file("svm").parent.mkdir(parents=True)
    shutil.copy(run.weights, of.model_file("svm"))
    content = of.model_file("svm").read_bytes()
    for more in ((), ("--set", "cntk_svdRanks=[8, 8]")):
        run("3_runCntk.py", *more)
        assert "frcn_svm.npz: brought by hand, kept" in capsys.readouterr().err
        assert of.model_file("svm").read_bytes() == content
    capsys.readouterr()
    run("4_trainSvm.py", "--set", "cntk_svdRanks=[8, 8]")
    assert "frcn_svm.npz: not written by 3_runCntk.py (brought by hand?), used as it is" in capsys.readouterr().err
