"""A whole detector as an ONNX graph: box by box what `Detector` finds, on pictures of any size."""

import dataclasses
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from fastRCNN.detector import Detector, DetectorSettings
from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.network.alexnet import cntk_shape, he_initialised
from fastRCNN.network.network import Network, save_network
from fastRCNN.pipeline.detector_folder import save_detector
from fastRCNN.pipeline.outputs import SoftmaxScorer
from fastRCNN.pipeline.proposed_rois import proposer_of
from helpers.artifacts import Artifacts
from helpers.errors import UserError
from helpers.image_files import find_images
from helpers.images import read_image, square_placement
from tests.fastRCNN_tests.rpn_tests.drawn_network import faster_network

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

from resources.onnx_detector import DetectorOptions, export_detector  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[2]
CLASSES = ("__background__", "cup", "bowl")


def detector(network: Network, side: int, *, score: float = 0.3, overlap: float = 0.3) -> Detector:
    settings = DetectorSettings(
        CLASSES, "faster", cntk_padWidth=side, nmsThreshold=overlap, scoreThreshold=score
    )  # fmt: skip
    engine = TorchEngine(network, device="cpu")
    return Detector(engine, SoftmaxScorer(3, with_boxes=True), settings, proposer=proposer_of(network, "net"))


def session(model):
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def run(loaded, image, side):
    """What the exported detector finds: (K, 5) label and box, and scores, best first."""
    height, width = image.shape[:2]
    scale = square_placement(width, height, side).scale
    size = max(1, round(width * scale)), max(1, round(height * scale))
    scaled = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    values = {"picture": scaled.transpose(2, 0, 1)[None].astype(np.float32), "size": np.array([width, height])}
    boxes, labels, scores = loaded.run(["boxes", "labels", "scores"], values)
    assert (boxes.dtype, labels.dtype, scores.dtype) == (np.int32, np.int64, np.float32)
    return np.column_stack([labels, boxes]), scores


def assert_same(found, ours) -> None:
    rows, scores = found
    kept = ours.select()
    mine = np.column_stack([kept.labels, kept.boxes])
    assert sorted(map(tuple, rows.tolist())) == sorted(map(tuple, mine.tolist()))
    np.testing.assert_allclose(scores, np.sort(kept.scores)[::-1], atol=1e-5)


@pytest.mark.parametrize("size", [(120, 90), (90, 121), (333, 200), (200, 200), (57, 400), (31, 17)])
def test_pictures_of_any_size(size) -> None:
    network = faster_network(CLASSES)
    image = np.random.default_rng(size[0]).integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)
    image = cv2.normalize(cv2.GaussianBlur(image, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)
    ours = detector(network, 200).detect(image)
    assert len(ours.select()) > 10
    assert_same(run(session(export_detector(network, DetectorOptions(0.3, 0.3, 200))), image, 200), ours)


def calm(pooling: str) -> Network:
    """A network whose scores and offsets are as small as those of a trained one: rounding is not blown up by exp."""
    network = faster_network(CLASSES, seed=3)
    small = {"rpn_box.weight": 0.05, "rpn_cls.weight": 0.1, "score_and_bbox.weight": 0.03}
    arrays = {name: array * np.float32(small.get(name, 1)) for name, array in network.arrays.items()}
    return Network(dataclasses.replace(network.spec, pooling_kind=pooling), arrays)


@pytest.mark.parametrize("pooling", ["max", "align"])
def test_real_pictures_and_other_thresholds(pooling) -> None:
    network = calm(pooling)
    loaded = session(export_detector(network, DetectorOptions(0.35, 0.1, 400)))
    mine = detector(network, 400, score=0.35, overlap=0.1)
    counts = []
    for path in find_images(REPOSITORY / "data" / "grocery" / "testImages")[:5]:
        image = read_image(path)
        ours = mine.detect(image)
        assert_same(run(loaded, image, 400), ours)
        counts.append(len(ours.select()))
    assert sum(counts) > 10


def test_nothing_scores_enough() -> None:
    network = faster_network(CLASSES)
    rows, scores = run(session(export_detector(network, DetectorOptions(1.0))), np.zeros((90, 120, 3), np.uint8), 200)
    assert rows.shape == (0, 5) and scores.shape == (0,)


def test_a_network_that_is_given_its_rois_is_refused() -> None:
    with pytest.raises(UserError, match=r"does not propose regions. Export it with its ROIs as an input"):
        export_detector(he_initialised(0, spec=cntk_shape(widths=(4, 4, 4, 4, 4), hidden=8)), DetectorOptions())


def test_from_the_command_line(tmp_path, monkeypatch) -> None:
    import onnx

    of, network = Artifacts(tmp_path, "d"), faster_network(CLASSES)
    save_network(of.model_file("faster"), network.spec.to_header(), network.arrays)
    settings = DetectorSettings(CLASSES, "faster", cntk_padWidth=240, nmsThreshold=0.2, scoreThreshold=0.4)
    save_detector(of, settings, [of.model_file("faster")])
    program = str(REPOSITORY / "resources" / "export_onnx.py")
    for options, expected in (((), (0.4, 0.2)), (("--score-threshold", "0.5", "--nms-threshold", "0.6"), (0.5, 0.6))):
        monkeypatch.setattr(sys, "argv", [program, str(of.model_file("faster")), str(tmp_path / "d.onnx"), *options])
        with pytest.raises(SystemExit, match="0"):
            runpy.run_path(program, run_name="__main__")
        model = onnx.load(tmp_path / "d.onnx")
        assert {entry.key: entry.value for entry in model.metadata_props} == {
            "classes": "\n".join(CLASSES), "source": network.spec.source, "side": "240",
        }  # fmt: skip
        again = export_detector(network, DetectorOptions(*expected, 240))
        assert model.graph.SerializeToString() == again.graph.SerializeToString()
