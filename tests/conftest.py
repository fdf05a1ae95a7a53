"""Shared by all tests: a tiny data set of drawn pictures, and a slim network, so that whole runs take a second."""

import runpy
import sys
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import pytest

from fastRCNN.network.alexnet import cntk_shape, he_initialised
from fastRCNN.network.network import save_network
from helpers.annotations import write_annotation
from helpers.images import write_image

REPOSITORY = Path(__file__).resolve().parents[1]
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


def draw_tiny_data_set(root: Path) -> Path:
    """Make data/tiny below `root`: 4 annotated training pictures, 1 negative, 2 test pictures; return `root`."""
    folders = {"positive": (0, 1, 2, 3), "negative": (4,), "testImages": (5, 6)}
    for folder, seeds in folders.items():
        for seed in seeds:
            path = root / "data" / "tiny" / folder / f"{seed}.png"
            image, boxes, labels = draw_tiny_picture(seed, with_objects=folder != "negative")
            write_image(path, image)
            if folder != "negative":
                write_annotation(path, boxes, labels)
    return root


@pytest.fixture
def tiny_root(tmp_path: Path) -> Path:
    """A root folder with data/tiny, see `draw_tiny_data_set`."""
    return draw_tiny_data_set(tmp_path)


@pytest.fixture(scope="session")
def slim_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weight file of AlexNet's shape with few channels and 64 outputs."""
    path = tmp_path_factory.mktemp("weights") / "slim.npz"
    network = he_initialised(0, spec=cntk_shape(widths=(16, 24, 24, 24, 16), hidden=64))
    save_network(path, network.spec.to_header(), network.arrays)
    return path


class Runner:
    """Runs a numbered script in this process as `python SCRIPT OPTIONS` would, with small settings for data/tiny."""

    settings: ClassVar[dict[str, float]] = {
        "roi_maxImgDim": 120, "roi_minDimRel": 0.1, "roi_maxDimRel": 0.5, "roi_minNrPixelsRel": 0.0,
        "roi_maxNrPixelsRel": 1.0, "roi_maxAspectRatio": 4.0, "grid_nrScales": 4, "cntk_nrRois": 120,
        "cntk_padWidth": 400, "cntk_padHeight": 400, "svm_retrainLimit": 100,
    }  # fmt: skip
    steps = (
        "1_computeRois.py",
        "2_cntkGenerateInputs.py",
        "3_runCntk.py",
        "4_trainSvm.py",
        "5_evaluateResults.py",
        "5_visualizeResults.py",
    )

    def __init__(self, root: Path, weights: Path) -> None:
        self.root, self.weights = root, weights

    def __call__(self, script: str, *options: str) -> None:
        """Run `script`; SystemExit when it ends with anything but success."""
        settings = [part for name, value in self.settings.items() for part in ("--set", f"{name}={value}")]
        shared = ["--root", str(self.root), "--dataset", "tiny", "--jobs", "1", "--set", f"cntk_model={self.weights}"]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", [script, *shared, *settings, *options])
            try:
                runpy.run_path(str(REPOSITORY / script), run_name="__main__")
            except SystemExit as leaving:
                if leaving.code:
                    raise

    def all_steps(self) -> None:
        """Run steps 1 to 5."""
        for script in self.steps:
            self(script)


@pytest.fixture
def run(tiny_root: Path, slim_weights: Path) -> Runner:
    """Runs scripts on a fresh data/tiny."""
    return Runner(tiny_root, slim_weights)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, slim_weights: Path) -> Runner:
    """A root where steps 1 to 5 have run; tests must leave it as it is."""
    runner = Runner(draw_tiny_data_set(tmp_path_factory.mktemp("finished")), slim_weights)
    runner.all_steps()
    return runner
