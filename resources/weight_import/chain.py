"""What the readers of other programs' weight files give back, and the network that is made of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fastRCNN.network.layers import Conv, Dropout, Layer, Linear, MaxPool, Relu
from fastRCNN.network.network import Network
from fastRCNN.network.spec import NetworkSpec, PictureInput
from helpers.errors import UserError


@dataclass(frozen=True)
class Step:
    """One layer in the order of computation, with its arrays. Names are given later."""

    layer: Layer
    weight: np.ndarray | None = None
    bias: np.ndarray | None = None


def network_of(steps: Sequence[Step], *, picture_input: PictureInput, source: str, sha256: str, where: Path) -> Network:
    """Make the network of a whole classifier's layers.

    1. Convolutions are called conv1, conv2, ...; fully connected layers go on counting: fc6, fc7 in AlexNet.
    2. The trunk ends before the last max pooling, whose place ROI pooling takes.
    3. The head begins behind that pooling and ends with its last ReLU and the dropout there: what follows names the
       classes.
    """
    first_linear = next((index for index, step in enumerate(steps) if isinstance(step.layer, Linear)), None)
    last_relu = max((index for index, step in enumerate(steps) if isinstance(step.layer, Relu)), default=-1)
    if first_linear is None or last_relu < first_linear:
        found = ", ".join(step.layer.type for step in steps) or "no layer"
        raise UserError(
            f"{where}: expected AlexNet: convolutions, then fully connected layers with ReLU; found {found}."
        )
    begin, end = first_linear, last_relu + 1
    while begin > 0 and isinstance(steps[begin - 1].layer, Dropout):
        begin -= 1
    while end < len(steps) and isinstance(steps[end].layer, Dropout):
        end += 1
    if begin == 0 or not isinstance(steps[begin - 1].layer, MaxPool):
        found = steps[begin - 1].layer.type if begin else "nothing"
        raise UserError(f"{where}: expected max pooling before the fully connected layers, found {found}.")
    named: list[Layer] = []
    arrays: dict[str, np.ndarray] = {}
    counted = 0
    split = begin - 1
    for step in (*steps[:split], *steps[begin:end]):
        layer = step.layer
        if isinstance(layer, (Conv, Linear)):
            counted += 1
            layer = replace(layer, name=f"{'conv' if isinstance(layer, Conv) else 'fc'}{counted}")
            for part, array in (("weight", step.weight), ("bias", step.bias)):
                if array is not None:
                    arrays[f"{layer.name}.{part}"] = _checked(array, f"{where}: {layer.name}.{part}")
        named.append(layer)
    channels = [layer.out for layer in named[:split] if isinstance(layer, Conv)][-1]
    spec = NetworkSpec(
        trunk=tuple(named[:split]),
        head=tuple(named[split:]),
        input=picture_input,
        pooling_size=_pooling_size(steps[first_linear].weight, channels, where),
        spatial_scale=1 / math.prod(layer.shrinks for layer in named[:split]),
        source=source,
        source_sha256=sha256,
    )
    return Network(NetworkSpec.from_header(spec.to_header(), where=str(where)), arrays, str(where))


def _pooling_size(weight: np.ndarray | None, channels: int, where: Path) -> int:
    """The side of the square that the first fully connected layer sees of every channel: 6 in AlexNet."""
    inputs = 0 if weight is None else weight.shape[1]
    size = math.isqrt(inputs // channels)
    if size == 0 or size * size * channels != inputs:
        raise UserError(
            f"{where}: expected a first fully connected layer of {channels} square maps, found {inputs} inputs."
        )
    return size


def _checked(array: np.ndarray, what: str) -> np.ndarray:
    """The array as float32 in a piece of memory of its own; not a number means a damaged file."""
    array = np.array(array, np.float32, order="C")
    if not np.isfinite(array).all():
        raise UserError(
            f"{what}: expected numbers, found NaN or infinity: the file is damaged, or its training failed."
        )
    return array
