"""Conversions between CNTK's `.model`, weight files and ONNX. Needs .venv-cntk."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fastRCNN.engines.cntk_engine import CntkEngine
from fastRCNN.engines.cntk_process import REPOSITORY, environment_folder, environment_python, missing_cntk
from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.network.alexnet import caffe_shape, cntk_shape, he_initialised, torchvision_shape
from fastRCNN.network.layers import Linear
from fastRCNN.network.network import load_network, save_network
from helpers.errors import UserError
from resources.convert_cntk_model import convert

pytestmark = [
    pytest.mark.cntk,
    pytest.mark.skipif(missing_cntk() is not None, reason=f"{missing_cntk()}: run resources/install_cntk.py"),
]
SLIM = {"widths": (8, 12, 16, 16, 12), "hidden": 32}
PICTURE = np.random.default_rng(0).integers(0, 256, (230, 230, 3), dtype=np.uint8)
ROIS = np.array([[0, 0, 229, 229], [10, 20, 110, 70], [50, 50, 60, 200]], np.float32)


def write(path: Path, network) -> Path:
    save_network(path, network.spec.to_header(), network.arrays)
    return path


@pytest.mark.parametrize("shape", [cntk_shape, caffe_shape, torchvision_shape])
def test_npz_to_model_and_back_gives_the_same_network(shape, tmp_path):
    spec = dataclasses.replace(shape(**SLIM), notes={"seed": 3, "wort": "größe"})
    first = write(tmp_path / "a.npz", he_initialised(3, spec=spec))
    convert(first, tmp_path / "b.model")
    convert(tmp_path / "b.model", tmp_path / "c.npz")
    a, c = load_network(first), load_network(tmp_path / "c.npz")
    assert (c.spec.trunk, c.spec.head, c.spec.notes) == (a.spec.trunk, a.spec.head, a.spec.notes)
    np.testing.assert_allclose(c.spec.input.mean, a.spec.input.mean, rtol=1e-6)  # CNTK keeps float32
    np.testing.assert_allclose(c.spec.input.scale, a.spec.input.scale, rtol=1e-6)
    assert c.spec.input.channels == a.spec.input.channels
    assert sorted(c.arrays) == sorted(a.arrays)
    for name in a.arrays:
        np.testing.assert_array_equal(c.arrays[name], a.arrays[name])
    assert c.spec.source_sha256 is not None and "b.model" in c.spec.source


def test_a_network_with_class_scores_keeps_its_classes(tmp_path):
    shape = cntk_shape(**SLIM)
    spec = dataclasses.replace(shape, head=(*shape.head, Linear("score", 3)))
    network = he_initialised(4, spec=spec)
    network = dataclasses.replace(network, spec=dataclasses.replace(network.spec, classes=("__background__", "a", "ü")))
    convert(write(tmp_path / "a.npz", network), tmp_path / "b.model")
    with CntkEngine(tmp_path / "b.model") as engine:
        assert engine.classes == ("__background__", "a", "ü")
        assert engine.feature_dimension == 3
        assert engine.network().spec.head == spec.head


# An AlexNet for classification as CNTK's own examples build it: layers, normalisation from single operations, names of
# the tutorial's model only where NAMED is 1. Runs in CNTK's Python.
EXAMPLE = """
import sys
import cntk as C, numpy as np
named, path = int(sys.argv[1]), sys.argv[2]
def name(text): return text if named else ""
def normalisation(k, n, alpha, beta):
    x = C.placeholder()
    squares = C.reshape(C.square(x), (1, C.InferredDimension), 0, 1)
    window = C.constant(alpha / (2 * n + 1), (1, 2 * n + 1, 1, 1))
    sums = C.reshape(C.convolution(window, squares), C.InferredDimension, 0, 2)
    return C.element_divide(x, C.exp(beta * C.log(k + sums)))
features = C.input_variable((3, 227, 227), name=name("features"))
L = C.layers
with C.default_options(init=C.he_normal(seed=1), pad=True):
    convolutions = L.Sequential([
        L.Convolution2D((11, 11), 8, strides=4, pad=False), L.Activation(C.relu), normalisation(1.0, 2, 0.001, 0.75),
        L.MaxPooling((3, 3), 2, pad=False),
        L.Convolution2D((5, 5), 12), L.Activation(C.relu), normalisation(1.0, 2, 0.001, 0.75),
        L.MaxPooling((3, 3), 2, pad=False),
        L.Convolution2D((3, 3), 16, activation=C.relu), L.Convolution2D((3, 3), 16, activation=C.relu),
        L.Convolution2D((3, 3), 12), L.Activation(C.relu, name=name("conv5.y"))])(features)
    pooled = L.MaxPooling((3, 3), 2, pad=False, name=name("pool3"))(convolutions)
    hidden = L.Sequential([L.Dense(32, activation=C.relu), L.Dropout(0.5), L.Dense(32, activation=C.relu),
                           L.Dropout(0.5, name=name("h2_d"))])(pooled)
    result = L.Dense(10)(hidden)
