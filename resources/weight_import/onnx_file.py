"""An ONNX model: a chain of layers like bvlcalexnet and vgg16 of the ONNX model zoo, or residual blocks as in resnet50.

Needs the package `onnx`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fastRCNN.network.alexnet import torchvision_shape
from fastRCNN.network.batch_norm import BatchNorm
from fastRCNN.network.layers import (
    AveragePool,
    Conv,
    Dropout,
    GlobalAverage,
    Linear,
    Lrn,
    MaxPool,
    Relu,
    Relu6,
    Scale,
)
from fastRCNN.network.spec import PictureInput
from helpers.errors import UserError
from resources.weight_import import caffe_file
from resources.weight_import.graph import Node, as_steps
from resources.weight_import.steps import Step

_SKIPPED = ("Reshape", "Flatten", "Softmax", "Identity", "Constant", "Squeeze")  # change no number that is kept


def read_onnx(path: Path) -> tuple[list[Step], PictureInput]:
    """Return the layers of `path` in the order of computation, and what they expect of a picture."""
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise UserError(f"{path}: reading ONNX needs the package onnx: python -m pip install onnx") from error
    try:
        graph = onnx.load(path).graph
        constants = {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
                constants[node.output[0]] = onnx.numpy_helper.to_array(node.attribute[0].t)
        values = [_values(node, onnx.helper.get_attribute_value) for node in graph.node]
    except (DecodeError, ValueError, OSError, TypeError, onnx.checker.ValidationError) as error:
        raise UserError(f"{path}: not an ONNX model, damaged or cut short ({error}).") from error
    if not graph.node:
        raise UserError(
            f"{path}: expected an ONNX model with layers, found none: it is damaged or another kind of file."
        )

    nodes = []
    for node, attributes in zip(graph.node, values, strict=True):
        if node.op_type == "Constant":
            continue
        what = f"{node.op_type} {node.name or node.output[0]!r}"
        arrays = [constants[name] for name in node.input if name in constants]
        data = tuple(name for name in node.input if name and name not in constants)
        adds = node.op_type in ("Add", "Sum") and len(data) == 2
        steps = [] if adds else _read_node(node, attributes, arrays, f"{path}: {what}")
        nodes.append(Node(what, data, node.output[0], tuple(steps), adds))
    steps = as_steps(nodes, path)
    # The zoo's with local response normalisation were converted from Caffe's, the others trained on RGB by MXNet.
    from_caffe = any(isinstance(step.layer, Lrn) for step in steps)
    return steps, caffe_file.PICTURE_INPUT if from_caffe else torchvision_shape().input


def _values(node: Any, value_of: Any) -> dict[str, Any]:
    return {attribute.name: value_of(attribute) for attribute in node.attribute}


def _read_node(node: Any, attributes: Mapping[str, Any], arrays: list[np.ndarray], where: str) -> list[Step]:
    """One node of the graph as no or one layer."""
    kind = node.op_type
    if kind in _SKIPPED or (kind == "AveragePool" and tuple(attributes["kernel_shape"]) == (1, 1)):
        return []
    if kind == "Relu":
        return [Step(Relu())]
    if kind == "Clip":
        bounds = [float(array) for array in arrays] or [attributes.get("min"), attributes.get("max")]
        _expect(bounds == [0, 6], where, "limits 0 and 6", bounds)
        return [Step(Relu6())]
    if kind in ("GlobalAveragePool", "ReduceMean"):
        _expect(kind != "ReduceMean" or _axes(attributes, arrays) == [2, 3], where, "the mean of each map", attributes)
        return [Step(GlobalAverage())]
    if kind == "AveragePool":
        pads = list(attributes.get("pads", [0]))
        _expect(not any(pads), where, "no pads", pads)
        return [Step(AveragePool(_one(attributes, "kernel_shape", where), _one(attributes, "strides", where)))]
    if kind == "BatchNormalization":
        _expect(len(arrays) == 4 and all(array.ndim == 1 for array in arrays), where, "four arrays", len(arrays))
        factor, summand = BatchNorm(*arrays, float(attributes.get("epsilon", 1e-5))).numbers()
        return [Step(Scale(""), factor, summand)]
    if kind == "Dropout":
        return [Step(Dropout(float(attributes.get("ratio", 0.5))))]
    if kind == "LRN":
        size, alpha = int(attributes["size"]), float(attributes.get("alpha", 1e-4))
        return [Step(Lrn(size, alpha, float(attributes.get("beta", 0.75)), float(attributes.get("bias", 1.0))))]
    if kind == "MaxPool":
        pad, ceil = _pool_pads(attributes, where)
        layer = MaxPool(_one(attributes, "kernel_shape", where), _one(attributes, "strides", where), pad, ceil)
        return [Step(layer)]
    if kind == "Conv":
        weight, bias = _weight_and_bias(arrays, 4, where)
        groups = int(attributes.get("group", 1))
        stride, (pad, extra) = _one(attributes, "strides", where), _conv_pads(attributes, where)
        _expect(_one(attributes, "dilations", where) == 1, where, "dilations 1", attributes.get("dilations"))
        _expect(weight.shape[2] == weight.shape[3], where, "a square kernel", weight.shape)
        return [Step(Conv("", weight.shape[0], weight.shape[2], stride, pad, groups, extra), weight, bias)]
    if kind == "Gemm":
        weight, bias = _weight_and_bias(arrays, 2, where)
        plain = attributes.get("alpha", 1.0) == attributes.get("beta", 1.0) == 1.0 and not attributes.get("transA", 0)
        _expect(plain, where, "alpha and beta 1, transA 0", dict(attributes))
        weight = weight if attributes.get("transB", 0) else weight.T
        return [Step(Linear("", weight.shape[0]), weight, None if bias is None else bias.reshape(-1))]
    raise UserError(
        f"{where}: expected a layer of AlexNet, VGG16 or ResNet (Conv, Relu, LRN, MaxPool, Gemm, Dropout, "
        f"BatchNormalization, Add, GlobalAveragePool), found {kind}. "
        "Quantized models cannot be imported: take the one with float32 numbers."
    )


def _weight_and_bias(arrays: list[np.ndarray], dimensions: int, where: str) -> tuple[np.ndarray, np.ndarray | None]:
    fits = len(arrays) in (1, 2) and arrays[0].ndim == dimensions and arrays[0].dtype.kind == "f"
    found = [f"{array.shape} {array.dtype}" for array in arrays]
    _expect(fits, where, f"a float weight with {dimensions} dimensions and a bias in the file", found)
    return arrays[0], arrays[1] if len(arrays) == 2 else None


def _one(attributes: Mapping[str, Any], name: str, where: str, default: int = 1) -> int:
    """A value that is the same in all directions."""
    _expect_plain_padding(attributes, where)
    values = set(attributes.get(name, [default]))
    _expect(len(values) == 1, where, f"the same value of {name} in all directions", attributes.get(name))
    return int(values.pop())


def _conv_pads(attributes: Mapping[str, Any], where: str) -> tuple[int, int]:
    """Zeros before the picture, and how many more behind it: equal ones, or TensorFlow's of a halved even side."""
    _expect_plain_padding(attributes, where)
    pads = list(attributes.get("pads", [0, 0, 0, 0]))
    fits = pads[0] == pads[1] and pads[2] == pads[3] >= pads[0]
    _expect(fits, where, "the same pads in both directions, and no fewer behind the picture than before it", pads)
    return int(pads[0]), int(pads[2] - pads[0])


