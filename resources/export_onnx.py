"""Export a network to ONNX, for other runtimes: trunk, ROI pooling, head in one file, opset 17.

    python resources/export_onnx.py proc/grocery/models/frcn_nn.npz grocery.onnx

Inputs   picture   float32 (1, 3, side, side)   blue, green, red from 0 to 255, scaled and padded as step 2 does
         rois      float32 (rois, 4)            x1 y1 x2 y2 in pixels of that square
Outputs  scores    float32 (rois, classes)      raw; softmax makes probabilities (a detector), or
         embedding float32 (rois, 4096)         (a network without classes)
         offsets   float32 (rois, classes, 4)   tx ty tw th of each class, with --boxes boxes_nn.npz

ROI pooling is ONNX's MaxRoiPool. It computes the bins in single precision where CNTK and we use double; for 6 x 6 bins
both give the same for every ROI of up to 199 cells (3184 pixels), which a test goes through. Other sizes are refused.
ROI align is ONNX's RoiAlign, of any size.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

REPOSITORY = Path(__file__).resolve().parent.parent
if str(REPOSITORY) not in sys.path:
    sys.path.insert(0, str(REPOSITORY))  # run as a program from anywhere

from fastRCNN.boxes.box_regression import BoxRegressor  # noqa: E402
from fastRCNN.network.layers import (  # noqa: E402
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
from fastRCNN.network.network import Network, load_network  # noqa: E402
from fastRCNN.network.spec import NetworkSpec  # noqa: E402
from helpers.console import run_script, setup_logging  # noqa: E402
from helpers.errors import UserError  # noqa: E402

OPSET, IR_VERSION = 17, 8


class _Graph:
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


def export(network: Network, regressor: BoxRegressor | None = None) -> Any:
    """Return the ONNX model of `network`, and of its box regression where one is given."""
    import onnx
    from onnx import TensorProto, helper

    spec, g = network.spec, _Graph()
    if spec.pooling_kind == "max" and spec.pooling_size != 6:
        raise UserError(f"pooling size {spec.pooling_size}: ONNX's MaxRoiPool computes the same bins as we for 6 only")
    feature_map = _chain(g, network, _normalised(g, network), spec.trunk)
    pooled = (_max_roi_pool if spec.pooling_kind == "max" else _roi_align)(g, feature_map, spec)
    classes = spec.classes is not None
    result = "scores" if classes else "embedding"
    outputs = [helper.make_tensor_value_info(result, TensorProto.FLOAT, ["rois", spec.feature_dimension])]
    before = _chain(g, network, pooled, spec.head[:-1])
    rows = g("Flatten", _chain(g, network, before, spec.head[-1:]), axis=1, called=result)
    if regressor is not None:
        embedding = g("Flatten", before, axis=1) if classes else rows
        biases = regressor.biases.ravel()
        flat = _linear(g, embedding, "bbox", regressor.weights.reshape(len(biases), -1), biases)
        g("Reshape", flat, g.integers(-1, regressor.nr_classes, 4), called="offsets")
        outputs.append(helper.make_tensor_value_info("offsets", TensorProto.FLOAT, ["rois", regressor.nr_classes, 4]))
    inputs = [
        helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, "side", "side"]),
        helper.make_tensor_value_info("rois", TensorProto.FLOAT, ["rois", 4]),
    ]
    graph = helper.make_graph(g.nodes, "fast_rcnn", inputs, outputs, g.constants)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="fast-rcnn-tutorial", ir_version=IR_VERSION
    )
    helper.set_model_props(model, {"classes": "\n".join(spec.classes or ()), "source": spec.source})
    onnx.checker.check_model(model)
    return model


def _normalised(g: _Graph, network: Network) -> str:
    """Return the name of the picture (1, 3, side, side) as the first layer wants it."""
    wanted = network.spec.input
    x = "picture"
    if wanted.channels == "RGB":
        x = g("Gather", x, g.integers(2, 1, 0), axis=1)
    x = g("Sub", x, g.constant(np.array(wanted.mean, np.float32).reshape(1, 3, 1, 1), "mean"))
    if any(scale != 1 for scale in wanted.scale):
        x = g("Mul", x, g.constant(np.array(wanted.scale, np.float32).reshape(1, 3, 1, 1), "scale"))
    return x


def _chain(g: _Graph, network: Network, x: str, layers: Sequence[Layer]) -> str:
    """Return the name of what `layers` make of `x`; `UserError` for one that is not in `EXPORTERS`."""
    for layer in layers:
        if type(layer) not in EXPORTERS:
            raise UserError(f"layer {layer.type!r}: the export knows {sorted(kind.type for kind in EXPORTERS)}")
        x = EXPORTERS[type(layer)](g, network, x, layer)
    return x


def _conv(g: _Graph, network: Network, x: str, layer: Conv) -> str:
    inputs = [x, g.constant(network.weight(layer.name), f"{layer.name}.weight")]
    if (bias := network.bias(layer.name)) is not None:
        inputs.append(g.constant(bias, f"{layer.name}.bias"))
    strides = _strides(layer)
    strides["pads"] = [layer.pad] * 2 + [layer.pad + layer.extra] * 2
    return g("Conv", *inputs, kernel_shape=[layer.kernel] * 2, group=layer.groups, **strides)


def _scale(g: _Graph, network: Network, x: str, layer: Scale) -> str:
    x = g("Mul", x, g.constant(network.weight(layer.name)[:, None, None], f"{layer.name}.weight"))
    bias = network.bias(layer.name)
    return x if bias is None else g("Add", x, g.constant(bias[:, None, None], f"{layer.name}.bias"))


def _lrn(g: _Graph, network: Network, x: str, layer: Lrn) -> str:
    if layer.size % 2 == 0:
        raise UserError(f"lrn: ONNX's window is centred, so its size must be odd, not {layer.size}")
    return g("LRN", x, alpha=layer.alpha, beta=layer.beta, bias=layer.k, size=layer.size)


def _maxpool(g: _Graph, network: Network, x: str, layer: MaxPool) -> str:
    return g("MaxPool", x, kernel_shape=[layer.kernel] * 2, ceil_mode=int(layer.ceil), **_strides(layer))


def _averagepool(g: _Graph, network: Network, x: str, layer: AveragePool) -> str:
    return g("AveragePool", x, kernel_shape=[layer.kernel] * 2, count_include_pad=1, **_strides(layer))


def _residual(g: _Graph, network: Network, x: str, layer: Residual) -> str:
    return g("Add", *(_chain(g, network, x, side) for side in layer.chains()))


def _fully_connected(g: _Graph, network: Network, x: str, layer: Linear) -> str:
    rows = g("Flatten", x, axis=1)
    return _linear(g, rows, layer.name, network.weight(layer.name), network.bias(layer.name))


def _relu6(g: _Graph, network: Network, x: str, layer: Relu6) -> str:
    return g("Clip", x, g.number(0, np.float32), g.number(6, np.float32))


def _strides(layer: Conv | MaxPool | AveragePool) -> dict[str, list[int]]:
    return {"strides": [layer.stride] * 2, "pads": [layer.pad] * 4}


EXPORTERS: dict[type[Layer], Callable[[_Graph, Network, str, Any], str]] = {
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


def _linear(g: _Graph, rows: str, name: str, weight: np.ndarray, bias: np.ndarray | None) -> str:
    inputs = [rows, g.constant(weight, f"{name}.weight")]
    if bias is not None:
        inputs.append(g.constant(bias, f"{name}.bias"))
    return g("Gemm", *inputs, transB=1)


def _max_roi_pool(g: _Graph, feature_map: str, spec: NetworkSpec) -> str:
    """Return (R, C, size, size) by ONNX's operator, whose ROIs begin with the number of the picture."""
    first = g("Mul", g("Slice", "rois", g.integers(0), g.integers(1), g.integers(1)), g.number(0, np.float32))
    rois = g("Concat", first, "rois", axis=1)
    return g("MaxRoiPool", feature_map, rois, pooled_shape=[spec.pooling_size] * 2, spatial_scale=spec.spatial_scale)


