"""torchvision's resnet18 to resnet152 (and wide ones): residual blocks with batch normalisation.

The stride of a block is in its 3 x 3 convolution ("v1.5"), as torchvision has it since 2017. How many blocks a stage
has, and of which kind, is in the names: layer<stage>.<block>.conv<1, 2 or 3>.
He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, 2015.
"""

from collections.abc import Mapping

import numpy as np

from fastRCNN.network.alexnet import torchvision_shape
from fastRCNN.network.layers import GlobalAverage, Linear, MaxPool, Relu
from resources.weight_import.steps import Step, residual
from resources.weight_import.torch_arrays import batch_norm, convolution

WHAT = "torchvision's resnet (conv1.weight, layer1.0.conv1.weight, ...)"
PICTURE_INPUT = torchvision_shape().input


def recognises(tensors: Mapping[str, np.ndarray]) -> bool:
    """Return whether these are the tensors of such a network."""
    return "conv1.weight" in tensors and "layer1.0.conv1.weight" in tensors


def steps(tensors: Mapping[str, np.ndarray]) -> list[Step]:
    """Return the layers in the order of computation; `KeyError` for a tensor that is missing."""
    found = [convolution(tensors, "conv1", stride=2), batch_norm(tensors, "bn1"), Step(Relu()), Step(MaxPool(3, 2, 1))]
    for stage in range(1, 5):
        block = 0
        while block == 0 or f"layer{stage}.{block}.conv1.weight" in tensors:
            stride = 2 if stage > 1 and block == 0 else 1
            found += [_block(tensors, f"layer{stage}.{block}", stride), Step(Relu())]
            block += 1
    weight = tensors["fc.weight"]
    return [*found, Step(GlobalAverage()), Step(Linear("", weight.shape[0]), weight, tensors.get("fc.bias"))]


def _block(tensors: Mapping[str, np.ndarray], name: str, stride: int) -> Step:
    """Two 3 x 3 convolutions, or 1 x 1, 3 x 3, 1 x 1; the first 3 x 3 has the stride."""
    last = 3 if f"{name}.conv3.weight" in tensors else 2
    branch: list[Step] = []
    for number in range(1, last + 1):
        conv = convolution(tensors, f"{name}.conv{number}", stride=stride if number == last - 1 else 1)
        branch += [conv, batch_norm(tensors, f"{name}.bn{number}")]
        if number < last:
            branch.append(Step(Relu()))
    if f"{name}.downsample.0.weight" not in tensors:
        return residual(branch)
    down = convolution(tensors, f"{name}.downsample.0", stride=stride, called=f"{name}.downsample")
    return residual(branch, [down, batch_norm(tensors, f"{name}.downsample.1")])
