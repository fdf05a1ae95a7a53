"""`ss_method = "rpn"`: step 1 takes what a trained Faster R-CNN network proposes, and so does a trained detector."""

import shutil

import numpy as np
import pytest

from fastRCNN.detector import Detector
from fastRCNN.network.network import save_network
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
    network = faster_network(("__background__", *TINY_CLASSES))
    save_network(of.model_file("faster"), network.spec.to_header(), network.arrays)
    return run, of


def test_without_a_network_it_says_how_to_train_one(run):
    with pytest.raises(SystemExit, match=r'faster.npz: not there yet. ss_method "rpn" .* --classifier faster first'):
        run("1_computeRois.py", *RPN)


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
    network = faster_network(("__background__", *TINY_CLASSES), seed=1)
    save_network(of.model_file("faster"), network.spec.to_header(), network.arrays)
    with pytest.raises(SystemExit, match=r"files of 1_computeRois.py are stale: frcn_faster.npz"):
        run("2_cntkGenerateInputs.py", *RPN)
