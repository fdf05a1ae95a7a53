"""`ss_method = "rpn"`: step 1 takes what a network proposes, the bundled one or one of the user's own training, and so
does a trained detector."""

import shutil

import numpy as np
import pytest

from fastRCNN.detector import Detector
from fastRCNN.network.network import save_network
from fastRCNN.pipeline.rpn_regions import BUNDLED
from helpers.annotations import read_rois
from helpers.artifacts import Artifacts
from helpers.errors import UserError
from helpers.images import read_image
from tests.conftest import TINY_CLASSES
from tests.fastRCNN_tests.rpn_tests.drawn_network import faster_network

RPN = ("--set", "ss_method=rpn", "--set", "grid_nrScales=2")


@pytest.fixture
def with_network(run):
    """A root with a network that proposes regions, with random weights."""
    of = Artifacts(run.root, "tiny")
    save_network(*_faster(of.model_file("faster")))
    return run, of


def _faster(file, seed=0):
    network = faster_network(("__background__", *TINY_CLASSES), seed)
    return file, network.spec.to_header(), network.arrays


def test_a_fresh_clone_has_a_network(run, tmp_path):
    of = Artifacts(run.root, "tiny")
    for script in ("1_computeRois.py", "2_cntkGenerateInputs.py", "3_runCntk.py", "4_trainSvm.py"):
        run(script, *RPN)
    rois, image = read_rois(of.roi_file("testImages/5")), read_image(of.data / "testImages" / "5.png")
    assert of.proposals_file.read_bytes() == BUNDLED.read_bytes()
    assert '"models/proposals.npz"' in of.settings_file("svm").read_text()
    copy = tmp_path / "copy"
    shutil.copytree(of.proc, copy)
    save_network(*_faster(copy / "models" / "frcn_faster.npz"))  # trained later: no part of this detector
    with Detector.load(copy) as detector:
        np.testing.assert_array_equal(detector.roi_source(image), rois)
    (copy / "models" / "proposals.npz").unlink()
    with pytest.raises(UserError, match=r"proposals.npz: not there, but detector_svm.json says"):
        Detector.load(copy)
    save_network(*_faster(of.model_file("faster")))  # but step 1 would take it
    with pytest.raises(SystemExit, match=r"files of 1_computeRois.py are stale: frcn_faster.npz"):
        run("2_cntkGenerateInputs.py", *RPN)


def test_both_together(run):
    of = Artifacts(run.root, "tiny")
    found = {}
    for method in ("fast", "rpn", "rpn+fast"):
        run("1_computeRois.py", "--set", f"ss_method={method}", "--set", "grid_nrScales=0")
        found[method] = {tuple(box) for box in read_rois(of.roi_file("testImages/5")).tolist()}
    assert found["rpn+fast"] & found["fast"] and found["rpn+fast"] & found["rpn"]
    assert found["rpn+fast"] <= found["fast"] | found["rpn"] or len(found["rpn+fast"]) > len(found["fast"])


def test_steps_and_detector(with_network, tmp_path):
    run, of = with_network
    for script in ("1_computeRois.py", "2_cntkGenerateInputs.py", "3_runCntk.py", "4_trainSvm.py"):
        run(script, *RPN)
    rois = read_rois(of.roi_file("testImages/5"))
    assert len(rois) > 10 and '"models/frcn_faster.npz"' in of.settings_file("svm").read_text()
    image = read_image(of.data / "testImages" / "5.png")
    copy = tmp_path / "copy"
    shutil.copytree(of.proc, copy)
    with Detector.load(copy) as detector:
        np.testing.assert_array_equal(detector.roi_source(image), rois)
        assert len(detector.detect(image)) == min(len(rois), 120)
    (copy / "models" / "frcn_faster.npz").unlink()
    with pytest.raises(UserError, match=r"frcn_faster.npz: not there, but detector_svm.json says"):
        Detector.load(copy)


def test_another_network_makes_the_rois_stale(with_network):
    run, of = with_network
    run("1_computeRois.py", *RPN)
    save_network(*_faster(of.model_file("faster"), seed=1))
    with pytest.raises(SystemExit, match=r"files of 1_computeRois.py are stale: frcn_faster.npz"):
        run("2_cntkGenerateInputs.py", *RPN)
