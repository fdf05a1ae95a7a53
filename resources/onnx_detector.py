"""A whole Faster R-CNN detector as one ONNX graph: picture in, boxes, classes and scores out.

The steps are those of `Detector`, in the same numbers where order or rounding depends on them (float64, boxes of whole
pixels): pad to a square, trunk, objectness and offsets of all anchors, proposals with non-maximum suppression, ROIs in
whole pixels of the picture, ROI pooling, head, softmax, moved boxes, and non-maximum suppression of each class.
Letters: A anchors of a cell, K anchors, P proposals, C classes with background first, D detections.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastRCNN.boxes.box_regression import LARGEST_CHANGE
from fastRCNN.network.network import Network
from helpers.errors import UserError
from helpers.images import PAD_VALUE
from resources.onnx_graph import Graph, chain, normalised, onnx_model, pooled_rois

_ALL = 1_000_000_000  # detections of a class, at most


@dataclass(frozen=True)
class DetectorOptions:
    """When something is a detection: score of a class at least; overlap from which on the lower one is dropped."""

    score_threshold: float = 0.05
    nms_threshold: float = 0.3
    side: int = 1000  # of the pictures that the network was trained with


def export_detector(network: Network, options: DetectorOptions) -> Any:
    """Return the ONNX model of a network that proposes its regions; `UserError` for another one."""
    spec, g = network.spec, Graph()
    if spec.rpn is None or spec.classes is None:
        raise UserError(f"{network.where}: this network does not propose regions. Export it with its ROIs as an input")
    types = g.onnx.TensorProto
    place = _Place(g)
    feature_map = chain(g, network, normalised(g, network, place.padded()), spec.trunk)
    boxes = _proposals(g, network, feature_map, place)
    rois = place.to_picture(boxes)
    pooled = pooled_rois(g, feature_map, spec, g("Cast", place.to_network(rois), to=types.FLOAT))
    rows = g("Flatten", chain(g, network, pooled, spec.head), axis=1)
    _detections(g, rows, rois, place, len(spec.classes), options)
    info = g.onnx.helper.make_tensor_value_info
    inputs = [info("picture", types.FLOAT, [1, 3, "height", "width"]), info("size", types.INT64, [2])]
    outputs = [
        info("boxes", types.INT32, ["detections", 4]), info("labels", types.INT64, ["detections"]),
        info("scores", types.FLOAT, ["detections"]),
    ]  # fmt: skip
    properties = {"classes": "\n".join(spec.classes), "source": spec.source, "side": str(options.side)}
    return onnx_model(g, inputs, outputs, properties)


class _Place:
    """Where the picture lies in its square, as names of float64 scalars and rows of four."""

    def __init__(self, g: Graph) -> None:
        self.g = g
        shape = g("Shape", "picture")
        self.high, self.wide = (g("Gather", shape, g.number(axis), axis=0) for axis in (2, 3))
        self.side = g("Max", self.high, self.wide)
        double = {"to": g.onnx.TensorProto.DOUBLE}
        size = g("Cast", "size", **double)  # original width and height
        self.limits = g("Sub", g("Concat", size, size, axis=0), g.constant(np.ones(4)))
        longest = g("ReduceMax", size, keepdims=0)
        self.scale = g("Div", g("Cast", self.side, **double), longest)
        spare = [g("Sub", self.side, each) for each in (self.wide, self.high)]
        starts = [g("Div", g("Cast", each, **double), g.number(2.0, np.float64)) for each in spare]
        self.left, self.top = starts
        x, y = (g("Unsqueeze", each, g.integers(0)) for each in starts)
        self.offset = g("Concat", x, y, x, y, axis=0)
        ends = [
            g("Unsqueeze", g("Sub", g("Add", start, g("Cast", each, **double)), g.number(1.0, np.float64)),
              g.integers(0))
            for start, each in zip(starts, (self.wide, self.high), strict=True)
        ]  # fmt: skip
        self.first, self.last = self.offset, g("Concat", *ends, *ends, axis=0)  # inclusive pixels of the square
        self._pads = [g("Div", each, g.integers(2)) for each in spare]  # before; whole numbers, rounded down
        self._spare = spare

    def padded(self) -> str:
        """The picture in its square, (1, 3, side, side)."""
        g = self.g
        before_x, before_y = self._pads
        after_x, after_y = (g("Sub", g("Reshape", each, g.integers(1)), before)
                            for each, before in zip(self._spare, self._pads, strict=True))  # fmt: skip
        none = g.integers(0, 0)
        pads = g("Concat", none, before_y, before_x, none, after_y, after_x, axis=0)
        return g("Pad", "picture", pads, g.number(PAD_VALUE, np.float32))

    def to_picture(self, boxes: str) -> str:
        """Boxes (P, 4) of the square in whole pixels of the original picture, cut to it."""
        g = self.g
        corners = g("Round", g("Div", g("Sub", boxes, self.offset), self.scale))
        return g("Max", g("Min", corners, self.limits), g.constant(np.zeros(4)))

    def to_network(self, boxes: str) -> str:
        """Boxes (P, 4) of the original picture in the square: scaled, rounded, moved."""
        g = self.g
        return g("Add", g("Round", g("Mul", boxes, self.scale)), self.offset)


def _decoded(g: Graph, boxes: str, offsets: str) -> str:
    """Return boxes, float64, for `boxes` and `offsets` whose last dimension is x1 y1 x2 y2 and tx ty tw th."""
    halves = g.integers(2, 2)
    low, high = _split(g, boxes, halves, axis=-1)
    shift, growth = _split(g, offsets, halves, axis=-1)
    size = g("Add", g("Sub", high, low), g.number(1.0, np.float64))
    half = g.number(0.5, np.float64)
    centre = g("Add", g("Mul", g("Add", low, high), half), g("Mul", shift, size))
    limit = math.log(LARGEST_CHANGE)
    growth = g("Clip", growth, g.number(-limit, np.float64), g.number(limit, np.float64))
    reach = g("Mul", g("Sub", g("Mul", size, g("Exp", growth)), g.number(1.0, np.float64)), half)
    return g("Concat", g("Sub", centre, reach), g("Add", centre, reach), axis=-1)


def _split(g: Graph, x: str, sizes: str, *, axis: int) -> tuple[str, str]:
    names = [f"{x}_first{len(g.nodes)}", f"{x}_second{len(g.nodes)}"]
    g.nodes.append(g.onnx.helper.make_node("Split", [x, sizes], names, name=names[0], axis=axis))
    return names[0], names[1]


def _proposals(g: Graph, network: Network, feature_map: str, place: _Place) -> str:
    """Return the names of the proposals (P, 4) float64 in the square, best first."""
    spec, rpn, double = network.spec, network.spec.rpn, {"to": g.onnx.TensorProto.DOUBLE}
    assert rpn is not None
    each = len(rpn.anchors)
    seen = chain(g, network, feature_map, rpn.conv)
    scores = g("Cast", chain(g, network, seen, rpn.cls), **double)
    offsets = g("Cast", chain(g, network, seen, rpn.box), **double)
    background, shown = _split(g, scores, g.integers(each, each), axis=1)
    chance = g("Sigmoid", g("Sub", shown, background))  # (1, A, H, W)
    chance = g("Reshape", g("Transpose", chance, perm=[0, 2, 3, 1]), g.integers(-1))
    moves = g("Reshape", g("Transpose", offsets, perm=[0, 2, 3, 1]), g.integers(-1, 4))
    shape = g("Shape", feature_map)
    rows, columns = (
        g("Mul", g("Cast", g("Range", g.number(0), g("Gather", shape, g.number(axis), axis=0), g.number(1)), **double),
          g.number(float(spec.stride), np.float64))
        for axis in (2, 3)
    )  # fmt: skip
    y, x = g("Unsqueeze", rows, g.integers(1, 2)), g("Unsqueeze", columns, g.integers(0, 2))
    zero = g.number(0.0, np.float64)
    x, y = g("Add", x, g("Mul", y, zero)), g("Add", y, g("Mul", x, zero))  # (H, W, 1) each
    shifts = g("Unsqueeze", g("Concat", x, y, x, y, axis=2), g.integers(2))
    base = g.constant(np.array(rpn.anchors, np.float64)[None, None], "anchors")
    anchors = g("Reshape", g("Add", shifts, base), g.integers(-1, 4))

    boxes = g("Max", g("Min", _decoded(g, anchors, moves), place.last), place.first)
    low, high = _split(g, boxes, g.integers(2, 2), axis=-1)
    sides = g("Add", g("Sub", high, low), g.number(1.0, np.float64))
    smallest = g("Mul", place.scale, g.number(rpn.min_side, np.float64))
    large = g("GreaterOrEqual", g("ReduceMin", sides, axes=[1], keepdims=0), smallest)
    kept = g("Squeeze", g("NonZero", large), g.integers(0))
    boxes, chance = g("Gather", boxes, kept, axis=0), g("Gather", chance, kept, axis=0)
    count = g("Min", g("Shape", chance), g.integers(rpn.before_nms))
    best = _top(g, chance, count)
    boxes = g("Gather", boxes, best, axis=0)
    rank = g("Neg", g("Cast", g("Range", g.number(0), g("Squeeze", count), g.number(1)), to=g.onnx.TensorProto.FLOAT))
    stays = g(
        "NonMaxSuppression", _for_suppression(g, g("Unsqueeze", boxes, g.integers(0))),
        g("Unsqueeze", rank, g.integers(0, 1)), g.integers(rpn.after_nms),
        g.constant(np.array([rpn.nms_threshold], np.float32)),
    )  # fmt: skip
    return g("Gather", boxes, g("Gather", stays, g.number(2), axis=1), axis=0)


def _detections(g: Graph, rows: str, rois: str, place: _Place, nr_classes: int, options: DetectorOptions) -> None:
    """Make the three outputs of `rows` (P, 5 C) float32 and `rois` (P, 4) float64 of the original picture."""
    types = g.onnx.TensorProto
    last = g.constant(np.array([-1], np.int64))
    backwards = g.constant(np.array([np.iinfo(np.int64).min], np.int64))
    # later ROIs first: of equal scores the later one wins, while the operator takes the first
    rows, rois = (g("Slice", each, last, backwards, g.integers(0), last) for each in (rows, rois))
    raw, offsets = _split(g, rows, g.integers(nr_classes, 4 * nr_classes), axis=1)
    scores = g("Cast", g("Softmax", g("Cast", raw, to=types.DOUBLE), axis=1), to=types.FLOAT)
    moves = g("Reshape", g("Cast", offsets, to=types.DOUBLE), g.integers(-1, nr_classes, 4))
    moved = g("Round", _decoded(g, g("Unsqueeze", rois, g.integers(1)), moves))
    low, high = _split(g, moved, g.integers(2, 2), axis=-1)
    limit, zero = g("Slice", place.limits, g.integers(0), g.integers(2), g.integers(0)), g.constant(np.zeros(2))
    low = g("Max", g("Min", low, limit), zero)
    high = g("Max", g("Min", high, limit), low)
    moved = g("Concat", low, high, axis=-1)  # (P, C, 4)
    begin, end, axis = g.integers(1), g.integers(nr_classes), g.integers(1)
    moved, scores = (g("Slice", each, begin, end, axis) for each in (moved, scores))
    by_class = g("Transpose", moved, perm=[1, 0, 2])  # (C - 1, P, 4)
    of_class = g("Unsqueeze", g("Transpose", scores, perm=[1, 0]), g.integers(1))
    above = np.nextafter(np.float32(options.score_threshold), np.float32(0))  # the operator takes what is greater
    stays = g(
        "NonMaxSuppression", _for_suppression(g, by_class), of_class, g.integers(_ALL),
        g.constant(np.array([options.nms_threshold], np.float32)), g.constant(np.array([above], np.float32)),
    )  # fmt: skip
    classes, numbers = (g("Gather", stays, g.number(column), axis=1) for column in (0, 2))
    pairs = g("Concat", g("Unsqueeze", classes, g.integers(1)), g("Unsqueeze", numbers, g.integers(1)), axis=1)
    found = g("GatherND", g("Squeeze", of_class, g.integers(1)), pairs)
    order = _top(g, found, g("Shape", found))
    g("Gather", found, order, axis=0, called="scores")
    g("Add", g("Gather", classes, order, axis=0), g.number(1), called="labels")
    g("Cast", g("Gather", g("GatherND", by_class, pairs), order, axis=0), to=types.INT32, called="boxes")


def _top(g: Graph, values: str, count: str) -> str:
    """Return the places of the `count` (1,) largest of `values` (N,), largest first."""
    names = [f"top{len(g.nodes)}", f"places{len(g.nodes)}"]
    g.nodes.append(g.onnx.helper.make_node("TopK", [values, count], names, name=names[0], axis=0))
    return names[1]


def _for_suppression(g: Graph, boxes: str) -> str:
    """Return `boxes` (B, N, 4) float32 whose sides are as long as pixels are many: the operator knows no + 1."""
    ends = g.constant(np.array([0.0, 0.0, 1.0, 1.0]))
    return g("Cast", g("Add", boxes, ends), to=g.onnx.TensorProto.FLOAT)
