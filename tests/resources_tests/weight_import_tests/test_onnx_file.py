"""ONNX models laid out like bvlcalexnet of the model zoo, run by ONNX Runtime as well."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from fastRCNN.network.network import load_network
from resources.import_network import import_file
from resources.weight_import import caffe_file

WIDTHS, HIDDEN, LABELS = (8, 12, 16, 12, 10), 24, 10  # as in conftest.py


def zoo_model(
    path: Path,
    arrays: dict[str, np.ndarray],
    *,
    gemm_transposed: bool = True,
    change: Callable[[list[Any]], None] | None = None,
) -> None:
    """Write a model laid out like bvlcalexnet-12.onnx: ceil pooling as a pad at the end, dropout, reshape, softmax."""
    arrays = {**arrays, "shape": np.array([1, WIDTHS[-1] * 36], np.int64)}
    nodes: list[Any] = []

    def add(kind: str, inputs: list[str], output: str, **attributes: Any) -> None:
        nodes.append(helper.make_node(kind, inputs, [output], name="", **attributes))

    def conv(number: int, data: str, kernel: int, stride: int = 1, pad: int = 0, group: int = 1) -> str:
        out = f"conv{number}"
        add("Conv", [data, f"{out}_w", f"{out}_b"], out, kernel_shape=[kernel] * 2, strides=[stride] * 2,
            pads=[pad] * 4, group=group)  # fmt: skip
        add("Relu", [out], f"{out}_r")
        return f"{out}_r"

    def pool(number: int, data: str, end: int) -> str:
        add("MaxPool", [data], f"pool{number}", kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, end, end])
        return f"pool{number}"

    def normalise(number: int, data: str) -> str:
        add("LRN", [data], f"norm{number}", size=5, alpha=1e-4, beta=0.75, bias=1.0)
        return f"norm{number}"

    def connected(number: int, data: str) -> str:
        add("Gemm", [data, f"fc{number}_w", f"fc{number}_b"], f"fc{number}", transB=int(gemm_transposed))
        return f"fc{number}"

    data = pool(1, normalise(1, conv(1, "data_0", 11, stride=4)), end=1)
    data = pool(2, normalise(2, conv(2, data, 5, pad=2, group=2)), end=0)
    data = conv(5, conv(4, conv(3, data, 3, pad=1), 3, pad=1, group=2), 3, pad=1, group=2)
    add("Reshape", [pool(5, data, end=0), "shape"], "flat")
    data = "flat"
    for number in (6, 7):
        add("Relu", [connected(number, data)], f"fc{number}_r")
        nodes.append(helper.make_node("Dropout", [f"fc{number}_r"], [f"fc{number}_d", f"fc{number}_mask"]))
        data = f"fc{number}_d"
    add("Softmax", [connected(8, data)], "softmaxout_1")
    if not gemm_transposed:
        arrays = {name: array.T.copy() if name[:2] == "fc" else array for name, array in arrays.items()}
    if change:
        change(nodes)
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    floats = [("data_0", [1, 3, 224, 224]), *((t.name, t.dims) for t in tensors if t.data_type == TensorProto.FLOAT)]
    outputs = [("softmaxout_1", [1, LABELS]), ("conv5_r", None), ("fc7_r", None)]
    graph = helper.make_graph(
        nodes,
        "bvlc_alexnet",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in floats],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs],
        tensors,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7), path)


@pytest.mark.parametrize("gemm_transposed", [True, False])
def test_onnx_model_gives_the_same_numbers(
    tmp_path: Path, picture: np.ndarray, slim: SimpleNamespace, gemm_transposed: bool
) -> None:
    path = tmp_path / "bvlcalexnet-12.onnx"
    zoo_model(path, slim.zoo_arrays(), gemm_transposed=gemm_transposed)

    import_file(path, tmp_path / "ours.npz")
    network = load_network(tmp_path / "ours.npz")

    pixels = picture.astype(np.float32) - np.array([104, 117, 123], np.float32)  # BGR
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    trunk, fc7 = session.run(["conv5_r", "fc7_r"], {"data_0": pixels.transpose(2, 0, 1)[None]})
    slim.assert_close(slim.run_ours(network, picture), [trunk[0], fc7[0]])
    assert network.spec.input == caffe_file.PICTURE_INPUT
    assert [layer.ceil for layer in network.spec.trunk if layer.type == "maxpool"] == [True, False]


def replace_node(index: int, **attributes: Any) -> Callable[[list[Any]], None]:
    def change(nodes: list[Any]) -> None:
        kept = {each.name: helper.get_attribute_value(each) for each in nodes[index].attribute}
        kind = attributes.pop("kind", nodes[index].op_type)
        nodes[index] = helper.make_node(kind, nodes[index].input, nodes[index].output, **{**kept, **attributes})

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (replace_node(0, dilations=[2, 2]), r"Conv 'conv1': expected dilations 1, found \[2, 2\]"),
        (replace_node(0, pads=[0, 1, 0, 1]), "expected the same pads in both directions"),
        (replace_node(0, auto_pad="SAME_UPPER"), "expected pads in numbers"),
        (replace_node(3, pads=[0, 0, 2, 2]), "MaxPool 'pool1': expected equal pads, or 1 more at the end"),
        (replace_node(1, kind="Tanh"), "expected a layer of AlexNet, VGG16 or ResNet.*found Tanh"),
        (replace_node(0, kind="ConvInteger"), "found ConvInteger. Quantized models cannot be imported"),
        (
            lambda nodes: nodes.pop(5),
            "expected a chain of layers with residual blocks, but .* takes .*which no layer gives",
        ),
        (
            lambda nodes: nodes.__delitem__(slice(15, None)),
            "expected AlexNet, VGG16 or a network of residual blocks: convolutions, ",
        ),
    ],
)
def test_onnx_model_that_is_not_alexnet(
    tmp_path: Path, slim: SimpleNamespace, change: Callable[[list[Any]], None], message: str
) -> None:
    zoo_model(tmp_path / "other.onnx", slim.zoo_arrays(), change=change)
    slim.expect_fault(tmp_path / "other.onnx", message)


def test_damaged_onnx_model(tmp_path: Path, slim: SimpleNamespace) -> None:
    path = tmp_path / "model.onnx"
    zoo_model(path, slim.zoo_arrays())
    whole = path.read_bytes()
    for kept in (1, 300, len(whole) // 2, len(whole) - 10):
        path.write_bytes(whole[:kept])
        slim.expect_fault(path, "not an ONNX model, damaged or cut short|found none: it is damaged")


def test_onnx_without_the_package(tmp_path: Path, slim: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    zoo_model(tmp_path / "model.onnx", slim.zoo_arrays())
    monkeypatch.setitem(sys.modules, "onnx", None)
    slim.expect_fault(tmp_path / "model.onnx", "needs the package onnx: python -m pip install onnx")
