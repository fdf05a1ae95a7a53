"""New layers between the pooled map and the scores, for networks whose weight file has none there.

The weight file of AlexNet or VGG16 brings fc6 and fc7, that of a ResNet a block. One of EfficientNet-Lite0 ends with
its map, and scores and offsets that are linear in a map cannot say "this edge, but only beside that corner".
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from fastRCNN.network.layers import Layer, Linear, Relu, through
from fastRCNN.network.network import Network
from fastRCNN.nn.trainable_layers import hidden_head

PREFIX = "hidden"


def with_hidden_layers(network: Network, widths: Sequence[int], *, seed: int = 0) -> Network:
    """Return `network` with linear layers of `widths` outputs, each with ReLU, in place of an empty head.

    A head with layers of its own stays. The filters are He-initialised by `seed`.
    """
    if hidden_head(network.spec) or not widths:
        return network
    rng = np.random.default_rng(seed)
    arrays = {name: network.arrays[name] for name in network.arrays}
    layers: list[Layer] = []
    inputs = through((), network.spec.pooled_shape).numbers
    for number, width in enumerate(widths, 1):
        name = f"{PREFIX}{number}"
        layers += [Linear(name, width), Relu()]
        weight = rng.standard_normal((width, inputs), dtype=np.float32)
        arrays[f"{name}.weight"] = weight * np.float32(math.sqrt(2.0 / inputs))
        arrays[f"{name}.bias"] = np.zeros(width, np.float32)
        inputs = width
    spec = dataclasses.replace(network.spec, head=tuple(layers), classes=None)
    kept = {f"{name}.{part}" for name in spec.weight_shapes() for part in ("weight", "bias")}
    return Network(spec, {name: array for name, array in arrays.items() if name in kept}, network.where)
