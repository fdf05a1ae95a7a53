"""Take a CNTK `.model` apart. Runs in the worker (Python 3.6, CNTK 2.7).

`find_nodes` says where trunk and head of a network lie: by the tutorial's node names, and where a name is missing, by
the order of the operations. `adopt` clones both parts as the tutorial does, whatever they hold. `read_network` turns
them into a weight file's header and arrays; it knows AlexNet's operations and says what else it meets.
"""

import json

import cntk as C
import numpy as np
from cntk_graph import CONV, FEATURES, LAST, POOL, normalised

_HEADER = "fast-rcnn-tutorial"  # under this key a model saved by us carries its weight file's header
EXAMPLES_SUBTRACT = 114  # from every pixel: what CNTK's detection examples do before they run a network
_PLAIN_INPUT = {"channels": "BGR", "mean": [114.0] * 3, "scale": [1.0] * 3}  # what the tutorial does outside the model
_SILENT = ("NoOp", "Pass", "Alias", "StopGradient", "Combine", "Reshape")


class NotUnderstood(Exception):
    """The model holds something that cannot be expressed, or lacks a part."""


class Nodes(object):
    """Where the parts of a network lie: variables `features`, `conv`, `pool` and `last`."""

    def __init__(self, features, conv, pool, last, pools_rois):
        self.features, self.conv, self.pool, self.last, self.pools_rois = features, conv, pool, last, pools_rois


def find_nodes(model, names=None):
    """Return the `Nodes` of `model`; `names` may replace the tutorial's (keys features, conv, pool, last)."""
    wanted = dict({"features": FEATURES, "conv": CONV, "pool": POOL, "last": LAST}, **(names or {}))
    named = {}
    for key, name in wanted.items():
        found = model.find_all_with_name(name)
        if names and key in names and not found:
            raise NotUnderstood("no node is named {!r}. Its names: {}".format(name, ", ".join(_names(model))))
        if len(found) >= 1:
            named[key] = _output(found[0])
    features = named.get("features") or _picture_argument(model)
    roi_poolings = [f for f in _functions(model) if f.op_name == "ROIPooling"]
    if roi_poolings:  # a Fast R-CNN model: its pooling, and everything behind it
        pooling = roi_poolings[0]
        return Nodes(features, pooling.inputs[0], pooling.output, _output(_result(model)), True)
    if "pool" not in named:
        poolings = [f for f in _chain(_output(_result(model))) if _holds(f, "Pooling")]
        if not poolings:
            raise NotUnderstood("no pooling between the convolutions and the fully connected layers was found")
        named["pool"] = poolings[0].output
    if "conv" not in named:
        named["conv"] = [v for v in named["pool"].owner.inputs if v.is_output][0]
    if "last" not in named:
        classifier = [f for f in _chain(_output(_result(model))) if _holds(f, "Times")]
        if len(classifier) < 2:
            raise NotUnderstood("fewer than two fully connected layers were found")
        named["last"] = [v for v in classifier[0].inputs if v.is_output][-1]
    return Nodes(features, named["conv"], named["pool"], named["last"], False)


def adopt(nodes, pixels, feature_map, pooled_rois, mean_outside=0):
    """Return clones (map of `pixels`, outputs of `pooled_rois`), as the tutorial's `frcn_predictor` makes them.

    `mean_outside`: what must be subtracted before, whatever the model subtracts; 0 where that is not known.
    """
    convolutions = C.combine([nodes.conv]).clone(C.CloneMethod.freeze, {nodes.features: C.placeholder()})
    layers = C.combine([nodes.last]).clone(C.CloneMethod.clone, {nodes.pool: C.placeholder()})
    own_mean = not mean_outside and _starts_with_constant(nodes)
    return convolutions(pixels if own_mean else normalised(pixels, _PLAIN_INPUT)), layers(pooled_rois)


