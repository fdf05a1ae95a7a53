"""Files laid out like bvlc_alexnet.caffemodel, written by Google's protocol buffers, run in plain PyTorch as well."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from torch.nn import functional

from fastRCNN.network.alexnet import caffe_shape
from fastRCNN.network.network import load_network
from resources.import_network import import_file, import_network
from resources.weight_import.protobuf_wire import parse_message

WIDTHS, HIDDEN, LABELS = (8, 12, 16, 12, 10), 24, 10  # as in conftest.py

FLOAT, DOUBLE, INT64, INT32, UINT32, BOOL, STRING, ENUM = 2, 1, 3, 5, 13, 8, 9, 5  # protocol buffers' types
PARAMETERS = {  # message: field name -> number, type, repeated; after Caffe's caffe.proto
    "BlobShape": {"dim": (1, INT64, True)},
    "BlobProto": {
        "num": (1, INT32, False), "channels": (2, INT32, False), "height": (3, INT32, False),
        "width": (4, INT32, False),
        "data": (5, FLOAT, True), "diff": (6, FLOAT, True), "double_data": (8, DOUBLE, True),
        "shape": (7, "BlobShape", False),
    },
    "ConvolutionParameter": {
        "num_output": (1, UINT32, False), "pad": (3, UINT32, True), "kernel_size": (4, UINT32, True),
        "group": (5, UINT32, False), "stride": (6, UINT32, True), "pad_h": (9, UINT32, False),
        "pad_w": (10, UINT32, False), "dilation": (18, UINT32, True),
    },
    "PoolingParameter": {
        "pool": (1, ENUM, False), "kernel_size": (2, UINT32, False), "stride": (3, UINT32, False),
        "round_mode": (13, ENUM, False),
    },
    "LRNParameter": {
        "local_size": (1, UINT32, False), "alpha": (2, FLOAT, False), "beta": (3, FLOAT, False),
        "norm_region": (4, ENUM, False), "k": (5, FLOAT, False),
    },
    "InnerProductParameter": {"num_output": (1, UINT32, False), "transpose": (6, BOOL, False)},
    "DropoutParameter": {"dropout_ratio": (1, FLOAT, False)},
    "ReLUParameter": {"negative_slope": (1, FLOAT, False)},
}  # fmt: skip
LAYERS = {
    "new": {
        "name": (1, STRING, False), "type": (2, STRING, False), "bottom": (3, STRING, True), "top": (4, STRING, True),
        "blobs": (7, "BlobProto", True), "convolution_param": (106, "ConvolutionParameter", False),
        "dropout_param": (108, "DropoutParameter", False), "inner_product_param": (117, "InnerProductParameter", False),
        "lrn_param": (118, "LRNParameter", False), "pooling_param": (121, "PoolingParameter", False),
        "relu_param": (123, "ReLUParameter", False),
    },
    "V1": {
        "layer": (1, STRING, False), "bottom": (2, STRING, True), "top": (3, STRING, True), "name": (4, STRING, False),
        "type": (5, INT32, False), "blobs": (6, "BlobProto", True),
        "convolution_param": (10, "ConvolutionParameter", False), "dropout_param": (12, "DropoutParameter", False),
        "inner_product_param": (17, "InnerProductParameter", False), "lrn_param": (18, "LRNParameter", False),
        "pooling_param": (19, "PoolingParameter", False), "relu_param": (30, "ReLUParameter", False),
    },
}  # fmt: skip
V1_CODES = {
    "Data": 5, "Convolution": 4, "ReLU": 18, "LRN": 15, "Pooling": 17, "InnerProduct": 14, "Dropout": 6, "Split": 22,
    "SoftmaxWithLoss": 21, "Accuracy": 1, "Eltwise": 25,
}  # fmt: skip


def caffe_messages(form: str, *, packed: bool) -> Any:
    """Caffe's messages as Google's own library makes them: `NetParameter` writes the file independently of us."""
    file = descriptor_pb2.FileDescriptorProto(name=f"caffe_{form}_{packed}.proto", package="caffe", syntax="proto2")
    net = {
        "name": (1, STRING, False),
        "layers" if form == "V1" else "layer": (2 if form == "V1" else 100, "Layer", True),
    }
    for message_name, fields in {**PARAMETERS, "Layer": LAYERS[form], "NetParameter": net}.items():
        message = file.message_type.add(name=message_name)
        for name, (number, kind, repeated) in fields.items():
            field = message.field.add(name=name, number=number, label=3 if repeated else 1)
            if isinstance(kind, str):
                field.type, field.type_name = 11, f".caffe.{kind}"
            else:
                field.type = kind
                field.options.packed = packed and repeated and kind != STRING
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("caffe.NetParameter"))


def caffe_model(path: Path, arrays: dict[str, np.ndarray], form: str, *, packed: bool = True, double: bool = False,
                change: Callable[[dict[str, Any]], None] | None = None) -> None:  # fmt: skip
    """Write a .caffemodel as training Caffe's bvlc_alexnet leaves it, data and loss layers included."""
    net = caffe_messages(form, packed=packed)(name="AlexNet")
    by_name: dict[str, Any] = {}

    def add(kind: str, name: str, **parameters: dict[str, Any]) -> None:
        layer = (net.layers if form == "V1" else net.layer).add(
            name=name, type=V1_CODES[kind] if form == "V1" else kind
        )
        layer.top.append(name)
        for parameter, values in parameters.items():
            getattr(layer, parameter).SetInParent()
            for key, value in values.items():
                if isinstance(value, list):
                    getattr(getattr(layer, parameter), key).extend(value)
                else:
                    setattr(getattr(layer, parameter), key, value)
        for array in (arrays.get(f"{name}_w"), arrays.get(f"{name}_b")):
            if array is not None:
                blob = layer.blobs.add()
                (blob.double_data if double else blob.data).extend(array.ravel().tolist())
                blob.diff.extend([0.0, 1.0])
                if form == "V1":
                    sizes = (1,) * (4 - array.ndim) + array.shape
                    blob.num, blob.channels, blob.height, blob.width = sizes
                else:
                    blob.shape.dim.extend(array.shape)
        by_name[name] = layer

    norm = {"local_size": 5, "alpha": 1e-4, "beta": 0.75}
    pool = {"pool": 0, "kernel_size": 3, "stride": 2}
    add("Data", "data")
    add("Split", "label_data_1_split")
    add("Convolution", "conv1", convolution_param={"num_output": 8, "kernel_size": [11], "stride": [4]})
    add("ReLU", "relu1")
    add("LRN", "norm1", lrn_param=norm)
    add("Pooling", "pool1", pooling_param=pool)
    two = {"num_output": 12, "kernel_size": [5], "group": 2}
    add(
        "Convolution",
        "conv2",
        convolution_param={**two, "pad_h": 2, "pad_w": 2} if form == "V1" else {**two, "pad": [2]},
    )
    add("ReLU", "relu2")
    add("LRN", "norm2", lrn_param=norm)
    add("Pooling", "pool2", pooling_param=pool)
    for number, group in ((3, 1), (4, 2), (5, 2)):
        add("Convolution", f"conv{number}", convolution_param={"kernel_size": [3, 3], "pad": [1, 1], "group": group})
        add("ReLU", f"relu{number}", relu_param={})
    add("Pooling", "pool5", pooling_param=pool)
    for number in (6, 7):
        add("InnerProduct", f"fc{number}", inner_product_param={"num_output": HIDDEN})
        add("ReLU", f"relu{number}")
        add("Dropout", f"drop{number}", dropout_param={"dropout_ratio": 0.25})
    add("InnerProduct", "fc8", inner_product_param={"num_output": LABELS})
    add("Accuracy", "accuracy")
    add("SoftmaxWithLoss", "loss")
    if change:
        change(by_name)
    path.write_bytes(net.SerializeToString())


