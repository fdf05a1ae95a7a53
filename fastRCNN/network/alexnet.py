"""AlexNet: the three published shapes, and first weights.

Weights for AlexNet exist in three shapes: CNTK's, BVLC Caffe's in groups, torchvision's without normalisation. ROI
pooling, 6 x 6, takes the place of AlexNet's last max pooling. Head: fc6 and fc7, whose 4096 outputs after the ReLU are
a ROI's embedding.

Krizhevsky, Sutskever, Hinton: ImageNet Classification with Deep Convolutional Neural Networks, 2012.
Girshick: Fast R-CNN, 2015.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from fastRCNN.network.layers import Conv, Dropout, Layer, Linear, Lrn, MaxPool, Relu
from fastRCNN.network.network import Network
from fastRCNN.network.spec import NetworkSpec, PictureInput


def he_initialised(seed: int, *, spec: NetworkSpec | None = None) -> Network:
    """A network of CNTK's shape (or of `spec`) that was never trained: normal numbers of variance 2 / fan in, biases 0;
    factors of channels are 1.

    Such filters keep the size of what passes through, and already tell textures apart well enough to start with.
    He, Zhang, Ren, Sun: Delving Deep into Rectifiers, 2015.
    """
    source = f"He initialisation, seed {seed}: random filters, not trained on any picture"
    spec = dataclasses.replace(spec or cntk_shape(), source=source, source_sha256=None)
    rng = np.random.default_rng(seed)
    arrays: dict[str, np.ndarray] = {}
    for name, shape in spec.weight_shapes().items():
        weight = rng.standard_normal(shape, dtype=np.float32)
        weight *= np.float32(math.sqrt(2.0 / math.prod(shape[1:])))
        arrays[f"{name}.weight"] = weight if len(shape) > 1 else np.ones(shape, np.float32)
        arrays[f"{name}.bias"] = np.zeros(shape[0], np.float32)
    return Network(spec, arrays, source)


def cntk_shape(*, widths: Sequence[int] = (96, 192, 384, 384, 256), hidden: int = 4096) -> NetworkSpec:
    """AlexNet as CNTK's tutorials train and publish it. Input: BGR minus 114."""
    one, two, three, four, five = widths
    return NetworkSpec(
        trunk=(
            Conv("conv1", one, 11, stride=4), Relu(), Lrn(), MaxPool(3, 2),
            Conv("conv2", two, 5, pad=2), Relu(), Lrn(), MaxPool(3, 2),
            Conv("conv3", three, 3, pad=1), Relu(),
            Conv("conv4", four, 3, pad=1), Relu(),
            Conv("conv5", five, 3, pad=1), Relu(),
        ),
        head=alexnet_head(hidden),
    )  # fmt: skip


def caffe_shape(*, widths: Sequence[int] = (96, 256, 384, 384, 256), hidden: int = 4096) -> NetworkSpec:
    """BVLC Caffe's bvlc_alexnet: conv2, 4 and 5 in two groups, pooling over the edge. BGR minus ImageNet's mean."""
    one, two, three, four, five = widths
    return NetworkSpec(
        trunk=(
            Conv("conv1", one, 11, stride=4), Relu(), Lrn(), MaxPool(3, 2, ceil=True),
            Conv("conv2", two, 5, pad=2, groups=2), Relu(), Lrn(), MaxPool(3, 2, ceil=True),
            Conv("conv3", three, 3, pad=1), Relu(),
            Conv("conv4", four, 3, pad=1, groups=2), Relu(),
            Conv("conv5", five, 3, pad=1, groups=2), Relu(),
        ),
        head=alexnet_head(hidden),
        input=PictureInput("BGR", (104.0, 117.0, 123.0)),
    )  # fmt: skip


def torchvision_shape(*, widths: Sequence[int] = (64, 192, 384, 256, 256), hidden: int = 4096) -> NetworkSpec:
    """torchvision's alexnet (Krizhevsky 2014), without normalisation layers. RGB, mean and deviation of ImageNet."""
    one, two, three, four, five = widths
    mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of pixels / 255
    red, green, blue = (255 * value for value in mean)
    scale = tuple(1 / (255 * value) for value in deviation)
    return NetworkSpec(
        trunk=(
            Conv("conv1", one, 11, stride=4, pad=2), Relu(), MaxPool(3, 2),
            Conv("conv2", two, 5, pad=2), Relu(), MaxPool(3, 2),
            Conv("conv3", three, 3, pad=1), Relu(),
            Conv("conv4", four, 3, pad=1), Relu(),
            Conv("conv5", five, 3, pad=1), Relu(),
        ),
        head=(Dropout(), Linear("fc6", hidden), Relu(), Dropout(), Linear("fc7", hidden), Relu()),
        input=PictureInput("RGB", (red, green, blue), (scale[0], scale[1], scale[2])),
    )  # fmt: skip


def alexnet_head(hidden: int = 4096) -> tuple[Layer, ...]:
    """fc6 and fc7 with dropout behind each ReLU; the layer that names ImageNet's 1000 classes is left out."""
    return (Linear("fc6", hidden), Relu(), Dropout(), Linear("fc7", hidden), Relu(), Dropout())
