"""A network as CNTK functions, built from a weight file's header and arrays. Runs in the worker (Python 3.6, CNTK 2.7).

The tutorial's node names stay: input "features", last convolution "conv5.y", pooling "pool3", embedding "h2_d". So what
is saved from here can be taken apart by code that was written for Microsoft's AlexNet.model, and by cntk_reading.py.

Facts of CNTK 2.7, found by running it: `local_response_normalization` divides alpha by the window, as Caffe and PyTorch
do; a free dimension works for the map's height and width and for the number of ROIs, also in training.
"""

import cntk as C
import numpy as np

FREE = C.FreeDimension
FEATURES, CONV, POOL, LAST, ROIS = "features", "conv5.y", "pool3", "h2_d", "rois"
_LOWEST = -3.0e38  # stands for minus infinity around a picture that is max-pooled


def picture_input(side=FREE):
    """Return the input variable (3, side, side): BGR pixels 0 to 255."""
    return C.input_variable((3, side, side), name=FEATURES)


def rois_input(count=FREE):
    """Return the input variable (count, 4): x1 y1 x2 y2 in pixels of the padded picture."""
    return C.input_variable((count, 4), name=ROIS)


def normalised(pixels, given, outside=0):
    """Return the network's real input: (pixels - mean) * scale, channels in the file's order.

    `outside` is what the program that runs the network subtracts from every pixel itself.
    """
    x = pixels
    if given["channels"] == "RGB":
        x = C.splice(x[2:3], x[1:2], x[0:1], axis=0)
    mean = [value - outside for value in given["mean"]]
    if any(mean) or not outside:
        x = x - constant(_for_channels(mean), "mean")
    if list(given["scale"]) != [1.0, 1.0, 1.0]:
        x = x * constant(_for_channels(given["scale"]), "scale")
    return x


def trunk(header, arrays, pixels, make=None, outside=0):
    """Return the convolutions' map for `pixels`. Their weights are constants: the tutorial freezes them.

    With `make` = `parameter` they can be trained; `outside`: see `normalised`.
    """
    x, weights = normalised(pixels, header["input"], outside), Weights(arrays, make or constant)
    for layer in header["trunk"]:
        x = _of_maps(x, layer, weights)
    return C.alias(x, name=CONV)


def pooled(feature_map, rois, pooling):
    """Return (R, C, size, size): the largest value of each bin of each ROI."""
    if pooling.get("kind", "max") != "max":
        raise ValueError("pooling {!r}: CNTK knows max pooling. Use --engine torch".format(pooling["kind"]))
    size = pooling["size"]
    return C.roipooling(feature_map, rois, C.MAX_POOLING, (size, size), pooling["spatial_scale"], name=POOL)


def head(header, arrays, pooled_rois, channels):
    """Return (R, D) for `pooled_rois` (R, channels, size, size). Weights are parameters, as they may be trained."""
    if not header["head"]:
        raise ValueError("a pooled map without a head: CNTK wants linear layers. Use --engine torch")
    x, weights, last_hidden = pooled_rois, Weights(arrays, parameter), _last_hidden(header["head"])
    for index, layer in enumerate(header["head"]):
        if layer["type"] not in _OF_ROWS:
            known = ", ".join(sorted(_OF_ROWS))
            raise ValueError("layer {!r}: CNTK's heads know {}. Use --engine torch".format(layer["type"], known))
        x = _OF_ROWS[layer["type"]](x, layer, weights)
        if index == last_hidden:
            x = C.alias(x, name=LAST)
    return C.alias(x, name="scores") if last_hidden < len(header["head"]) - 1 else x


def _last_hidden(layers):
    """The index of the layer whose output is a ROI's embedding: the last one that is not the scores' linear layer."""
    index = len(layers) - 1
    return index - 1 if layers[index]["type"] == "linear" and index > 0 else index


def constant(value, name):
    """Return `value` as a constant that is called `name`."""
    return C.constant(np.ascontiguousarray(value, np.float32), name=name)


def parameter(value, name):
    """Return `value` as a parameter, which a learner may change, that is called `name`."""
    return C.parameter(init=np.ascontiguousarray(value, np.float32), name=name)


