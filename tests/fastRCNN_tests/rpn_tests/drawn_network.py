"""A slim network with a region proposal network, for tests."""

import dataclasses

import numpy as np

from fastRCNN.network.alexnet import cntk_shape, he_initialised
from fastRCNN.network.layers import Linear
from fastRCNN.network.network import Network
from fastRCNN.network.rpn_spec import RpnSpec
from fastRCNN.network.spec import NetworkSpec
from fastRCNN.rpn.anchors import base_anchors

ANCHORS = tuple((float(a), float(b), float(c), float(d)) for a, b, c, d in base_anchors((2, 4, 8)))


def faster_spec(classes: tuple[str, ...], *, hidden: int = 16, rpn: RpnSpec | None = None) -> NetworkSpec:
    """AlexNet's shape with few channels, nine anchors and, for `classes`, scores and offsets."""
    spec = cntk_shape(widths=(8, 12, 12, 12, 8), hidden=hidden)
    head = (*spec.head, Linear("score_and_bbox", 5 * len(classes)))
    rpn = rpn or RpnSpec(ANCHORS, channels=12, min_side=4.0)
    return dataclasses.replace(spec, head=head, classes=classes, rpn=rpn)


def faster_network(classes: tuple[str, ...], seed: int = 0) -> Network:
    """`faster_spec` with random weights, whose boxes stay near their anchors and ROIs."""
    network = he_initialised(seed, spec=faster_spec(classes))
    small = {"rpn_box.weight": 0.02, "rpn_cls.weight": 0.2, "score_and_bbox.weight": 0.02}
    arrays = {name: array * np.float32(small.get(name, 1)) for name, array in network.arrays.items()}
    return Network(network.spec, arrays, network.where)
