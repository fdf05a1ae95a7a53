"""A .caffemodel: Caffe's trained network, a protocol buffer `NetParameter`, with layers in its new or its V1 form.

The numbers of the fields are those of Caffe's src/caffe/proto/caffe.proto. Layers are taken in the file's order, which
is the order of computation; what feeds data in or measures the result is left out. A layer takes what its `bottom`
names; many work in place, so that a name stands for what was last called so. One without `bottom` takes what comes
before it.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fastRCNN.network.batch_norm import BatchNorm
from fastRCNN.network.layers import AveragePool, Conv, Dropout, GlobalAverage, Linear, Lrn, MaxPool, Relu, Scale
from fastRCNN.network.spec import PictureInput
from helpers.errors import UserError
from resources.weight_import.graph import Node, as_steps
from resources.weight_import.protobuf_wire import Message, Value, parse_message, varints
from resources.weight_import.steps import Step

PICTURE_INPUT = PictureInput("BGR", (104.0, 117.0, 123.0))  # ImageNet's mean pixel, as Caffe's examples subtract it

_V1_LAYERS, _NEW_LAYERS = 2, 100  # fields of NetParameter
_V1_TYPES = {
    4: "Convolution", 6: "Dropout", 25: "Eltwise", 14: "InnerProduct", 15: "LRN", 17: "Pooling", 18: "ReLU",
    22: "Split",
}  # fmt: skip
_V1_SKIPPED = {0, 1, 5, 8, 9, 12, 20, 21, 24, 29, 32, 36}
_SKIPPED = {
    "Accuracy", "Data", "DummyData", "Flatten", "HDF5Data", "ImageData", "Input", "MemoryData", "Silence", "Softmax",
    "SoftmaxWithLoss", "WindowData",
}  # fmt: skip


@dataclass(frozen=True)
class _Fields:
    """Where one form of a layer keeps what is needed."""

    name: int
    kind: int
    blobs: int
    bottom: int
    top: int
    parameters: dict[str, int]


_V1 = _Fields(
    4, 5, 6, 2, 3,
    {"Convolution": 10, "Dropout": 12, "Eltwise": 24, "InnerProduct": 17, "LRN": 18, "Pooling": 19, "ReLU": 30},
)  # fmt: skip
_NEW = _Fields(
    1, 2, 7, 3, 4,
    {
        "BatchNorm": 139, "Convolution": 106, "Dropout": 108, "Eltwise": 110, "InnerProduct": 117, "LRN": 118,
        "Pooling": 121, "ReLU": 123, "Scale": 142,
    },
)  # fmt: skip


def read_caffemodel(path: Path) -> tuple[list[Step], PictureInput]:
    """Return the layers of `path` in the order of computation, and what they expect of a picture."""
    try:
        network = parse_message(np.memmap(path, np.uint8, "r").data)
        form, number = (_NEW, _NEW_LAYERS) if _NEW_LAYERS in network else (_V1, _V1_LAYERS)
        nodes = _nodes([parse_message(_bytes(layer)) for layer in network.get(number, [])], form, path)
    except (ValueError, IndexError, struct.error) as error:
        raise UserError(f"{path}: not a .caffemodel, damaged or cut short ({error}).") from error
    if not nodes:
        raise UserError(f"{path}: expected a .caffemodel with layers, found none: it is another kind of file.")
    return as_steps(nodes, path), PICTURE_INPUT


def _nodes(layers: list[Message], form: _Fields, path: Path) -> list[Node]:
    """The layers as a graph, with a name of its own for each thing that is given."""
    nodes: list[Node] = []
    now: dict[str, str] = {}  # what a name stands for
    before = "data"
    for layer in layers:
        kind, where = _kind(layer, form, path)
        if not kind or kind in _SKIPPED:
            continue
        bottoms = [_text(name) for name in layer.get(form.bottom, [])]
        inputs = tuple(now.get(name, name) for name in bottoms) or (before,)
        tops = [_text(name) for name in layer.get(form.top, [])]
        if kind == "Split":  # several names for one thing
            now.update(dict.fromkeys(tops, inputs[0]))
            continue
        before = f"{tops[0] if tops else ''}:{len(nodes)}"
        now.update(dict.fromkeys(tops[:1], before))
        nodes.append(Node(where, inputs, before, tuple(_read_layer(layer, kind, form, where)), kind == "Eltwise"))
    return nodes


def _kind(layer: Message, form: _Fields, path: Path) -> tuple[str, str]:
    """The layer's type, "" for one that is of no interest, and how to call it in a message."""
    if form is _V1 and 1 in layer:
        raise UserError(f"{path}: layers of Caffe's first form (V0): convert it with Caffe's upgrade_net_proto_binary.")
    where = f"{path}: layer {_text(layer.get(form.name, [b''])[0])!r}"
    if form is _V1:
        code = int(layer.get(form.kind, [0])[0])  # type: ignore[arg-type]
        return "" if code in _V1_SKIPPED else _V1_TYPES.get(code, f"type {code}"), where
    return _text(layer.get(form.kind, [b""])[0]), where


