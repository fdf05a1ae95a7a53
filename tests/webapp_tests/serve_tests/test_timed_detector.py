"""Where the time of a detection goes, and which regions were looked at."""

import numpy as np
import pytest

from fastRCNN.detector import Detector, DetectorSettings
from fastRCNN.engines import load_engine
from fastRCNN.pipeline.outputs import SoftmaxScorer
from fastRCNN.pipeline.proposed_rois import Proposer
from fastRCNN.proposals.roi_parameters import RoiParameters
from tests.fastRCNN_tests.rpn_tests.drawn_network import faster_network
from webapp.serve.timed_detector import TimedDetector

CLASSES = ("__background__", "disc", "square")


@pytest.fixture
def detector():
    network = faster_network(CLASSES)
    settings = DetectorSettings(CLASSES, classifier="faster", cntk_nrRois=50, cntk_padWidth=200, rois=RoiParameters())
    with load_engine("torch", network, device="cpu") as engine:
        yield Detector(engine, SoftmaxScorer(len(CLASSES), with_boxes=True), settings, proposer=Proposer(network.spec))


def test_what_the_network_proposes_is_told_for_each_picture(detector):
    images = [np.random.default_rng(seed).integers(0, 256, (120, 160, 3), np.uint8) for seed in range(2)]
    expected = [detector.detect(image) for image in images]
    for (found, course), alone in zip(TimedDetector(detector).detect_many(images), expected, strict=True):
        np.testing.assert_array_equal(found.scores, alone.scores)
        assert len(course.rois) > 1 and course.rois[:, 2].max() < 160 and course.rois[:, 3].max() < 120
        assert set(course.seconds) == {"rois", "network", "scoring"}
        assert all(seconds > 0 for seconds in course.seconds.values())


def test_the_same_picture_twice_in_one_call(detector):
    image = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    (_, first), (_, second) = TimedDetector(detector).detect_many([image, image])
    np.testing.assert_array_equal(first.rois, second.rois)
    assert len(first.rois) > 1