result.save(path)
"""


@pytest.fixture(scope="module", params=[True, False], ids=["tutorial's names", "no names"])
def example(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("example") / "AlexNet.model"
    with CntkEngine(he_initialised(0, spec=cntk_shape(**SLIM))) as engine:
        environment = engine.process.environment_variables
    command = [environment_python(environment_folder()), "-W", "ignore", "-c", EXAMPLE, str(int(request.param)), path]
    subprocess.run(command, check=True, env=environment, capture_output=True, timeout=120)
    return path


def test_a_classification_network_of_cntk_becomes_a_weight_file(example, tmp_path):
    convert(example, tmp_path / "a.npz")
    network = load_network(tmp_path / "a.npz")
    assert [layer.type for layer in network.spec.trunk].count("conv") == 5
    assert network.spec.trunk[2].alpha == pytest.approx(0.001) and network.spec.trunk[2].size == 5
    assert [layer.name for layer in network.spec.head if isinstance(layer, Linear)] == ["fc6", "fc7"]
    assert network.spec.feature_dimension == 32 and network.spec.input.mean == (114.0, 114.0, 114.0)
    with CntkEngine(example) as cntk, TorchEngine(network) as ours:  # cloned as it is, against our layers
        expected = cntk.embed([PICTURE], [ROIS])[0]
        assert np.abs(ours.embed([PICTURE], [ROIS])[0] - expected).max() < 1e-4 * np.abs(expected).max()


def test_names_that_the_model_lacks_are_said(example):
    with pytest.raises(UserError, match="no node is named 'conv9'"):
        CntkEngine(example, node_names={"conv": "conv9"})


def test_onnx_by_cntk_gives_the_same_numbers_in_onnxruntime(tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    runtime.set_default_logger_severity(3)
    network = he_initialised(5, spec=cntk_shape(**SLIM))
    lines = convert(write(tmp_path / "a.npz", network), tmp_path / "a.onnx", side=230)
    assert "CNTK cannot export" in lines[-1]
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    trunk = runtime.InferenceSession(str(tmp_path / "a.trunk.onnx"), options)
    head = runtime.InferenceSession(str(tmp_path / "a.head.onnx"), options)
    pixels = PICTURE.transpose(2, 0, 1)[None].astype(np.float32)
    feature_map = trunk.run(None, {trunk.get_inputs()[0].name: pixels})[0][0]
    ours = TorchEngine(network)
    np.testing.assert_allclose(feature_map, ours.feature_map([PICTURE])[0].numpy(), atol=1e-4 * feature_map.max())
    pooled = ours.pool(feature_map, ROIS)
    given = head.run(None, {head.get_inputs()[0].name: pooled[None]})[0][0]
    np.testing.assert_allclose(given, ours.embed([PICTURE], [ROIS])[0], atol=1e-4 * given.max())


def test_wrong_file_names_and_damaged_models_are_one_clear_message(tmp_path):
    damaged = tmp_path / "a.model"
    damaged.write_bytes(b"no model")
    with pytest.raises(UserError, match="CNTK could not load_model"):
        convert(damaged, tmp_path / "a.npz")
    with pytest.raises(UserError, match=r"expected a \.model or \.npz"):
        convert(tmp_path / "a.txt", tmp_path / "a.npz")
    with pytest.raises(UserError, match="no such file"):
        convert(tmp_path / "none.model", tmp_path / "a.npz")


def test_the_program_itself(tmp_path):
    source = write(tmp_path / "a.npz", he_initialised(6, spec=cntk_shape(**SLIM)))
    script = REPOSITORY / "resources" / "convert_cntk_model.py"
    done = subprocess.run(
        [sys.executable, script, source, tmp_path / "a.model"], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'a.model'} written\n"), done.stderr
    assert (tmp_path / "a.model").stat().st_size > 1000


# What CNTK's detection examples do with a network: subtract 114, clone the convolutions to train them.
RUN_AS_EXAMPLE = """
import sys
import cntk as C, numpy as np
model = C.load_model(sys.argv[1])
features, conv = model.find_by_name("features"), model.find_by_name("conv5.y")
trunk = C.combine([conv]).clone(C.CloneMethod.clone, {features: C.placeholder()})
pixels = C.input_variable((3, 230, 230))
maps = trunk(pixels - 114)
picture = np.load(sys.argv[2]).transpose(2, 0, 1).astype(np.float32)
np.save(sys.argv[3], np.asarray(maps.eval({pixels: [picture]}))[0])
print(sorted(p.name for p in maps.parameters))
"""


@pytest.mark.parametrize("shape", [cntk_shape, caffe_shape, torchvision_shape])
def test_a_model_for_the_examples_can_be_trained_and_leaves_114_to_them(tmp_path, shape):
    network = he_initialised(3, spec=shape(**SLIM))
    source, target = write(tmp_path / "a.npz", network), tmp_path / "a.model"
    convert(source, target, for_examples=True)
    np.save(tmp_path / "picture.npy", PICTURE)
    with CntkEngine(source) as engine:
        environment = engine.process.environment_variables
        expected, rows = engine.feature_map([PICTURE])[0], engine.embed([PICTURE], [ROIS])[0]
    python = environment_python(environment_folder())
    arguments = [python, "-W", "ignore", "-c", RUN_AS_EXAMPLE, target, tmp_path / "picture.npy", tmp_path / "map.npy"]
    ran = subprocess.run(arguments, check=True, env=environment, capture_output=True, timeout=120, text=True)
    assert ran.stdout.count(".weight") == 5 and ran.stdout.count(".bias") == 5, "all five convolutions learn"
    np.testing.assert_allclose(np.load(tmp_path / "map.npy"), expected, atol=1e-5 * expected.max())
    with CntkEngine(target) as engine:  # our own engine subtracts the whole mean, and knows the network as it was
        np.testing.assert_allclose(engine.embed([PICTURE], [ROIS])[0], rows, atol=1e-5 * rows.max())
        assert engine.network().spec.input.mean == pytest.approx(network.spec.input.mean, abs=1e-4)
    convert(source, tmp_path / "plain.model")
    arguments[5] = tmp_path / "plain.model"
    ran = subprocess.run(arguments, check=True, env=environment, capture_output=True, timeout=120, text=True)
    assert "weight" not in ran.stdout, "without the option the convolutions are constants"
    assert not np.allclose(np.load(tmp_path / "map.npy"), expected, atol=1e-3 * expected.max()), "114 twice"
