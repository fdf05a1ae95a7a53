"""Where the cells of a map look, and a trunk whose cells look where ROI pooling takes them to.

ROI pooling takes pixel x to cell round(x / stride): it believes that cell i is about pixel stride * i. In an AlexNet
whose first convolution has no padding the middle of what cell i sees is pixel 17 + 16 * i, a whole cell further right
and down, and published anchors lie around 7.5 + 16 * i. Classifiers that were given their ROIs learn to live with it.
A network that proposes them itself may do better: more padding in the first convolution moves what all cells see.
"""

import dataclasses
from collections.abc import Iterable

from fastRCNN.network.layers import AveragePool, Conv, Layer, MaxPool
from fastRCNN.network.network import Network


def first_centre(layers: Iterable[Layer]) -> float:
    """Return the pixel, along a side, in the middle of what the first cell of the map of `layers` sees."""
    centre, step = 0.0, 1
    for layer in layers:
        for each in layer.chains()[0] if layer.chains() else (layer,):
            if isinstance(each, (Conv, MaxPool, AveragePool)):
                centre += ((each.kernel - 1) / 2 - each.pad) * step
                step *= each.stride
    return centre


def with_aligned_cells(network: Network) -> Network:
    """Return `network` with so much padding in its first convolution that the first cell looks at pixel 0, about.

    Unchanged where its first layer is no convolution or it looks there already, to half a cell.
    """
    first, *others = network.spec.trunk
    surplus = round(first_centre(network.spec.trunk))
    if not isinstance(first, Conv) or surplus < network.spec.stride / 2:
        return network
    padded = dataclasses.replace(first, pad=first.pad + surplus)
    return dataclasses.replace(network, spec=dataclasses.replace(network.spec, trunk=(padded, *others)))
