"""The parts of an ONNX model: a graph that collects nodes, and what it makes of each layer, by the layer's class."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from fastRCNN.network.layers import (
    AveragePool,
    Conv,
    Dropout,
    GlobalAverage,
    Layer,
    Linear,
    Lrn,
    MaxPool,
    Relu,
    Relu6,
    Residual,
    Scale,
)
from fastRCNN.network.network import Network
from fastRCNN.network.spec import NetworkSpec
from helpers.errors import UserError

OPSET, IR_VERSION = 17, 8
_MARGIN = 4  # cells around the map, for ROI align: more than a ROI of the picture reaches beyond it


class Graph:
    """Collects nodes and constants; every method returns the name of what it made."""

    def __init__(self) -> None:
        import onnx

        self.onnx = onnx
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.made: dict[tuple, str] = {}

    def constant(self, array: np.ndarray, name: str = "") -> str:
        array = np.ascontiguousarray(array).reshape(np.shape(array))
        key = (array.dtype.str, array.shape, array.tobytes()) if array.size < 16 else (name,)
        if key not in self.made:
            self.made[key] = name or f"constant{len(self.constants)}"
            self.constants.append(self.onnx.numpy_helper.from_array(array, self.made[key]))
        return self.made[key]

    def __call__(self, kind: str, *inputs: str, called: str = "", **attributes: Any) -> str:
        name = called or f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def integers(self, *values: int) -> str:
        return self.constant(np.array(values, np.int64))

    def number(self, value: float, kind: type = np.int64) -> str:
        return self.constant(np.array(value, kind))


def onnx_model(g: Graph, inputs: Sequence[Any], outputs: Sequence[Any], properties: Mapping[str, str]) -> Any:
    """Return the model of what `g` has collected, checked."""
    helper = g.onnx.helper
    graph = helper.make_graph(g.nodes, "fast_rcnn", inputs, outputs, g.constants)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="fast-rcnn-tutorial", ir_version=IR_VERSION
    )
    helper.set_model_props(model, dict(properties))
    g.onnx.checker.check_model(model)
    return model


def normalised(g: Graph, network: Network, x: str = "picture") -> str:
    """Return the name of the picture `x` (1, 3, side, side) as the first layer wants it."""
    wanted = network.spec.input
    if wanted.channels == "RGB":
        x = g("Gather", x, g.integers(2, 1, 0), axis=1)
    x = g("Sub", x, g.constant(np.array(wanted.mean, np.float32).reshape(1, 3, 1, 1), "mean"))
    if any(scale != 1 for scale in wanted.scale):
        x = g("Mul", x, g.constant(np.array(wanted.scale, np.float32).reshape(1, 3, 1, 1), "scale"))
    return x


def chain(g: Graph, network: Network, x: str, layers: Sequence[Layer]) -> str:
    """Return the name of what `layers` make of `x`; `UserError` for one that is not in `EXPORTERS`."""
    for layer in layers:
        if type(layer) not in EXPORTERS:
            raise UserError(f"layer {layer.type!r}: the export knows {sorted(kind.type for kind in EXPORTERS)}")
        x = EXPORTERS[type(layer)](g, network, x, layer)
    return x


def _conv(g: Graph, network: Network, x: str, layer: Conv) -> str:
    inputs = [x, g.constant(network.weight(layer.name), f"{layer.name}.weight")]
    if (bias := network.bias(layer.name)) is not None:
        inputs.append(g.constant(bias, f"{layer.name}.bias"))
    strides = _strides(layer)
    strides["pads"] = [layer.pad] * 2 + [layer.pad + layer.extra] * 2
    return g("Conv", *inputs, kernel_shape=[layer.kernel] * 2, group=layer.groups, **strides)


def _scale(g: Graph, network: Network, x: str, layer: Scale) -> str:
    x = g("Mul", x, g.constant(network.weight(layer.name)[:, None, None], f"{layer.name}.weight"))
    bias = network.bias(layer.name)
    return x if bias is None else g("Add", x, g.constant(bias[:, None, None], f"{layer.name}.bias"))


def _lrn(g: Graph, network: Network, x: str, layer: Lrn) -> str:
    if layer.size % 2 == 0:
        raise UserError(f"lrn: ONNX's window is centred, so its size must be odd, not {layer.size}")
    return g("LRN", x, alpha=layer.alpha, beta=layer.beta, bias=layer.k, size=layer.size)


def _maxpool(g: Graph, network: Network, x: str, layer: MaxPool) -> str:
    return g("MaxPool", x, kernel_shape=[layer.kernel] * 2, ceil_mode=int(layer.ceil), **_strides(layer))


def _averagepool(g: Graph, network: Network, x: str, layer: AveragePool) -> str:
    return g("AveragePool", x, kernel_shape=[layer.kernel] * 2, count_include_pad=1, **_strides(layer))


def _residual(g: Graph, network: Network, x: str, layer: Residual) -> str:
    return g("Add", *(chain(g, network, x, side) for side in layer.chains()))


def _fully_connected(g: Graph, network: Network, x: str, layer: Linear) -> str:
    rows = g("Flatten", x, axis=1)
    return linear(g, rows, layer.name, network.weight(layer.name), network.bias(layer.name))


def _relu6(g: Graph, network: Network, x: str, layer: Relu6) -> str:
    return g("Clip", x, g.number(0, np.float32), g.number(6, np.float32))


def _strides(layer: Conv | MaxPool | AveragePool) -> dict[str, list[int]]:
    return {"strides": [layer.stride] * 2, "pads": [layer.pad] * 4}


EXPORTERS: dict[type[Layer], Callable[[Graph, Network, str, Any], str]] = {
    Conv: _conv,
    Scale: _scale,
    Relu: lambda g, network, x, layer: g("Relu", x),
    Relu6: _relu6,
    Lrn: _lrn,
    MaxPool: _maxpool,
    AveragePool: _averagepool,
    GlobalAverage: lambda g, network, x, layer: g("GlobalAveragePool", x),
    Residual: _residual,
    Linear: _fully_connected,
    Dropout: lambda g, network, x, layer: x,
}


def linear(g: Graph, rows: str, name: str, weight: np.ndarray, bias: np.ndarray | None) -> str:
    inputs = [rows, g.constant(weight, f"{name}.weight")]
    if bias is not None:
        inputs.append(g.constant(bias, f"{name}.bias"))
    return g("Gemm", *inputs, transB=1)


def pooled_rois(g: Graph, feature_map: str, spec: NetworkSpec, rois: str = "rois") -> str:
    """Return (R, C, size, size) of `rois` (R, 4), pooled as the header says; `UserError` where ONNX differs."""
    if spec.pooling_kind == "max" and spec.pooling_size != 6:
        raise UserError(f"pooling size {spec.pooling_size}: ONNX's MaxRoiPool computes the same bins as we for 6 only")
    return (max_roi_pool if spec.pooling_kind == "max" else roi_align)(g, feature_map, spec, rois)


def max_roi_pool(g: Graph, feature_map: str, spec: NetworkSpec, rois: str) -> str:
    """Return (R, C, size, size) by ONNX's operator, whose ROIs begin with the number of the picture."""
    first = g("Mul", g("Slice", rois, g.integers(0), g.integers(1), g.integers(1)), g.number(0, np.float32))
    numbered = g("Concat", first, rois, axis=1)
    return g(
        "MaxRoiPool", feature_map, numbered, pooled_shape=[spec.pooling_size] * 2, spatial_scale=spec.spatial_scale
    )


