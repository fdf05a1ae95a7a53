"""What benchmarks/gpu.py measures on: pictures, ROIs in step 2's files, a network, and how often it computes."""

import argparse
import math
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fastRCNN.engines.torch_device import choose_device
from fastRCNN.network.layers import Conv, Layer, Linear, Shape
from fastRCNN.network.network import Network, load_network
from fastRCNN.network.pooling import pooling_keys
from fastRCNN.network.spec import NetworkSpec
from fastRCNN.pipeline.cntk_inputs import CntkInputs, CntkRecord, read_cntk_inputs, write_cntk_inputs
from helpers.artifacts import Artifacts
from helpers.image_files import find_images

REPOSITORY = Path(__file__).resolve().parent.parent
CLASSES = 17
_SMALLEST, _LARGEST = 0.04, 0.4  # sides of ROIs, of the padded square's


@dataclass
class Setting:
    """Everything that the parts share. limits: TFLOP/s by precision, when they have been measured."""

    device: torch.device
    jobs: int
    seconds: float
    side: int
    rois: int
    artifacts: Artifacts
    records: CntkInputs
    network: Network
    network_file: Path
    folder: Path
    flop: tuple[float, float]  # of the trunk, and of the head for one ROI
    different: float  # ROIs of a picture that the head sees, on average
    limits: dict[str, float] = field(default_factory=dict)

    def flop_of(self, pictures: float) -> float:
        """Return the operations that so many pictures take."""
        return pictures * (self.flop[0] + self.different * self.flop[1])

    def of_limit(self, flop_per_second: float, precision: str) -> str:
        """Return the share of the measured limit, in words."""
        limit = self.limits.get(precision)
        return f"{flop_per_second / 1e12 / limit:.1%}" if limit else "-"


def make_setting(options: argparse.Namespace, folder: Path) -> Setting:
    """Draw ROIs, link pictures and write step 2's files below `folder`."""
    device = choose_device(options.device)
    originals = find_images(REPOSITORY / "data" / "grocery" / "positive")
    artifacts = Artifacts(folder, "gpu")
    pictures = [
        artifacts.data / "positive" / f"{number:04d}{originals[0].suffix}" for number in range(options.pictures)
    ]
    pictures[0].parent.mkdir(parents=True)
    for number, path in enumerate(pictures):
        link(originals[number % len(originals)], path)
    rng = np.random.default_rng(0)
    drawn = [random_rois(rng, options.rois) for _ in range(min(8, options.pictures))]
    records = [
        CntkRecord(number, path, drawn[number % len(drawn)], rng.integers(0, CLASSES, options.rois))
        for number, path in enumerate(pictures)
    ]
    sizes = {"nr_rois": options.rois, "nr_classes": CLASSES}
    write_cntk_inputs(artifacts, "train", records, **sizes)
    given = options.network or REPOSITORY / "resources" / "cntk" / "AlexNet.npz"
    network_file = artifacts.model_file("svm")
    network_file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(given, network_file)
    network = load_network(network_file)
    squares = [record.absolute_rois(options.side) for record in records[: len(drawn)]]
    different = np.mean([len(np.unique(pooling_keys(network.spec, rois), axis=0)) for rois in squares])
    return Setting(
        device, options.jobs or os.cpu_count() or 1, options.seconds, options.side, options.rois, artifacts,
        read_cntk_inputs(artifacts, "train", pictures, **sizes), network, network_file, folder,
        (flop(network.spec, network.spec.trunk, Shape(3, options.side)),
         flop(network.spec, network.spec.head, network.spec.pooled_shape)), float(different),
    )  # fmt: skip


def link(original: Path, path: Path) -> None:
    """Make `path` a hard link of `original`, a copy where the file system has none."""
    try:
        os.link(original, path)
    except OSError:
        shutil.copy(original, path)


def random_rois(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Return (count, 4) x y w h relative to the square, their logarithms of width and height evenly spread."""
    sizes = np.exp(rng.uniform(math.log(_SMALLEST), math.log(_LARGEST), (count, 2)))
    return np.concatenate([rng.uniform(0, 1, (count, 2)) * (1 - sizes), sizes], axis=1).round(4)


def flop(spec: NetworkSpec, layers: Sequence[Layer], shape: Shape) -> float:
    """Return the multiplications and additions of the convolutions and linear layers for one input of `shape`."""
    total = 0.0
    for layer in layers:
        total += sum(flop(spec, chain, shape) for chain in layer.chains())
        shape = layer.output(shape)
        if isinstance(layer, Conv | Linear):
            total += 2 * shape.numbers * math.prod(spec.weight_shapes()[layer.name][1:])
    return total


def wait(device: torch.device) -> None:
    """Wait until a GPU has done what it was asked for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds_of(call: Callable[[], object], device: torch.device, least: float) -> float:
    """Return the seconds of one call, repeated for at least `least`: on a GPU by its own clock."""
    call()
    wait(device)
    start = time.perf_counter()
    call()
    wait(device)
    one = time.perf_counter() - start
    count = max(1, min(1000, int(least / max(one, 1e-6))))
    if device.type != "cuda":
        start = time.perf_counter()
        for _ in range(count):
            call()
        return (time.perf_counter() - start) / count
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    for _ in range(count):
        call()
    end.record()
    torch.cuda.synchronize(device)
    return begin.elapsed_time(end) / 1000 / count