def _read_layer(layer: Message, kind: str, form: _Fields, where: str) -> list[Step]:
    """One layer of the file as no or one layer of ours."""
    if kind not in form.parameters:
        known = ", ".join(form.parameters)
        raise UserError(f"{where}: expected a layer of AlexNet, VGG16 or ResNet ({known}), found {kind}.")
    found = layer.get(form.parameters[kind], [])
    values = parse_message(_bytes(found[-1])) if found else {}
    if kind == "ReLU":
        _expect(_float(values, 1, 0.0) == 0, where, "negative_slope 0", values)
        return [Step(Relu())]
    if kind == "Dropout":
        return [Step(Dropout(_float(values, 1, 0.5)))]
    if kind == "LRN":
        _expect(_int(values, 4, 0) == 0, where, "normalisation across channels", "within one")
        layer_ = Lrn(_int(values, 1, 5), _float(values, 2, 1.0), _float(values, 3, 0.75), _float(values, 5, 1.0))
        return [Step(layer_)]
    if kind == "Eltwise":
        coefficients = [piece for piece in values.get(2, []) if bytes(_bytes(piece)) != struct.pack("<f", 1)]
        _expect(_int(values, 1, 1) == 1 and not coefficients, where, "a plain sum", "another operation")
        return []
    if kind == "Pooling":
        if _int(values, 1, 0) == 1 and _int(values, 12, 0):
            return [Step(GlobalAverage())]
        if _int(values, 1, 0) == 1 and _square(values, 3, 7, 8, 1, where) == 1:
            return [Step(AveragePool(_square(values, 2, 5, 6, 0, where), 1, _square(values, 4, 9, 10, 0, where)))]
        _expect(_int(values, 1, 0) == 0 and not _int(values, 12, 0), where, "max pooling", "another kind")
        kernel, stride = _square(values, 2, 5, 6, 0, where), _square(values, 3, 7, 8, 1, where)
        return [Step(MaxPool(kernel, stride, _square(values, 4, 9, 10, 0, where), ceil=_int(values, 13, 0) == 0))]
    blobs = [_blob(parse_message(_bytes(blob)), where) for blob in layer.get(form.blobs, [])]
    if kind == "BatchNorm":  # the first two are sums; the third says of how many
        _expect(len(blobs) == 3, where, "three arrays", f"{len(blobs)} arrays")
        count = float(blobs[2].reshape(-1)[0])
        mean, variance = (blob.reshape(-1).astype(np.float64) / (count or 1) for blob in blobs[:2])
        ones = np.ones(len(mean))
        factor, summand = BatchNorm(ones, 0 * ones, mean, variance, _float(values, 3, 1e-5)).numbers()
        return [Step(Scale(""), factor, summand)]
    _expect(len(blobs) in (1, 2), where, "a weight and a bias", f"{len(blobs)} arrays")
    weight, bias = blobs[0], blobs[1].reshape(-1) if len(blobs) == 2 else None
    if kind == "Scale":
        return [Step(Scale(""), weight.reshape(-1), bias)]
    if kind == "InnerProduct":
        weight = weight.reshape(-1, weight.shape[-1])  # the old shape has two dimensions of 1 before
        weight = weight.T if _int(values, 6, 0) else weight
        return [Step(Linear("", weight.shape[0]), weight, bias)]
    _expect(weight.ndim == 4 and weight.shape[2] == weight.shape[3], where, "a square kernel", weight.shape)
    _expect(set(varints(values.get(18, []))) <= {1}, where, "dilation 1", "another")
    stride, pad = _square(values, 6, 13, 14, 1, where), _square(values, 3, 9, 10, 0, where)
    conv = Conv("", weight.shape[0], weight.shape[2], stride, pad, groups=_int(values, 5, 1))
    return [Step(conv, weight, bias)]


def _blob(blob: Message, where: str) -> np.ndarray:
    """A BlobProto: its numbers, packed or one by one, as float32 or float64, in its new or its old shape."""
    if 7 in blob:
        shape = tuple(varints(parse_message(_bytes(blob[7][-1])).get(1, [])))
    else:
        shape = tuple(_int(blob, number, 1) for number in (1, 2, 3, 4))
    number, dtype = (8, "<f8") if 8 in blob else (5, "<f4")
    pieces = [_bytes(piece) for piece in blob.get(number, [])]
    numbers = np.frombuffer(pieces[0] if len(pieces) == 1 else b"".join(pieces), dtype)
    count = int(np.prod(shape, dtype=np.int64))
    _expect(numbers.size == count, where, f"{count} numbers of shape {shape}", f"{numbers.size}")
    return numbers.reshape(shape)


def _square(values: Message, both: int, high: int, wide: int, default: int, where: str) -> int:
    """A size given once for both directions, or once for each."""
    given = set(varints(values.get(both, []))) | {
        _int(values, side, default) for side in (high, wide) if side in values
    }
    _expect(len(given) <= 1, where, "the same size in both directions", sorted(given))
    return given.pop() if given else default


def _int(values: Message, number: int, default: int) -> int:
    value = values.get(number, [default])[-1]
    if not isinstance(value, int):
        raise ValueError(f"field {number} is no whole number")
    return value


def _float(values: Message, number: int, default: float) -> float:
    if number not in values:
        return default
    single = struct.unpack("<f", _bytes(values[number][-1]))[0]
    return float(f"{single:.7g}")  # 0.0001 as a person wrote it, not as float32 keeps it


def _text(value: Any) -> str:
    return bytes(value).decode("utf-8", "replace") if not isinstance(value, int) else str(value)


def _bytes(value: Value) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where a message is expected")
    return value


def _expect(condition: bool, where: str, expected: str, found: object) -> None:
    if not condition:
        raise UserError(f"{where}: expected {expected}, found {found}.")