def run_caffe(arrays: dict[str, np.ndarray], picture: np.ndarray) -> list[np.ndarray]:
    """Caffe's AlexNet in plain torch functions: trunk output and fc7. Its pooling rounds sizes up."""
    w = {name: torch.from_numpy(array) for name, array in arrays.items()}

    def pool(x: torch.Tensor) -> torch.Tensor:
        return functional.max_pool2d(x, 3, 2, ceil_mode=True)

    def normalise(x: torch.Tensor) -> torch.Tensor:
        padded = functional.pad(x**2, (0, 0, 0, 0, 2, 2))
        around = sum(padded[:, shift : shift + x.shape[1]] for shift in range(5))
        return x / (1 + 1e-4 / 5 * around) ** 0.75

    def conv(x: torch.Tensor, number: int, **options: int) -> torch.Tensor:
        return functional.conv2d(x, w[f"conv{number}_w"], w[f"conv{number}_b"], **options).clamp(min=0)

    pixels = picture.astype(np.float32) - np.array([104, 117, 123], np.float32)
    x = torch.from_numpy(pixels.transpose(2, 0, 1)[None].copy())
    x = pool(normalise(conv(x, 1, stride=4)))
    x = pool(normalise(conv(x, 2, padding=2, groups=2)))
    x = conv(conv(conv(x, 3, padding=1), 4, padding=1, groups=2), 5, padding=1, groups=2)
    y = pool(x).flatten(1)
    for number in (6, 7):
        y = (y @ w[f"fc{number}_w"].T + w[f"fc{number}_b"]).clamp(min=0)
    return [x[0].numpy(), y[0].numpy()]


