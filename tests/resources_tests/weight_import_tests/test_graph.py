"""Residual blocks in the files of other programs: graphs by hand, an ONNX model, a .caffemodel."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.network.layers import Dropout, Relu, Relu6, Residual
from fastRCNN.network.network import load_network
from fastRCNN.network.roi_pooling import roi_pool
from helpers.errors import UserError
from resources.import_network import import_file
from resources.weight_import.graph import Node, as_steps
from resources.weight_import.steps import Step

HERE = Path(__file__).parent
WHERE = Path("net.onnx")
ROIS = np.array([[0, 0, 159, 159], [16, 32, 100, 150], [40, 8, 60, 30]], np.float32)


def loaded(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"for_graphs_{name}", HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


modules, caffe = loaded("modules"), loaded("test_caffe_file")


def node(inputs: str, output: str, layer: Any = None, *, adds: bool = False) -> Node:
    return Node(f"layer {output!r}", tuple(inputs.split()), output, (Step(layer),) if layer else (), adds)


def test_forks_that_meet_again_are_residual_blocks() -> None:
    steps = as_steps(
        [
            node("x", "a", Relu()), node("a", "b", Relu6()), node("b", "c", Dropout()), node("a c", "d", adds=True),
            node("d", "e", Relu()), node("d", "f", Relu6()), node("f", "g", Relu()), node("g e", "h", adds=True),
            node("h", "i"), node("i", "j", Dropout(0.1)),
        ],
        WHERE,
    )  # fmt: skip
    assert [step.layer for step in steps] == [Relu(), Residual(()), Residual(()), Dropout(0.1)]
    sides = [[[step.layer for step in side] for side in steps[place].sides] for place in (1, 2)]
    assert sides == [[[Relu6(), Dropout()], []], [[Relu6(), Relu()], [Relu()]]]
    assert as_steps([], WHERE) == []


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([node("x", "a", Relu()), node("b", "c", Relu())], "but layer 'c' takes 'b', which no layer gives"),
        ([node("x", "a", Relu()), node("a x", "c", Relu())], r"but layer 'c' takes \('a', 'x'\)"),
        (
            [node("x", "a"), node("x", "b"), node("x", "c"), node("a b", "d", adds=True)],
            "3 layers take 'x': layer 'a', layer 'b', layer 'c'",
        ),
        ([node("x", "a", Relu()), node("x", "b", Relu())], "two sides that meet in a sum, but 2 layers take 'x'"),
    ],
)
def test_other_graphs_are_refused(nodes: list[Node], message: str) -> None:
    with pytest.raises(UserError, match=f"^net.onnx: .*{message}"):
        as_steps(nodes, WHERE)


def onnx_resnet(path: Path, state: dict[str, np.ndarray], blocks: tuple[int, ...]) -> None:
    """Write a ResNet as the model zoo has it: batch normalisation, sums, a mean over the maps, Flatten, Gemm."""
    nodes: list[Any] = []

    def add(kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def conv(x: str, name: str, norm: str, stride: int = 1) -> str:
        kernel = state[f"{name}.weight"].shape[2]
        x = add("Conv", [x, f"{name}.weight"], f"{name}/conv", kernel_shape=[kernel] * 2, strides=[stride] * 2,
                pads=[kernel // 2] * 4)  # fmt: skip
        parts = [f"{norm}.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
        return add("BatchNormalization", [x, *parts], f"{norm}/norm", epsilon=1e-5)

    def relu(x: str) -> str:
        return add("Relu", [x], f"{x}/relu")

    x = relu(conv("data", "conv1", "bn1", 2))
    x = add("MaxPool", [x], "pool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    for stage, count in enumerate(blocks, 1):
        for number in range(count):
            name, stride = f"layer{stage}.{number}", 2 if stage > 1 and not number else 1
            y = relu(conv(x, f"{name}.conv1", f"{name}.bn1"))
            y = relu(conv(y, f"{name}.conv2", f"{name}.bn2", stride))
            y = conv(y, f"{name}.conv3", f"{name}.bn3")
            if f"{name}.downsample.0.weight" in state:
                x = conv(x, f"{name}.downsample.0", f"{name}.downsample.1", stride)
            x = relu(add("Add", [y, x], f"{name}/sum"))
            if (stage, number) == (3, count - 1):
                trunk = x
    x = add("Flatten", [add("GlobalAveragePool", [x], "mean")], "flat", axis=1)
    add("Gemm", [x, "fc.weight", "fc.bias"], "classes", transB=1)
    tensors = [numpy_helper.from_array(array, name) for name, array in state.items() if array.ndim]
    graph = helper.make_graph(
        nodes, "resnet", [helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 3, "h", "w"])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in (trunk, "mean")], tensors,
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7), path)


@pytest.fixture
def small() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (160, 160, 3), dtype=np.uint8)


def state_of(module: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in module.state_dict().items()}


def test_an_onnx_resnet_gives_what_onnx_runtime_computes(
    tmp_path: Path, small: np.ndarray, slim: SimpleNamespace
) -> None:
    blocks = (3, 4, 6, 3)
    module, path = modules.randomised(modules.ResNet(blocks, 8, 10)), tmp_path / "resnet50-v1-12.onnx"
    onnx_resnet(path, state_of(module), blocks)
    import_file(path, tmp_path / "ours.npz")
    network = load_network(tmp_path / "ours.npz")
    rgb = (small[:, :, ::-1] / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    trunk, _ = session.run(None, {"data": rgb.transpose(2, 0, 1)[None].astype(np.float32)})
    with TorchEngine(network, device="cpu") as engine:
        maps = engine.feature_map([small])
        (rows,) = engine.head(maps, [ROIS])
    with torch.inference_mode():
        expected = module.head(torch.from_numpy(roi_pool(trunk[0], ROIS, size=14))).numpy()
    slim.assert_close([maps[0].numpy(), rows], [trunk[0], expected])


def caffe_resnet(path: Path, state: dict[str, np.ndarray], blocks: tuple[int, ...]) -> None:
    """Write a ResNet as its authors did: BatchNorm and Scale, in place, Eltwise, Split, pooling over the edge."""
    caffe.PARAMETERS.update(
        BatchNormParameter={"use_global_stats": (1, caffe.BOOL, False), "eps": (3, caffe.FLOAT, False)},
        EltwiseParameter={"operation": (1, caffe.ENUM, False), "coeff": (2, caffe.FLOAT, True)},
        ScaleParameter={"bias_term": (4, caffe.BOOL, False)},
    )
    caffe.LAYERS["new"].update(
        batch_norm_param=(139, "BatchNormParameter", False), eltwise_param=(110, "EltwiseParameter", False),
        scale_param=(142, "ScaleParameter", False),
    )  # fmt: skip
    net = caffe.caffe_messages("new", packed=True)(name="ResNet")

    def add(kind: str, name: str, bottoms: list[str], tops: list[str], arrays: tuple = (), **parameters: dict) -> None:
        layer = net.layer.add(name=name, type=kind, bottom=bottoms, top=tops)
        for parameter, values in parameters.items():
            getattr(layer, parameter).SetInParent()
            for key, value in values.items():
                target = getattr(layer, parameter)
                getattr(target, key).extend(value) if isinstance(value, list) else setattr(target, key, value)
        for array in arrays:
            blob = layer.blobs.add()
            blob.data.extend(np.ravel(array).tolist())
            blob.shape.dim.extend(np.shape(array))

    def conv(x: str, name: str, norm: str, stride: int = 1) -> str:
        weight = state[f"{name}.weight"]
        parameters = {"kernel_size": [weight.shape[2]], "stride": [stride], "pad": [weight.shape[2] // 2]}
        add("Convolution", name, [x], [name], (weight,), convolution_param=parameters)
        mean, variance = state[f"{norm}.running_mean"], state[f"{norm}.running_var"]
        arrays = (mean * 0.5, variance * 0.5, [0.5])  # sums, and of how much
        add("BatchNorm", f"bn_{name}", [name], [name], arrays, batch_norm_param={"use_global_stats": True})
        both = (state[f"{norm}.weight"], state[f"{norm}.bias"])
        add("Scale", f"scale_{name}", [name], [name], both, scale_param={"bias_term": True})
        return name

    def relu(x: str) -> str:
        add("ReLU", f"{x}_relu", [x], [x])
        return x

    add("Data", "data", [], ["data", "label"])
    add("Pooling", "pool1", [relu(conv("data", "conv1", "bn1", 2))], ["pool1"],
        pooling_param={"pool": 0, "kernel_size": 3, "stride": 2})  # fmt: skip
    x = "pool1"
    for stage, count in enumerate(blocks, 1):
        for number in range(count):
            name, stride = f"layer{stage}.{number}", 2 if stage > 1 and not number else 1
            add("Split", f"{name}_split", [x], [f"{x}_split_0", f"{x}_split_1"])
            short = f"{x}_split_0"
            if f"{name}.downsample.0.weight" in state:
                short = conv(short, f"{name}.downsample.0", f"{name}.downsample.1", stride)
            y = relu(conv(f"{x}_split_1", f"{name}.conv1", f"{name}.bn1", stride))
            y = relu(conv(y, f"{name}.conv2", f"{name}.bn2"))
            y = conv(y, f"{name}.conv3", f"{name}.bn3")
            add("Eltwise", f"{name}_sum", [short, y], [f"{name}_sum"], eltwise_param={"operation": 1})
            x = relu(f"{name}_sum")
    add("Pooling", "pool5", [x], ["pool5"], pooling_param={"pool": 1, "kernel_size": 7, "stride": 1})
    add("InnerProduct", "fc1000", ["pool5"], ["fc1000"], (state["fc.weight"], state["fc.bias"]))
    add("SoftmaxWithLoss", "loss", ["fc1000", "label"], ["loss"])
    path.write_bytes(net.SerializeToString())


def test_a_caffe_resnet_gives_what_its_definition_says(
    tmp_path: Path, small: np.ndarray, slim: SimpleNamespace
) -> None:
    blocks = (3, 4, 6, 3)
    module = modules.randomised(modules.ResNet(blocks, 8, 10, first_strides=True, ceil=True))
    caffe_resnet(tmp_path / "ResNet-50-model.caffemodel", state_of(module), blocks)
    import_file(tmp_path / "ResNet-50-model.caffemodel", tmp_path / "ours.npz")
    network = load_network(tmp_path / "ours.npz")
    pixels = torch.from_numpy((small - np.float32([104, 117, 123])).transpose(2, 0, 1)[None].copy())
    with TorchEngine(network, device="cpu") as engine, torch.inference_mode():
        maps = engine.feature_map([small])
        (rows,) = engine.head(maps, [ROIS])
        trunk = module.trunk(pixels)
        expected = module.head(torch.from_numpy(roi_pool(trunk[0].numpy(), ROIS, size=14)))
    slim.assert_close([maps[0].numpy(), rows], [trunk[0].numpy(), expected.numpy()])
