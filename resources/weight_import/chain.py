"""From the layers of a whole classifier to a network of ours: what comes before ROI pooling, what behind it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fastRCNN.network.layers import AveragePool, Conv, Dropout, GlobalAverage, Linear, MaxPool, Relu, Relu6
from fastRCNN.network.network import Network
from fastRCNN.network.spec import NetworkSpec, PictureInput
from helpers.errors import UserError
from resources.weight_import.steps import Names, Step, folded

HEADS = ("rest", "map")
_STRIDE = 16  # of the trunk, in every network here
_C4_SIZE, _MAP_SIZE = 14, 7  # side of a pooled ROI, for stages that halve it, and as it is


@dataclass(frozen=True)
class Cut:
    """How a classifier is cut into trunk and head.

    head: "rest" (the classifier's own further layers), "map" (none: the pooled map itself describes a ROI).
    pooling_kind: "max", "align"; None: "max" where the map comes out of a ReLU. pooling_size: None: what fits the head.
    """

    head: str = "rest"
    pooling_kind: str | None = None
    pooling_size: int | None = None


def network_of(
    steps: Sequence[Step],
    *,
    picture_input: PictureInput,
    source: str,
    sha256: str,
    where: Path,
    cut: Cut | None = None,
) -> Network:
    """Make the network of a whole classifier's layers; batch normalisation becomes a part of the layers before it.

    A chain that ends in fully connected layers (AlexNet, VGG16): the trunk ends before the last max pooling, whose
    place ROI pooling takes; the head begins behind it and ends with its last ReLU and the dropout there: what follows
    names the classes. Residual blocks (ResNet, EfficientNet): the trunk ends before the stage that would make its
    stride 32; the head is that stage and the mean over its maps.
    """
    cut, steps = cut or Cut(), folded(steps)
    if any(step.sides for step in steps):
        trunk, head, size = _cut_stages(steps, where)
    else:
        trunk, head, size = _cut_chain(steps, where)
    if cut.head == "map":
        head, size = [], _MAP_SIZE
    rectified = isinstance(trunk[-1].layer, (Relu, Relu6, MaxPool))
    names = Names(where)
    spec = NetworkSpec(
        trunk=names.layers(trunk),
        head=names.layers(head),
        input=picture_input,
        pooling_size=cut.pooling_size or size,
        pooling_kind=cut.pooling_kind or ("max" if rectified else "align"),
        spatial_scale=1 / math.prod(step.shrinks for step in trunk),
        source=source,
        source_sha256=sha256,
    )
    return Network(NetworkSpec.from_header(spec.to_header(), where=str(where)), names.arrays, str(where))


def _cut_chain(steps: Sequence[Step], where: Path) -> tuple[list[Step], list[Step], int]:
    """Return trunk, head and the side of a pooled ROI."""
    first_linear = next((index for index, step in enumerate(steps) if isinstance(step.layer, Linear)), None)
    last_relu = max((index for index, step in enumerate(steps) if isinstance(step.layer, Relu)), default=-1)
    if first_linear is None or last_relu < first_linear:
        found = ", ".join(step.layer.type for step in steps) or "no layer"
        raise UserError(
            f"{where}: expected AlexNet, VGG16 or a network of residual blocks: convolutions, then fully connected "
            f"layers with ReLU, or a mean over the maps; found {found}."
        )
    begin, end = first_linear, last_relu + 1
    while begin > 0 and isinstance(steps[begin - 1].layer, Dropout):
        begin -= 1
    while end < len(steps) and isinstance(steps[end].layer, Dropout):
        end += 1
    if begin == 0 or not isinstance(steps[begin - 1].layer, MaxPool):
        found = steps[begin - 1].layer.type if begin else "nothing"
        raise UserError(f"{where}: expected max pooling before the fully connected layers, found {found}.")
    trunk = list(steps[: begin - 1])
    channels = [step.layer.out for step in trunk if isinstance(step.layer, Conv)][-1]
    return trunk, list(steps[begin:end]), _pooling_size(steps[first_linear].weight, channels, where)


def _cut_stages(steps: Sequence[Step], where: Path) -> tuple[list[Step], list[Step], int]:
    """Return trunk, head and the side of a pooled ROI."""
    last = max((index for index, step in enumerate(steps) if isinstance(step.layer, Linear)), default=len(steps))
    steps = list(steps[:last])
    strides = [math.prod(step.shrinks for step in steps[: place + 1]) for place in range(len(steps))]
    stride = max(strides, default=1)
    split = next((place for place, reached in enumerate(strides) if reached > _STRIDE), 0)
    while split > 0 and not steps[split].sides and not steps[split - 1].sides:
        split -= 1  # back to the beginning of a stage whose first block is a plain chain
    while steps and isinstance(steps[-1].layer, (Dropout, GlobalAverage, AveragePool)):
        steps.pop()
    if stride <= _STRIDE or split == 0:
        raise UserError(
            f"{where}: expected residual blocks, one of which makes the stride larger than {_STRIDE}, as in ResNet or "
            f"EfficientNet; found a stride of {stride}."
        )
    return steps[:split], [*steps[split:], Step(GlobalAverage())], _C4_SIZE


def _pooling_size(weight: np.ndarray | None, channels: int, where: Path) -> int:
    """The side of the square that the first fully connected layer sees of every channel: 6 in AlexNet."""
    inputs = 0 if weight is None else weight.shape[1]
    size = math.isqrt(inputs // channels)
    if size == 0 or size * size * channels != inputs:
        raise UserError(
            f"{where}: expected a first fully connected layer of {channels} square maps, found {inputs} inputs."
        )
    return size
