"""Engines run the network. They all do the same; which one ran makes no difference downstream."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fastRCNN.network.alexnet import he_initialised
from fastRCNN.network.network import Network, load_network
from helpers.errors import UserError
from helpers.threads import wait_without_spinning


class Engine(Protocol):
    """What an engine offers: a map of each picture, then numbers for each ROI on its map; or both in one call.

    Between the two, whatever else needs the maps can use them: a source of ROIs, say. Letters in shapes: B pictures, S
    side of the padded square, C channels, H and W of the map, N ROIs, D outputs per ROI.
    """

    name: str
    feature_dimension: int
    at_once: int  # pictures in a call that suit it: 1 on a CPU, several on a GPU

    def feature_map(self, pictures: Sequence[NDArray[np.uint8]]) -> Any:
        """Return the maps (B, C, H, W) of B padded pictures (S, S, 3) uint8 BGR, all of one size.

        They stay where the engine computes, in its own type: for its `head`, and for what is written for this engine.
        """
        ...

    def regions(self, maps: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return what the network says of its A anchors in every cell of `maps` (B, C, H, W): raw scores and offsets.

        (B, 2 A, H, W), background of each anchor, then object of each; (B, 4 A, H, W), tx ty tw th of the first anchor
        first (`fastRCNN.network.rpn_spec`). `fastRCNN.rpn.propose` makes ROIs of them. Raises `UserError` where the
        network has no such part or the engine cannot run it.
        """
        ...

    def head(self, maps: Any, rois: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Return (N, D) float32 for each of `maps` and its `rois` (N, 4) x1 y1 x2 y2 in pixels of the padded square."""
        ...

    def embed(
        self, pictures: Sequence[NDArray[np.uint8]], rois: Sequence[NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]:
        """Return what `head` gives for the pictures' `feature_map` and their `rois`."""
        ...

    def begin_thread(self) -> None:
        """Let the calling thread compute beside others that do."""
        ...

    def close(self) -> None:
        """Give back what the engine holds."""
        ...

    def __enter__(self) -> "Engine": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def load_engine(
    name: str,
    network: Network | Path,
    *,
    device: str = "auto",
    threads: int | None = None,
    precision: str = "float32",
) -> Engine:
    """Return the engine `name` ("torch", "cntk"), ready to embed with `network`: a network, or the path of its file.

    `device` is "auto", "cpu" or "cuda" (torch only); `threads` is how many to use at most, None leaves it to the
    engine; `precision` is "float32" or "bfloat16" (torch only: CNTK always computes in float32).
    Engines import their packages here, when they are wanted, so that the others need not be installed.
    """
    if name == "torch":
        wait_without_spinning()
        from fastRCNN.engines.torch_engine import TorchEngine

        if isinstance(network, Path) and network.suffix == ".model":
            raise UserError(f"{network}: CNTK's own format. Use --engine cntk, or resources/convert_cntk_model.py")
        network = load_network(network) if isinstance(network, Path) else network
        return TorchEngine(network, device=device, threads=threads, precision=precision)
    if name == "cntk":
        from fastRCNN.engines.cntk_engine import CntkEngine

        return CntkEngine(network, device=device, threads=threads)
    raise ValueError(f"engine: expected 'torch' or 'cntk', got {name!r}")


def starting_network(weight_file: str, seed: int) -> Network:
    """Return the network in `weight_file` (ours, or CNTK's `.model`); when that is empty He-initialised filters."""
    if not weight_file:
        return he_initialised(seed)
    if weight_file.endswith(".model"):
        from fastRCNN.engines.cntk_engine import network_of_model

        return network_of_model(weight_file)
    return load_network(Path(weight_file))