@pytest.mark.parametrize(
    ("form", "packed", "double"), [("V1", True, False), ("new", True, False), ("new", False, True)]
)
def test_caffemodel_gives_the_same_numbers(
    tmp_path: Path, picture: np.ndarray, slim: SimpleNamespace, form: str, packed: bool, double: bool
) -> None:
    arrays, path = slim.zoo_arrays(), tmp_path / "bvlc_alexnet.caffemodel"
    caffe_model(path, arrays, form, packed=packed, double=double)

    import_file(path, tmp_path / "ours.npz")
    network = load_network(tmp_path / "ours.npz")

    slim.assert_close(slim.run_ours(network, picture), run_caffe(arrays, picture))
    shape = caffe_shape(widths=WIDTHS, hidden=HIDDEN)
    assert network.spec.trunk == shape.trunk
    assert [layer.type for layer in network.spec.head] == [layer.type for layer in shape.head]
    assert network.spec.head[2].p == 0.25


def edit(layer: str, parameter: str, **values: Any) -> Callable[[dict[str, Any]], None]:
    def change(layers: dict[str, Any]) -> None:
        for key, value in values.items():
            target = getattr(layers[layer], parameter) if parameter else layers[layer]
            getattr(target, key).extend(value) if isinstance(value, list) else setattr(target, key, value)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (edit("relu1", "relu_param", negative_slope=0.1), "layer 'relu1': expected negative_slope 0"),
        (edit("norm1", "lrn_param", norm_region=1), "layer 'norm1': expected normalisation across channels"),
        (edit("pool1", "pooling_param", pool=1), "layer 'pool1': expected max pooling"),
        (edit("conv3", "convolution_param", dilation=[2]), "layer 'conv3': expected dilation 1"),
        (edit("conv3", "convolution_param", kernel_size=[3], pad=[2]), "layer 'conv3': expected the same size in both"),
        (
            edit("relu2", "", type="Deconvolution"),
            r"layer 'relu2': expected a layer of AlexNet, VGG16 or ResNet \(.*Convolution.*found Deconvolution",
        ),
        (
            lambda layers: layers["fc6"].blobs[0].data.pop(),
            r"'fc6': expected 8640 numbers of shape \(24, 360\), found 8639",
        ),
        (
            lambda layers: layers["conv2"].ClearField("blobs"),
            "layer 'conv2': expected a weight and a bias, found 0 arrays",
        ),
        (edit("pool5", "", type="ReLU"), "expected max pooling before the fully connected layers"),
    ],
)
def test_caffemodel_that_is_not_alexnet(
    tmp_path: Path, slim: SimpleNamespace, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    path = tmp_path / "other.caffemodel"
    caffe_model(path, slim.zoo_arrays(), "new", change=change)
    slim.expect_fault(path, message)


def test_caffemodel_with_floor_rounding_and_the_oldest_form(tmp_path: Path, slim: SimpleNamespace) -> None:
    path = tmp_path / "net.caffemodel"
    caffe_model(path, slim.zoo_arrays(), "new", change=edit("pool1", "pooling_param", round_mode=1))
    pools = [layer for layer in import_network(path).spec.trunk if layer.type == "maxpool"]
    assert [pool.ceil for pool in pools] == [False, True]
    caffe_model(path, slim.zoo_arrays(), "V1", change=lambda net: setattr(net["data"], "layer", "old"))
    slim.expect_fault(path, "layers of Caffe's first form")


def test_damaged_caffemodel(tmp_path: Path, slim: SimpleNamespace) -> None:
    path = tmp_path / "net.caffemodel"
    caffe_model(path, slim.zoo_arrays(), "V1")
    whole = path.read_bytes()
    for kept in (3, 300, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:kept])
        slim.expect_fault(path, "not a .caffemodel, damaged or cut short")
    path.write_bytes(b"\x0a\x03abc")  # a network with a name and no layer
    slim.expect_fault(path, "expected a .caffemodel with layers, found none")


def test_protocol_buffer_fields_by_hand() -> None:
    # the guide's examples: field 1 = 150 is 08 96 01; field 2 = "testing" is 12 07 74 ...; field 3 = float 1.0
    message = parse_message(memoryview(b"\x08\x96\x01\x12\x07testing\x1d\x00\x00\x80\x3f\x08\x05"))
    assert message[1] == [150, 5]
    assert bytes(message[2][0]) == b"testing"
    assert bytes(message[3][0]) == b"\x00\x00\x80\x3f"
