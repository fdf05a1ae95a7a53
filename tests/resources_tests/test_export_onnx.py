"""What ONNX Runtime computes with an exported network is what our engine computes."""

import dataclasses
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from fastRCNN.boxes.box_regression import BoxRegressor
from fastRCNN.engines import load_engine
from fastRCNN.network.alexnet import caffe_shape, cntk_shape, he_initialised, torchvision_shape
from fastRCNN.network.layers import (
    HEAD_LAYERS,
    AveragePool,
    Conv,
    Dropout,
    GlobalAverage,
    Layer,
    Linear,
    MaxPool,
    Relu,
    Relu6,
    Residual,
    Scale,
)
from fastRCNN.network.network import Network, load_network, save_network
from fastRCNN.network.spec import NetworkSpec
from fastRCNN.pipeline.outputs import scoring_network, split_outputs
from helpers.errors import UserError

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")
REPOSITORY = Path(__file__).resolve().parents[2]
exporter = runpy.run_path(str(REPOSITORY / "resources" / "export_onnx.py"))
SHAPES = {"cntk": cntk_shape, "caffe": caffe_shape, "torchvision": torchvision_shape}


def slim(name="cntk", *, classes=None):
    widths = (8, 12, 12, 12, 8)
    network = he_initialised(0, spec=SHAPES[name](widths=widths, hidden=6))
    if classes is None:
        return network
    head = tuple(layer for layer in network.spec.head if layer.type != "dropout")[:-1]  # ends with fc7 as the scores
    return Network(dataclasses.replace(network.spec, head=head, classes=classes), network.arrays)


def some_rois(count, *, side):
    rng = np.random.default_rng(1)
    corners = np.sort(rng.integers(-10, side + 10, (count, 2, 2)), axis=1)
    return corners.reshape(count, 4)[:, [0, 1, 2, 3]].astype(np.float32)


def run(model, picture, rois):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    values = session.run(None, {"picture": picture.transpose(2, 0, 1)[None].astype(np.float32), "rois": rois})
    return dict(zip((output.name for output in session.get_outputs()), values, strict=True))


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, (300, 300, 3)).astype(np.uint8)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_export_gives_our_embeddings(picture, shape):
    rois = some_rois(200, side=300)
    network = slim(shape)
    with load_engine("torch", network, device="cpu") as engine:
        ours = engine.embed([picture], [rois])[0]
    theirs = run(exporter["export"](network), picture, rois)["embedding"]
    np.testing.assert_allclose(theirs, ours, rtol=2e-4, atol=1e-3 * np.abs(ours).max())


def test_single_precision_gives_the_bins_of_double_precision_for_6_but_not_for_7():
    def bins(kind, size, cells):
        width = kind(cells) / kind(size)
        return [(int(np.floor(kind(j) * width)), int(np.ceil(kind(j + 1) * width))) for j in range(size)]

    differing = {n: [w for w in range(1, 200) if bins(np.float32, n, w) != bins(np.float64, n, w)] for n in (6, 7)}
    assert differing[6] == [] and 29 in differing[7]


def test_scores_and_offsets_come_out_under_their_names(picture, tmp_path):
    classes = ("__background__", *"abcde")
    network = slim(classes=classes)
    rng = np.random.default_rng(2)
    regressor = BoxRegressor(rng.standard_normal((6, 4, 6), np.float32), rng.standard_normal((6, 4), np.float32))
    save_network(tmp_path / "m.npz", network.spec.to_header(), network.arrays)
    regressor.save(tmp_path / "boxes.npz")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["export_onnx.py", *(str(tmp_path / name) for name in ("m.npz", "m.onnx")),
                                    "--boxes", str(tmp_path / "boxes.npz")])  # fmt: skip
        exporter["main"]()
    import onnx

    model = onnx.load(tmp_path / "m.onnx")
    assert exporter["describe"](model)["classes"].split("\n") == list(classes)
    assert [entry.version for entry in model.opset_import] == [17]
    rois = some_rois(20, side=300)
    found = run(model, picture, rois)
    with load_engine("torch", scoring_network(tmp_path / "m.npz", regressor), device="cpu") as engine:
        scores, offsets = split_outputs(engine.embed([picture], [rois])[0], 6)
    np.testing.assert_allclose(found["scores"], scores, rtol=2e-4, atol=1e-3 * np.abs(scores).max())
    np.testing.assert_allclose(found["offsets"], offsets, rtol=2e-4, atol=1e-3 * np.abs(offsets).max())