def roi_align(g: Graph, feature_map: str, spec: NetworkSpec, rois: str) -> str:
    """Return (R, C, size, size) by ONNX's operator.

    It gives 0 for points more than a cell outside of the map, where we take the nearest cell: so the map gets a margin
    of such cells first.
    """
    around = g.integers(0, 0, _MARGIN, _MARGIN, 0, 0, _MARGIN, _MARGIN)
    feature_map = g("Pad", feature_map, around, mode="edge")
    moved = 0.5 / spec.spatial_scale - 0.5 - spec.first_centre  # the operator takes half a cell off, for its own places
    moved += _MARGIN / spec.spatial_scale
    edges = g("Add", rois, g.constant(np.array([0, 0, 1, 1], np.float32) + np.float32(moved)))
    first = g("Squeeze", g("Slice", rois, g.integers(0), g.integers(1), g.integers(1)), g.integers(1))
    pictures = g("Cast", g("Mul", first, g.number(0, np.float32)), to=g.onnx.TensorProto.INT64)
    return g(
        "RoiAlign", feature_map, edges, pictures, mode="avg", coordinate_transformation_mode="half_pixel",
        output_height=spec.pooling_size, output_width=spec.pooling_size, sampling_ratio=0,
        spatial_scale=spec.spatial_scale,
    )  # fmt: skip