def read_network(model, nodes):
    """Return (header, arrays) of a weight file for `model`."""
    header = remembered(model)
    trunk, arrays = _Reader(nodes.conv, nodes.features).layers()
    head, more = _Reader(nodes.last, nodes.pool).layers()
    arrays.update(more)
    given = dict(_PLAIN_INPUT)
    if trunk and trunk[0]["type"] == "input":
        given = trunk.pop(0)
        del given["type"]
        given["mean"] = [value + header.get("mean_outside", 0) for value in given["mean"]]
    header.pop("mean_outside", None)
    pooling = {"size": 6, "spatial_scale": 0.0625}
    if nodes.pools_rois:
        attributes = nodes.pool.owner.attributes
        pooling = {"size": attributes["roiOutputShape"][0], "spatial_scale": attributes["spatialScale"]}
    numbered = [layer for layer in trunk if layer["type"] == "conv"] + [h for h in head if h["type"] == "linear"]
    _name(numbered, arrays, bool(header.get("classes")))
    header.setdefault("source", "CNTK model")
    header.update(format="fast-rcnn-tutorial network", version=1, input=given, trunk=trunk, pooling=pooling, head=head)
    return header, arrays


def remember(function, header):
    """Note in `function` what a `.model` has no place for (classes, source, notes), so that it comes back."""
    keys = ("classes", "source", "source_sha256", "notes", "mean_outside")
    kept = {key: header[key] for key in keys if header.get(key) is not None}
    function.custom_attributes = {_HEADER: json.dumps(kept)}


def remembered(function):
    """Return what `remember` noted in `function`; nothing for a model of another program."""
    attributes = function.custom_attributes
    return json.loads(attributes[_HEADER]) if _HEADER in attributes.keys() else {}