def test_no_roi_is_a_case(picture):
    assert run(exporter["export"](slim()), picture, np.zeros((0, 4), np.float32))["embedding"].shape == (0, 6)


def test_pooling_of_a_whole_big_picture():
    picture = np.random.default_rng(0).integers(0, 256, (1000, 1000, 3)).astype(np.uint8)
    network, rois = slim(), np.array([[0, 0, 999, 999], [0, 0, 0, 0]], np.float32)
    with load_engine("torch", network, device="cpu") as engine:
        ours = engine.embed([picture], [rois])[0]
    theirs = run(exporter["export"](network), picture, rois)["embedding"]
    np.testing.assert_allclose(theirs, ours, rtol=2e-4, atol=1e-3 * np.abs(ours).max())


def test_another_pooling_size_is_refused():
    network = slim()
    spec = dataclasses.replace(network.spec, pooling_size=7)
    with pytest.raises(UserError, match="pooling size 7"):
        exporter["export"](he_initialised(0, spec=spec))


def test_roi_align_without_head_and_zeros_behind_the_picture(picture):
    trunk = (Conv("stem", 8, 7, stride=8), Relu6(), Conv("a", 6, 3, stride=2, groups=2, extra=1))
    spec = NetworkSpec(trunk=trunk, head=(), pooling_size=7, pooling_kind="align")
    network = he_initialised(1, spec=spec)
    rois = np.clip(some_rois(200, side=300), 8, 299)
    with load_engine("torch", network, device="cpu") as engine:
        (ours,) = engine.embed([picture], [rois])
    assert ours.min() < 0
    theirs = run(exporter["export"](network), picture, rois)["embedding"]
    np.testing.assert_allclose(theirs, ours, rtol=2e-4, atol=1e-4 * np.abs(ours).max())


def test_loading_the_weights_back_is_not_needed(tmp_path):
    network = slim()
    save_network(tmp_path / "n.npz", network.spec.to_header(), network.arrays)
    model = exporter["export"](load_network(tmp_path / "n.npz"))
    assert len(model.graph.initializer) > 10


def test_residual_blocks_and_heads_with_convolutions(picture):
    block = Residual(
        (Conv("a1", 16, 1), Relu6(), Conv("a2", 16, 3, stride=2, pad=1, groups=16), Scale("s"), Conv("a3", 8, 1)),
        (Conv("a4", 8, 1, stride=2),),
    )
    spec = NetworkSpec(
        trunk=(Conv("stem", 8, 7, stride=4, pad=3), Relu(), MaxPool(3, 2, pad=1), block, Relu()),
        head=(Residual((Conv("b1", 8, 3, pad=1),)), Relu(), AveragePool(3, 2, pad=1), GlobalAverage()),
    )
    network = he_initialised(1, spec=spec)
    rois = some_rois(50, side=300)
    with load_engine("torch", network, device="cpu") as engine:
        (ours,) = engine.embed([picture], [rois])
    theirs = run(exporter["export"](network), picture, rois)["embedding"]
    np.testing.assert_allclose(theirs, ours, rtol=2e-4, atol=1e-4 * np.abs(ours).max())
    scored = dataclasses.replace(spec, head=(*spec.head, Dropout(), Linear("score", 3)), classes=("_", "a", "b"))
    network = he_initialised(1, spec=scored)
    regressor = BoxRegressor(np.ones((3, 4, 8), np.float32), np.zeros((3, 4), np.float32))
    found = run(exporter["export"](network, regressor), picture, rois)
    with load_engine("torch", network, device="cpu") as engine:
        (ours,) = engine.embed([picture], [rois])
    np.testing.assert_allclose(found["scores"], ours, rtol=2e-4, atol=1e-4 * np.abs(ours).max())
    np.testing.assert_allclose(found["offsets"][:, 0, 0], theirs.sum(axis=1), rtol=1e-3, atol=1e-3 * theirs.max())


def test_every_layer_can_be_exported_and_an_unknown_one_is_refused():
    assert set(exporter["EXPORTERS"]) == set(HEAD_LAYERS)

    @dataclasses.dataclass(frozen=True)
    class Tanh(Layer):
        type = "tanh"

    network = slim()
    spec = dataclasses.replace(network.spec, trunk=(*network.spec.trunk, Tanh()))
    with pytest.raises(UserError, match="layer 'tanh': the export knows"):
        exporter["export"](Network(spec, network.arrays))
