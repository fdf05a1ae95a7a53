"""torchvision's alexnet and vgg (with batch normalisation or without): convolutions, then fully connected layers.

Names: features.<number> (the number counts every layer, those without tensors too), classifier.<number>.
"""

from collections.abc import Mapping

import numpy as np

from fastRCNN.network.alexnet import torchvision_shape
from fastRCNN.network.layers import Conv, Dropout, Linear, MaxPool, Relu
from resources.weight_import.steps import Step
from resources.weight_import.torch_arrays import batch_norm

WHAT = "torchvision's alexnet or vgg (features.0.weight, classifier.6.weight, ...)"
PICTURE_INPUT = torchvision_shape().input
_ALEXNET = {0: (4, 2), 3: (1, 2), 6: (1, 1), 8: (1, 1), 10: (1, 1)}  # stride and pad: of its program, not in the file


def recognises(tensors: Mapping[str, np.ndarray]) -> bool:
    """Return whether these are the tensors of such a network."""
    return "features.0.weight" in tensors and any(name.startswith("classifier.") for name in tensors)


def steps(tensors: Mapping[str, np.ndarray]) -> list[Step]:
    """Return the layers in the order of computation; `KeyError` for a tensor that is missing."""
    alexnet = tensors["features.0.weight"].shape[-1] == 11
    convs = list(_ALEXNET) if alexnet else _numbers(tensors, "features", dimensions=4)
    linears = [1, 4, 6] if alexnet else [0, 3, 6]
    found: list[Step] = []
    for number, after in zip(convs, [*convs[1:], None], strict=True):
        weight = tensors[f"features.{number}.weight"]
        stride, pad = _ALEXNET[number] if alexnet else (1, weight.shape[2] // 2)
        conv = Conv("", weight.shape[0], weight.shape[2], stride=stride, pad=pad)
        found.append(Step(conv, weight, tensors.get(f"features.{number}.bias")))
        normalised = f"features.{number + 1}.running_mean" in tensors
        if normalised:
            found.append(batch_norm(tensors, f"features.{number + 1}"))
        found.append(Step(Relu()))
        if after is None or after > number + (3 if normalised else 2):  # the number between is a layer without tensors
            found.append(Step(MaxPool(3 if alexnet else 2, 2)))
    for number in linears:
        weight, last = tensors[f"classifier.{number}.weight"], number == linears[-1]
        linear = Step(Linear("", weight.shape[0]), weight, tensors.get(f"classifier.{number}.bias"))
        if alexnet:
            found += [linear] if last else [Step(Dropout()), linear, Step(Relu())]
        else:
            found += [linear] if last else [linear, Step(Relu()), Step(Dropout())]
    return found


def _numbers(tensors: Mapping[str, np.ndarray], part: str, *, dimensions: int) -> list[int]:
    """The numbers of the layers of `part` whose weight has so many dimensions."""
    named = (name.split(".") for name, tensor in tensors.items() if tensor.ndim == dimensions)
    return sorted(int(name[1]) for name in named if name[0] == part and name[2] == "weight")
