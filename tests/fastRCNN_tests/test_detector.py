"""A detector put together by hand: sources of ROIs, what is no picture, threads, forks."""

import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from fastRCNN.boxes.box_regression import BoxRegressor
from fastRCNN.detector import Detector, DetectorSettings
from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.network.alexnet import cntk_shape, he_initialised
from fastRCNN.pipeline.classifiers.svm import SvmScorer
from fastRCNN.pipeline.scoring import score_picture
from fastRCNN.proposals.roi_parameters import RoiParameters
from fastRCNN.svm.model import SvmModel

CLASSES = ("__background__", "disc", "square")
RNG = np.random.default_rng(0)
PICTURES = [RNG.integers(0, 256, (90, 120, 3)).astype(np.uint8) for _ in range(4)]
BOXES = np.array([[0, 0, 119, 89], [10, 10, 60, 60], [30, 20, 110, 80], [5, 40, 50, 85]], np.int32)


def make(regressor=None, **options):
    """A detector of a small network and SVMs of random numbers."""
    network = he_initialised(0, spec=cntk_shape(widths=(8, 12, 12, 12, 8), hidden=16))
    rng = np.random.default_rng(1)
    scorer = SvmScorer(SvmModel(rng.normal(size=(3, 16)), rng.normal(size=3), 1.0), regressor)
    rois = RoiParameters(roi_maxImgDim=90, grid_nrScales=3)
    settings = DetectorSettings(CLASSES, cntk_nrRois=50, cntk_padWidth=200, rois=rois)
    return Detector(TorchEngine(network, device="cpu"), scorer, settings, **options)


def same(found, expected):
    return all(
        np.array_equal(getattr(found, name), getattr(expected, name)) for name in ("boxes", "labels", "scores", "keep")
    )


def test_a_source_of_rois_of_ones_own():
    seen = []

    def source(picture):
        seen.append(picture.shape)
        return BOXES

    with make(roi_source=source) as detector:
        found = detector.detect(PICTURES[0])
        np.testing.assert_array_equal(found.boxes, BOXES)
        scale = 200 / 120  # by hand: scaled to the square of 200, padded above and below by 25
        placed = np.rint(BOXES * scale) + np.array([0, 25, 0, 25])
        padded = np.full((200, 200, 3), 114, np.uint8)
        padded[25:175] = cv2.resize(PICTURES[0], (200, 150), interpolation=cv2.INTER_LINEAR)
        (rows,) = detector.engine.embed([padded], [placed.astype(np.float32)])
        expected = score_picture(detector.scorer, rows, BOXES, 120, 90).scores
        np.testing.assert_allclose(found.scores, expected.max(axis=1), atol=1e-4 * np.abs(expected).max())
    assert seen == [(90, 120, 3)]
    with make(roi_source=lambda picture: np.tile(BOXES, (30, 1))) as detector:
        assert len(detector.detect(PICTURES[0])) == 50, "cut to cntk_nrRois"


@pytest.mark.parametrize("with_boxes", [False, True])
def test_a_source_may_find_nothing(with_boxes):
    regressor = BoxRegressor(np.zeros((3, 4, 16), np.float32), np.zeros((3, 4), np.float32)) if with_boxes else None
    with make(regressor, roi_source=lambda picture: np.zeros((0, 4), np.int32)) as detector:
        for found in (detector.detect(PICTURES[0]), *detector.detect_many(PICTURES[:2])):
            assert len(found) == 0 and len(found.select()) == 0


def test_without_a_source_step_1s_rois_are_taken():
    with make() as detector:
        first, again = (detector.detect(PICTURES[1]) for _ in range(2))
    assert len(first) == 50
    assert same(first, again)


@pytest.mark.parametrize(
    "picture",
    ["photo.jpg", None, [[1, 2], [3, 4]], np.zeros((0, 10, 3), np.uint8), np.zeros((10, 0, 3), np.uint8),
     np.zeros((10, 10), np.uint8), np.zeros((10, 10, 4), np.uint8), np.zeros((10, 10, 3), np.float32)],
    ids=lambda value: getattr(value, "shape", type(value).__name__),
)  # fmt: skip
def test_what_is_no_picture_is_a_value_error(picture):
    with make(roi_source=lambda picture: BOXES) as detector:
        with pytest.raises(ValueError, match=r"image: expected .*\(H, W, 3\) uint8"):
            detector.detect(picture)
        with pytest.raises(ValueError, match=r"image: expected .*\(H, W, 3\) uint8"):
            detector.engine.feature_map([picture])


def test_threads_may_share_a_detector():
    with make() as detector:
        expected = [detector.detect(picture) for picture in PICTURES]
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(detector.detect, PICTURES * 5))
    assert all(same(each, expected[number % len(PICTURES)]) for number, each in enumerate(found))


def _in_fork(detector, connection):
    found = detector.detect(PICTURES[0])
    connection.send((found.boxes, found.labels, found.scores))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_worker_goes_on_with_one_thread():
    """Loaded before the fork, as by gunicorn --preload; PyTorch's threads are not there afterwards."""
    with make() as detector:
        before = detector.detect(PICTURES[0])
        ours, theirs = multiprocessing.Pipe()
        worker = multiprocessing.get_context("fork").Process(target=_in_fork, args=(detector, theirs))
        worker.start()
        try:
            assert ours.poll(60), "the worker hangs"
            boxes, labels, scores = ours.recv()
        finally:
            worker.kill()
            worker.join()
    np.testing.assert_array_equal(boxes, before.boxes)
    np.testing.assert_array_equal(labels, before.labels)
    np.testing.assert_allclose(scores, before.scores, rtol=1e-4, atol=1e-4)


def test_several_pictures_at_once_are_as_each_alone():
    images = [*PICTURES[:2], np.ascontiguousarray(PICTURES[2][:60, ::-1])]  # one of another size
    with make() as detector:
        together = detector.detect_many(images)
        assert len(together) == 3
        for image, found in zip(images, together, strict=True):
            assert same(found, detector.detect(image))
        assert detector.detect_many([]) == []
        with pytest.raises(ValueError, match="at least one pixel"):
            detector.detect_many([np.zeros((5, 5), np.uint8)] * 2)
