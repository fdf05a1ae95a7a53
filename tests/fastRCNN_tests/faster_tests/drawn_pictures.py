"""Small pictures with coloured rectangles, and a slim network to learn them."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from fastRCNN.faster.pictures import AnnotatedPicture
from fastRCNN.faster.recipe import FasterTraining
from fastRCNN.network.alexnet import cntk_shape, he_initialised
from fastRCNN.network.network import Network
from fastRCNN.run_context import RunContext
from helpers.boxes import iou_matrix
from helpers.images import write_image

CLASSES = ("__background__", "red", "blue")
SIDE = 192
CONTEXT = RunContext(device="cpu", threads=1, pad_size=SIDE)
COLOURS = ((20, 20, 240), (240, 60, 20))
# small steps for a small network
SMALL = FasterTraining(
    rpn_nrAnchors=3, rpn_channels=16, rpn_batchSize=64, rpn_trainBeforeNms=300, rpn_trainAfterNms=60,
    rpn_testBeforeNms=300, rpn_testAfterNms=40, rpn_minSide=4.0, faster_roisPerImage=24, faster_max_epochs=3,
    faster_rpnEpochs=1, faster_detectorEpochs=1, faster_mb_size=1, faster_lr_per_image=(0.003,),
    faster_rpn_lr_per_image=(0.003,), faster_detector_lr_per_image=(0.003,), faster_oldRateFactor=1.0, faster_ema=0.9,
    faster_scaleJitter=0.1, faster_colourJitter=0.1, faster_trainConvFrom=1,
)  # fmt: skip


RED = np.array([[40.0, 30.0, 119.0, 69.0]])


def red_rectangle(folder: Path) -> AnnotatedPicture:
    """Return a grey picture of 240 x 160 pixels with a red rectangle at `RED`."""
    image = np.full((160, 240, 3), 90, np.uint8)
    image[30:70, 40:120] = (20, 20, 230)
    write_image(folder / "red.png", image)
    return AnnotatedPicture(folder / "red.png", RED, np.array([1]))


def drawn(folder: Path, seed: int, *, objects: int = 2) -> AnnotatedPicture:
    """Return a noisy grey picture with `objects` rectangles that do not touch, red ones flat and blue ones tall."""
    rng = np.random.default_rng(seed)
    image = rng.integers(100, 130, (SIDE, SIDE, 3)).astype(np.uint8)
    boxes, classes = np.zeros((0, 4)), []
    while len(boxes) < objects:
        kind = len(boxes) % 2
        wide, high = (56, 32) if kind == 0 else (32, 56)
        left, top = rng.integers(4, SIDE - 60, 2)
        box = np.array([[left, top, left + wide - 1, top + high - 1]], np.float64)
        grown = box + [-6, -6, 6, 6]
        if len(boxes) and iou_matrix(grown, boxes).max() > 0:
            continue
        image[top : top + high, left : left + wide] = COLOURS[kind]
        boxes, classes = np.concatenate([boxes, box]), [*classes, kind + 1]
    path = folder / f"{seed}.png"
    write_image(path, image)
    return AnnotatedPicture(path, boxes, np.array(classes, np.int64).reshape(-1))


def slim_network(seed: int = 0) -> Network:
    """AlexNet's shape with few channels and random weights, without the padding that is off by a cell."""
    return he_initialised(seed, spec=cntk_shape(widths=(8, 12, 12, 12, 16), hidden=32))


def renamed(network: Network, names: Mapping[str, str]) -> Network:
    """Return `network` with other names for some layers of its trunk."""
    trunk = tuple(
        dataclasses.replace(layer, name=names[layer.name]) if getattr(layer, "name", None) in names else layer
        for layer in network.spec.trunk
    )
    arrays = {}
    for name in network.arrays:
        layer, _, part = name.rpartition(".")
        arrays[f"{names.get(layer, layer)}.{part}"] = network.arrays[name]
    return Network(dataclasses.replace(network.spec, trunk=trunk), arrays)


def with_random_boxes(picture: AnnotatedPicture, seed: int) -> AnnotatedPicture:
    """Return `picture` with its boxes somewhere else: nothing in the pixels says where."""
    rng = np.random.default_rng(seed)
    sizes = picture.objects[:, 2:] - picture.objects[:, :2]
    corners = rng.integers(0, SIDE - 60, (len(sizes), 2)).astype(np.float64)
    return dataclasses.replace(picture, objects=np.concatenate([corners, corners + sizes], axis=1))
