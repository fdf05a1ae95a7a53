"""A network as a description and its arrays: loaded from a weight file, checked, saved.

Nothing about a network is hard-wired: the header of its weight file names trunk, ROI pooling and head, and an engine
builds what it says. Trunk: the convolutions, once per picture. ROI pooling makes every ROI (C, size, size), flattened
in that order. Head: the layers whose last outputs describe, or score, a ROI.

Letters: C channels. Weights: conv (out, in / groups, kernel, kernel), linear (out, in), bias (out,), float32.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fastRCNN.network.header_checks import expect
from fastRCNN.network.spec import NetworkSpec
from fastRCNN.network.weight_files import WeightFile, write_weight_file


@dataclass(frozen=True)
class Network:
    """A description and its arrays: "<layer>.weight" and "<layer>.bias", float32. Made by the functions below."""

    spec: NetworkSpec
    arrays: Mapping[str, np.ndarray]
    where: str = "network"

    def __post_init__(self) -> None:
        """Every layer has a weight of its shape, biases fit, and nothing is left over."""
        arrays = self.arrays
        found = arrays.shapes if isinstance(arrays, WeightFile) else {key: np.shape(arrays[key]) for key in arrays}
        expected = {f"{name}.weight": shape for name, shape in self.spec.weight_shapes().items()}
        biases = {f"{name}.bias": shape[:1] for name, shape in self.spec.weight_shapes().items()}
        for key, shape in {**expected, **biases}.items():
            present = key in found
            expect(present or key in biases, self.where, f"an array {key!r} of shape {shape}", sorted(found))
            if present:
                expect(found[key] == shape, f"{self.where}: {key}", f"shape {shape}, as its header says", found[key])
        surplus = sorted(found.keys() - expected.keys() - biases.keys())
        expect(not surplus, self.where, "arrays of the layers in its header only", surplus)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of the weight of layer `name`, without reading it."""
        return self.spec.weight_shapes()[name]

    def weight(self, name: str) -> np.ndarray:
        """The weight of layer `name`."""
        return self.arrays[f"{name}.weight"]

    def bias(self, name: str) -> np.ndarray | None:
        """The bias of layer `name`, (out,), or None when it has none."""
        return self.arrays.get(f"{name}.bias")


def load_network(path: Path | str) -> Network:
    """Open a weight file. Its arrays are mapped when they are asked for."""
    file = WeightFile(path)
    return Network(NetworkSpec.from_header(file.header, where=str(path)), file, str(path))


def save_network(path: Path | str, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write a weight file: checked, at once or not at all, the same bytes for the same content.

    Arrays are float32 or float16, which halves the file and becomes float32 when it is loaded.
    """
    spec = NetworkSpec.from_header(header, where=str(path))
    Network(spec, arrays, str(path))
    order = [f"{name}.{part}" for name in spec.weight_shapes() for part in ("weight", "bias")]
    ordered = {key: np.asarray(arrays[key]) for key in order if key in arrays}
    for key, array in ordered.items():
        expect(array.dtype in (np.float32, np.float16), f"{path}: {key}", "float32 or float16", array.dtype)
    write_weight_file(Path(path), spec.to_header(), ordered)