class _Reader(object):
    """Walks from an output variable back to `stop`, against the direction of the data."""

    def __init__(self, last, stop):
        self.last, self.stop, self.arrays, self.number = last, stop, {}, 0
        self.outside = {}  # placeholder of a block -> the variable that stands there

    def layers(self):
        """Return (layers in the order of the data, arrays by provisional name)."""
        found, variable, bias = [], self.last, None
        while variable.uid != self.stop.uid:
            if variable.uid in self.outside:
                variable = self.outside[variable.uid]
                continue
            if not variable.is_output:
                raise NotUnderstood(
                    "the way back from {!r} ends at {!r} instead of {!r}".format(
                        self.last.name, variable.name, self.stop.name
                    )
                )
            function = variable.owner
            step = getattr(self, "_" + function.op_name, None)
            if function.is_block and function.op_name != "LocalResponseNormalization":
                self.outside.update((inner.uid, outer) for inner, outer in function.block_arguments_mapping)
                variable = _output(function.block_root)
            elif function.op_name in _SILENT:
                variable = function.inputs[0]
            elif function.op_name == "Plus" and bias is None:
                variable, bias = _with_constant(function)
            elif step is None or (bias is not None and function.op_name not in ("Convolution", "Times")):
                raise NotUnderstood(
                    "operation {!r} (node {!r}) has no counterpart in a weight file".format(
                        function.op_name, function.name
                    )
                )
            else:
                layer, variable = step(function, bias)
                bias = None
                found.extend(layer)
        if bias is not None:
            raise NotUnderstood("a constant is added to the input; expected one that is subtracted")
        return _with_padding(found[::-1]), self.arrays

    def _ReLU(self, function, bias):
        return [{"type": "relu"}], function.inputs[0]

    def _Dropout(self, function, bias):
        return [{"type": "dropout", "p": float(function.attributes["dropoutRate"])}], function.inputs[0]

    def _Convolution(self, function, bias):
        x, weight = _with_constant(function)
        attributes = function.attributes
        kernel, stride = weight.shape[-1], attributes["strides"][-1]
        layer = {"type": "conv", "name": self._keep(function, weight, bias), "out": weight.shape[0], "kernel": kernel}
        layer.update(stride=stride, pad=_padding(attributes, kernel, stride), groups=attributes.get("groups", 1))
        return [layer], x

    def _Times(self, function, bias):
        x, weight = _with_constant(function)
        weight = weight.reshape(-1, weight.shape[-1]).T
        return [{"type": "linear", "name": self._keep(function, weight, bias), "out": weight.shape[0]}], x

    def _Pooling(self, function, bias):
        attributes = function.attributes
        if attributes["poolingType"] != 0:
            raise NotUnderstood("average pooling is not read from a .model")
        kernel, stride = attributes["poolingWindowShape"][-1], attributes["strides"][-1]
        layer = {"type": "maxpool", "kernel": kernel, "stride": stride, "pad": _padding(attributes, kernel, stride)}
        layer["ceil"] = bool(attributes.get("ceilOutDim", False))
        return [layer], function.inputs[0]

    def _Pad(self, function, bias):
        return [{"type": "pad", "pad": max(function.attributes["paddingHead"])}], function.inputs[0]

    def _LocalResponseNormalization(self, function, bias):
        attributes = function.attributes
        size = 2 * attributes["depthRadius"] + 1
        layer = {"type": "lrn", "size": size, "alpha": attributes["alpha"]}
        layer.update(beta=attributes["beta"], k=attributes["bias"])
        return [layer], [v for v in function.inputs if v.is_output][0]

    def _ElementTimes(self, function, bias):
        """A normalisation made of single operations, x * reciprocal(...); or the scale of the input."""
        for x, other in (function.inputs, function.inputs[::-1]):
            if other.is_output and other.owner.op_name == "Reciprocal":
                return [self._normalisation(other.owner.inputs[0])], x
        x, scale = _with_constant(function)
        return [{"type": "scale", "scale": _three(scale)}], x

    def _ElementDivide(self, function, bias):
        x, below = function.inputs
        return [self._normalisation(below)], x

    def _normalisation(self, below):
        """Read exp(beta * log(k + convolution(squares))), by which CNTK's AlexNet examples divide."""
        found, values, variable = [], [], below
        while len(found) < 5:
            while variable.uid in self.outside:
                variable = self.outside[variable.uid]
            function = variable.owner if variable.is_output else None
            if function is None:
                break
            if function.is_block:
                self.outside.update((inner.uid, outer) for inner, outer in function.block_arguments_mapping)
                variable = _output(function.block_root)
                continue
            if function.op_name not in _SILENT:
                found.append(function.op_name)
            if function.op_name in ("ElementTimes", "Plus", "Convolution"):
                variable, value = _with_constant(function)
                values.append(value)
            else:
                variable = function.inputs[0]
        if found != ["Exp", "ElementTimes", "Log", "Plus", "Convolution"]:
            raise NotUnderstood("a division by {} is no local response normalisation".format(found))
        beta, k, window = values
        alpha = float(window.sum())
        return {"type": "lrn", "size": int(window.size), "alpha": alpha, "beta": float(beta), "k": float(k)}

    def _Minus(self, function, bias):
        x, mean = _with_constant(function)
        return [{"type": "mean", "mean": _three(mean)}], x

    def _Splice(self, function, bias):
        begins = [v.owner.attributes["beginIndex"] if v.is_output else None for v in function.inputs]
        if begins != [2, 1, 0]:
            raise NotUnderstood("parts of the input are joined in another order than RGB from BGR")
        return [{"type": "swap"}], function.inputs[0].owner.inputs[0]

    def _keep(self, function, weight, bias):
        """Store a layer's arrays under the layer's name, which is its parameter's where that ends in ".weight"."""
        self.number += 1
        given = [v.name for v in function.inputs if v.name.endswith(".weight")]
        name = given[0][: -len(".weight")] if given else "?{}?{}".format(self.number, function.op_name)
        self.arrays[name + ".weight"] = np.ascontiguousarray(weight, np.float32)
        if bias is not None:
            self.arrays[name + ".bias"] = np.ascontiguousarray(bias, np.float32).reshape(-1)
        return name