def _roi_align(g: _Graph, feature_map: str, spec: NetworkSpec) -> str:
    """Return (R, C, size, size) by ONNX's operator.

    It gives 0 for points more than a cell outside of the map, where we take the nearest cell; the map reaches there.
    """
    moved = 0.5 / spec.spatial_scale - 0.5 - spec.first_centre  # the operator takes half a cell off, for its own places
    edges = g("Add", "rois", g.constant(np.array([0, 0, 1, 1], np.float32) + np.float32(moved)))
    first = g("Squeeze", g("Slice", "rois", g.integers(0), g.integers(1), g.integers(1)), g.integers(1))
    pictures = g("Cast", g("Mul", first, g.number(0, np.float32)), to=g.onnx.TensorProto.INT64)
    return g(
        "RoiAlign", feature_map, edges, pictures, mode="avg", coordinate_transformation_mode="half_pixel",
        output_height=spec.pooling_size, output_width=spec.pooling_size, sampling_ratio=0,
        spatial_scale=spec.spatial_scale,
    )  # fmt: skip


def save(model: Any, path: Path) -> None:
    """Write the model file, atomically."""
    from helpers.artifacts import atomic_write

    with atomic_write(path) as temporary:
        temporary.write_bytes(model.SerializeToString())


def main() -> None:
    """Export one network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="weight file, such as proc/<dataset>/models/frcn_nn.npz")
    parser.add_argument("output", type=Path, help="ONNX file to write")
    parser.add_argument("--boxes", type=Path, metavar="FILE", help="box regression, such as models/boxes_nn.npz")
    options = parser.parse_args()
    setup_logging()
    try:
        import onnx  # noqa: F401
    except ImportError:
        raise UserError("The package onnx is missing. Run: python -m pip install onnx") from None
    regressor = BoxRegressor.load(options.boxes) if options.boxes else None
    save(export(load_network(options.model), regressor), options.output)
    print(f"{options.output}: opset {OPSET}, {options.output.stat().st_size / 1e6:.1f} MB")


def describe(model: Any) -> Mapping[str, str]:
    """Return the properties that `export` wrote into the model."""
    return {entry.key: entry.value for entry in model.metadata_props}


if __name__ == "__main__":
    run_script(main)
