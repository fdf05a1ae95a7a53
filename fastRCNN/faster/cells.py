"""A trunk whose cells look where ROI pooling takes them to.

ROI pooling takes pixel x to cell round(x / stride): it believes that cell i is about pixel stride * i. In an AlexNet
whose first convolution has no padding the middle of what cell i sees is pixel 17 + 16 * i, a whole cell further right
and down, and published anchors lie around 7.5 + 16 * i. Classifiers that were given their ROIs learn to live with it.
A network that proposes them itself may do better: more padding in the first convolution moves what all cells see.
"""

import dataclasses

from fastRCNN.network.layers import Conv
from fastRCNN.network.network import Network


def with_aligned_cells(network: Network) -> Network:
    """Return `network` with so much padding in its first convolution that the first cell looks at pixel 0, about.

    Unchanged where its first layer is no convolution or it looks there already, to half a cell.
    """
    first, *others = network.spec.trunk
    surplus = round(network.spec.first_centre)
    if not isinstance(first, Conv) or surplus < network.spec.stride / 2:
        return network
    padded = dataclasses.replace(first, pad=first.pad + surplus)
    return dataclasses.replace(network, spec=dataclasses.replace(network.spec, trunk=(padded, *others)))