def _with_padding(layers):
    """Fold what stands before a layer into it: explicit padding; mean, scale and channel order of the input."""
    given, result, pending = {}, [], 0
    for layer in layers:
        if layer["type"] == "pad":
            pending = layer["pad"]
        elif layer["type"] in ("mean", "scale", "swap"):
            if result:
                raise NotUnderstood("a constant is subtracted or multiplied between layers")
            given.update({"channels": "RGB"} if layer["type"] == "swap" else {layer["type"]: layer[layer["type"]]})
        else:
            if pending:
                layer["pad"], pending = layer["pad"] + pending, 0
            result.append(layer)
    if given:
        plain = {"type": "input", "channels": "BGR", "mean": [0.0] * 3, "scale": [1.0] * 3}
        result.insert(0, dict(plain, **given))
    return result


def _padding(attributes, kernel, stride):
    """Return the padding in pixels that the attributes of a convolution or pooling mean."""
    if attributes["autoPadding"][-1]:
        if kernel % 2 == 0 or stride > 2:
            raise NotUnderstood("automatic padding of kernel {}, stride {}".format(kernel, stride))
        return (kernel - 1) // 2
    lower, upper = attributes.get("lowerPad", (0,))[-1], attributes.get("upperPad", (0,))[-1]
    if lower != upper:
        raise NotUnderstood("padding of {} before and {} behind".format(lower, upper))
    return lower


def _name(layers, arrays, has_classes):
    """Give layers without a name the usual ones, conv1 ... fc6, fc7 (score, where the last one gives class scores)."""
    convolutions = sum(layer["type"] == "conv" for layer in layers)
    for number, layer in enumerate(layers, 1):
        old = layer["name"]
        if old.startswith("?"):
            layer["name"] = ("conv{}" if number <= convolutions else "fc{}").format(number)
            if number == len(layers) and has_classes:
                layer["name"] = "score"
            for part in (".weight", ".bias"):
                if old + part in arrays:
                    arrays[layer["name"] + part] = arrays.pop(old + part)


def _with_constant(function):
    """Return (the input that is computed, the value of the one that is constant) of a function of two."""
    first, second = function.inputs[:2]
    x, constant = (second, first) if first.is_constant or first.is_parameter else (first, second)
    if not (constant.is_constant or constant.is_parameter):
        raise NotUnderstood("both inputs of {!r} are computed".format(function.op_name))
    held = function.constants if constant.is_constant else function.parameters
    return x, np.asarray([each.value for each in held if each.uid == constant.uid][0])


def _three(value):
    return [float(number) for number in np.broadcast_to(np.asarray(value).reshape(-1), (3,))]


def _functions(model):
    return C.logging.graph.depth_first_search(model.root_function, lambda node: isinstance(node, C.Function), depth=0)


def _holds(function, operation):
    """Whether `function` is this operation, or a layer (a block) with it inside."""
    if not function.is_block:
        return function.op_name == operation
    return any(inner.op_name == operation for inner in _functions(function.block_root))


def _chain(variable):
    """Yield the functions from `variable` back to a picture, always along the first input that is computed."""
    while variable.is_output:
        yield variable.owner
        computed = [v for v in variable.owner.inputs if v.is_output or v.is_input or v.is_placeholder]
        if not computed:
            return
        variable = computed[0]


def _result(model):
    """The function that gives the network's result: of several outputs the one without a cost or an error."""
    for output in model.outputs:
        if output.is_output and len(output.shape) >= 1 and output.owner.op_name not in ("CrossEntropyWithSoftmax",):
            return output.owner
    return model.root_function


def _starts_with_constant(nodes):
    """Whether the trunk itself subtracts its mean from the input."""
    functions = list(_chain(nodes.conv))
    return bool(functions) and any(f.op_name == "Minus" for f in functions)


def _picture_argument(model):
    pictures = [v for v in model.arguments if len(v.shape) == 3 and v.shape[0] == 3]
    if len(pictures) != 1:
        raise NotUnderstood("expected one input of shape (3, height, width), found {}".format(len(pictures)))
    return pictures[0]


def _output(node):
    return node.output if isinstance(node, C.Function) else node


def _names(model):
    return sorted({f.name for f in _functions(model) if f.name})[:40]
