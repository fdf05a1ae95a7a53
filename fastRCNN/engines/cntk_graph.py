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


def normalised(pixels, given):
    """Return the network's real input: (pixels - mean) * scale, channels in the file's order."""
    x = pixels
    if given["channels"] == "RGB":
        x = C.splice(x[2:3], x[1:2], x[0:1], axis=0)
    x = x - _constant(given["mean"], (3, 1, 1), "mean")
    if list(given["scale"]) != [1.0, 1.0, 1.0]:
        x = x * _constant(given["scale"], (3, 1, 1), "scale")
    return x


def trunk(header, arrays, pixels):
    """Return the convolutions' map for `pixels`. Their weights are constants: the tutorial freezes them."""
    x = normalised(pixels, header["input"])
    for layer in header["trunk"]:
        x = _TRUNK[layer["type"]](x, layer, arrays)
    return C.alias(x, name=CONV)


def pooled(feature_map, rois, pooling):
    """Return (R, C, size, size): the largest value of each bin of each ROI."""
    size = pooling["size"]
    return C.roipooling(feature_map, rois, C.MAX_POOLING, (size, size), pooling["spatial_scale"], name=POOL)


def head(header, arrays, pooled_rois, channels):
    """Return (R, D) for `pooled_rois` (R, channels, size, size). Weights are parameters, as they may be trained."""
    size = header["pooling"]["size"]
    x, first, last_hidden = pooled_rois, True, _last_hidden(header["head"])
    for index, layer in enumerate(header["head"]):
        if layer["type"] == "relu":
            x = C.relu(x)
        elif layer["type"] == "dropout":
            x = C.dropout(x, layer["p"]) if layer["p"] > 0 else x
        else:
            weight = np.asarray(arrays[layer["name"] + ".weight"], np.float32).T
            if first:
                weight = weight.reshape(channels, size, size, -1)
            x = C.times(x, _parameter(weight, layer["name"] + ".weight"), output_rank=1)
            if layer["name"] + ".bias" in arrays:
                x = x + _parameter(arrays[layer["name"] + ".bias"], layer["name"] + ".bias")
            first = False
        if index == last_hidden:
            x = C.alias(x, name=LAST)
    return C.alias(x, name="scores") if last_hidden < len(header["head"]) - 1 else x


def _last_hidden(layers):
    """The index of the layer whose output is a ROI's embedding: the last one that is not the scores' linear layer."""
    index = len(layers) - 1
    return index - 1 if layers[index]["type"] == "linear" and index > 0 else index


def _convolution(x, layer, arrays):
    name, kernel, pad, stride = layer["name"], layer["kernel"], layer["pad"], layer["stride"]
    same = stride == 1 and kernel % 2 == 1 and pad == (kernel - 1) // 2
    if pad and not same:
        x = C.pad(x, [(0, 0), (pad, pad), (pad, pad)])
    weight = _constant(arrays[name + ".weight"], None, name + ".weight")
    x = C.convolution(
        weight, x, strides=(stride, stride), auto_padding=[False, same, same], groups=layer["groups"], name=name
    )
    if name + ".bias" in arrays:
        x = x + _constant(arrays[name + ".bias"], (layer["out"], 1, 1), name + ".bias")
    return x


def _relu(x, layer, arrays):
    return C.relu(x)


def _normalisation(x, layer, arrays):
    if layer["size"] % 2 == 0:
        raise ValueError("lrn: CNTK knows odd sizes only, this network has {}".format(layer["size"]))
    if layer["size"] > x.shape[0]:  # CNTK would take a narrower window, and other numbers come out
        raise ValueError("lrn: a window of {} over {} channels".format(layer["size"], x.shape[0]))
    radius = (layer["size"] - 1) // 2
    return C.local_response_normalization(x, radius, layer["k"], layer["alpha"], layer["beta"])


def _max_pooling(x, layer, arrays):
    pad, kernel, stride = layer["pad"], layer["kernel"], layer["stride"]
    if pad:
        x = C.pad(x, [(0, 0), (pad, pad), (pad, pad)], constant_value=_LOWEST)
    return C.pooling(
        x, C.MAX_POOLING, (kernel, kernel), (stride, stride), auto_padding=[False], ceil_out_dim=layer["ceil"]
    )


_TRUNK = {"conv": _convolution, "relu": _relu, "lrn": _normalisation, "maxpool": _max_pooling}


def _constant(value, shape, name):
    return C.constant(_float32(value, shape), name=name)


def _parameter(value, name):
    return C.parameter(init=_float32(value), name=name)


def _float32(value, shape=None):
    array = np.ascontiguousarray(value, np.float32)
    return array if shape is None else array.reshape(shape)