class Weights(object):
    """The arrays of a network as CNTK nodes of their names, made by `make`."""

    def __init__(self, arrays, make):
        self.arrays, self.make = arrays, make

    def node(self, name, shape=None):
        """Return the node of an array, (out, ...) or in another `shape`."""
        value = self.arrays[name]
        return self.make(value if shape is None else np.reshape(value, shape), name)

    def with_bias(self, x, name, shape):
        """Return `x` plus the bias of layer `name` in `shape`, where it has one."""
        return x + self.node(name + ".bias", shape) if name + ".bias" in self.arrays else x


# Layers of rows: x is (R, D), or (R, C, size, size) before the first linear layer.


def _linear(x, layer, weights):
    name = layer["name"]
    transposed = np.asarray(weights.arrays[name + ".weight"], np.float32).T
    x = C.times(x, weights.make(transposed.reshape(x.shape[1:] + (-1,)), name + ".weight"), output_rank=1)
    return weights.with_bias(x, name, (-1,))


def _dropout(x, layer, weights):
    return C.dropout(x, layer["p"]) if layer["p"] > 0 else x


# Layers of maps: x is (C, H, W).


def _of_maps(x, layer, weights):
    if layer["type"] not in _OF_MAPS:
        known = ", ".join(sorted(_OF_MAPS))
        raise ValueError("layer {!r}: CNTK's trunks know {}. Use --engine torch".format(layer["type"], known))
    return _OF_MAPS[layer["type"]](x, layer, weights)


def _convolution(x, layer, weights):
    name, kernel, pad, stride = layer["name"], layer["kernel"], layer["pad"], layer["stride"]
    behind = pad + layer.get("extra", 0)
    same = stride == 1 and kernel % 2 == 1 and pad == behind == (kernel - 1) // 2
    if behind and not same:
        x = C.pad(x, [(0, 0), (pad, behind), (pad, behind)])
    x = C.convolution(
        weights.node(name + ".weight"), x, strides=(stride, stride), auto_padding=[False, same, same],
        groups=layer["groups"], name=name,
    )  # fmt: skip
    return weights.with_bias(x, name, (-1, 1, 1))


def _scale(x, layer, weights):
    x = x * weights.node(layer["name"] + ".weight", (-1, 1, 1))
    return weights.with_bias(x, layer["name"], (-1, 1, 1))


def _for_channels(values):
    return np.reshape(values, (-1, 1, 1))


def _normalisation(x, layer, weights):
    if layer["size"] % 2 == 0:
        raise ValueError("lrn: CNTK knows odd sizes only, this network has {}".format(layer["size"]))
    if layer["size"] > x.shape[0]:  # CNTK would take a narrower window, and other numbers come out
        raise ValueError("lrn: a window of {} over {} channels".format(layer["size"], x.shape[0]))
    radius = (layer["size"] - 1) // 2
    return C.local_response_normalization(x, radius, layer["k"], layer["alpha"], layer["beta"])


def _max_pooling(x, layer, weights):
    return _pooling(x, layer, C.MAX_POOLING, _LOWEST, layer["ceil"])


def _average_pooling(x, layer, weights):
    return _pooling(x, layer, C.AVG_POOLING, 0, False)


def _pooling(x, layer, kind, around, ceil):
    pad, kernel, stride = layer["pad"], layer["kernel"], layer["stride"]
    if pad:
        x = C.pad(x, [(0, 0), (pad, pad), (pad, pad)], constant_value=around)
    return C.pooling(x, kind, (kernel, kernel), (stride, stride), auto_padding=[False], ceil_out_dim=ceil)


def _residual(x, layer, weights):
    sides = []
    for chain in (layer["branch"], layer["shortcut"]):
        side = x
        for inner in chain:
            side = _of_maps(side, inner, weights)
        sides.append(side)
    return sides[0] + sides[1]


def _relu(x, layer, weights):
    return C.relu(x)


def _relu6(x, layer, weights):
    return C.clip(x, 0, 6)


# What CNTK makes of each type of layer: (x, layer of the header, weights) -> function. A head holds no convolutions:
# its ROIs are a dimension of one picture, not pictures of their own.
_OF_ROWS = {"linear": _linear, "relu": _relu, "relu6": _relu6, "dropout": _dropout}
_OF_MAPS = {
    "conv": _convolution,
    "scale": _scale,
    "relu": _relu,
    "relu6": _relu6,
    "lrn": _normalisation,
    "maxpool": _max_pooling,
    "averagepool": _average_pooling,
    "residual": _residual,
}