def _axes(attributes: Mapping[str, Any], arrays: list[np.ndarray]) -> list[int]:
    return [int(axis) for axis in (arrays[0] if arrays else attributes.get("axes", []))]


def _pool_pads(attributes: Mapping[str, Any], where: str) -> tuple[int, bool]:
    """Pad at the picture's beginning; whether a last window may hang over its end.

    Caffe lets windows hang over. A converter without a word for that writes it as a pad of `stride - 1` more at the
    end than at the beginning, which comes to the same for pictures of any size.
    """
    _expect_plain_padding(attributes, where)
    pads = list(attributes.get("pads", [0, 0, 0, 0]))
    surplus = {pads[2] - pads[0], pads[3] - pads[1]}
    over = _one(attributes, "strides", where) - 1
    fits = pads[0] == pads[1] and (surplus == {0} or surplus == {over})
    _expect(fits, where, f"equal pads, or {over} more at the end", pads)
    return int(pads[0]), bool(attributes.get("ceil_mode", 0)) or (surplus == {over} and over > 0)


def _expect_plain_padding(attributes: Mapping[str, Any], where: str) -> None:
    padding = attributes.get("auto_pad", b"NOTSET")
    _expect(padding in (b"NOTSET", b"VALID"), where, "pads in numbers", padding)


def _expect(condition: bool, where: str, expected: str, found: object) -> None:
    if not condition:
        raise UserError(f"{where}: expected {expected}, found {found!r}.")
