"""Shared by all tests: a tiny data set of drawn pictures, and a slim network, so that whole runs take a second."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from fastRCNN.alexnet import cntk_shape, he_initialised, save_network
from helpers.annotations import write_annotation
from helpers.images import write_image

TINY_CLASSES = ("disc", "square")


def draw_tiny_picture(seed: int, with_objects: bool = True):
    """Return a (90, 120, 3) picture of a disc and a square on a striped ground, its boxes and its labels."""
    rng = np.random.default_rng(seed)
    ground = rng.integers(60, 100, 3)
    image = np.empty((90, 120, 3), np.uint8)
    image[:] = ground
    image[:, ::7] = ground + 12
    boxes, labels = [], []
    if with_objects:
        x, y = int(rng.integers(18, 36)), int(rng.integers(20, 68))
        cv2.circle(image, (x, y), 13, (30, 40, 220), -1)
        boxes.append([x - 13, y - 13, x + 13, y + 13])
        x, y = int(rng.integers(66, 88)), int(rng.integers(6, 56))
        cv2.rectangle(image, (x, y), (x + 24, y + 24), (230, 200, 40), -1)
        boxes.append([x, y, x + 24, y + 24])
        labels = list(TINY_CLASSES)
    return image, boxes, labels


@pytest.fixture
def tiny_root(tmp_path: Path) -> Path:
    """A root folder with data/tiny: 4 annotated training pictures, 1 negative, 2 test pictures."""
    folders = {"positive": (0, 1, 2, 3), "negative": (4,), "testImages": (5, 6)}
    for folder, seeds in folders.items():
        for seed in seeds:
            path = tmp_path / "data" / "tiny" / folder / f"{seed}.png"
            image, boxes, labels = draw_tiny_picture(seed, with_objects=folder != "negative")
            write_image(path, image)
            if folder != "negative":
                write_annotation(path, boxes, labels)
    return tmp_path


@pytest.fixture(scope="session")
def slim_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weight file of AlexNet's shape with few channels and 32 outputs."""
    path = tmp_path_factory.mktemp("weights") / "slim.npz"
    network = he_initialised(0, spec=cntk_shape(widths=(8, 12, 12, 12, 8), hidden=32))
    save_network(path, network.spec.to_header(), network.arrays)
    return path
