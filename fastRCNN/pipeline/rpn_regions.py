"""`ss_method = "rpn"`: the regions that a network proposes, in the place of Selective Search; "rpn+fast": beside it.

Which network: models/frcn_faster.npz of the data set, where step 3 with classifier "faster" has trained one; else the
bundled one, which has seen drawn pictures of all kinds and none of a user's. A trained detector keeps its network as
one more part, so that it works wherever it is copied to: of the bundled one a copy, models/proposals.npz.
"""

import logging
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fastRCNN.boxes.tiles import Tiling
from fastRCNN.engines import load_engine
from fastRCNN.network.network import load_network
from fastRCNN.pipeline.proposed_rois import proposer_of
from fastRCNN.pipeline.seen_picture import SeenPicture
from fastRCNN.proposals.roi_parameters import NETWORK_METHODS
from fastRCNN.proposals.rois import Regions
from fastRCNN.rpn.several_sizes import propose_at_sizes
from helpers.artifacts import Artifacts, atomic_write
from helpers.errors import UserError

log = logging.getLogger(__name__)

BUNDLED = Path(__file__).resolve().parents[2] / "resources" / "cntk" / "proposals.npz"


def network_of_regions(artifacts: Artifacts, ss_method: str) -> Path | None:
    """Return the network that proposes regions for `ss_method`; None for the methods that need none."""
    if ss_method not in NETWORK_METHODS:
        return None
    trained = artifacts.model_file("faster")
    return trained if trained.is_file() else BUNDLED


def warn_of_what_it_has_seen(artifacts: Artifacts, ss_method: str) -> None:
    """Say that pictures that are left out are not new to a network of regions that was trained on this data set."""
    network = network_of_regions(artifacts, ss_method)
    if network not in (None, BUNDLED):
        log.warning("%s proposes the regions, and was trained on all training pictures: those that are left out are "
                    "not new to it, so the numbers look too good.", network)  # fmt: skip


def part_of_regions(artifacts: Artifacts, ss_method: str) -> Path | None:
    """Return the same network as a part of a trained detector: below the folder of `artifacts`, copied if need be."""
    network = network_of_regions(artifacts, ss_method)
    if network != BUNDLED:
        return network
    content, copy = BUNDLED.read_bytes(), artifacts.proposals_file
    if not copy.is_file() or copy.read_bytes() != content:
        with atomic_write(copy) as temporary:
            temporary.write_bytes(content)
    return copy


def network_among(artifacts: Artifacts, ss_method: str, parts: Iterable[Path] | None) -> Path | None:
    """Return which of a detector's `parts` proposes its regions; None for the methods that need none.

    parts: None where nobody has written down what the detector consists of; then what is there is taken.
    """
    if ss_method not in NETWORK_METHODS:
        return None
    known = [artifacts.proposals_file, artifacts.model_file("faster")]
    there = [file for file in known if file in parts] if parts is not None else [f for f in known if f.is_file()]
    return there[0] if there else BUNDLED


def regions_by(
    file: Path | None,
    *,
    pad_size: int,
    tiling: Tiling | None = None,
    device: str = "auto",
    threads: int | None = None,
) -> Regions | None:
    """Return a function from a picture (H, W, 3) uint8 BGR to what the network in `file` proposes: regions (R, 4)
    int32, best first, and their objectness (R,); several threads may call it. None without a file.

    pad_size: side of the padded square that a network sees pictures in, cut as `tiling` says; without a part in it
    where the network says itself at which sizes it looks. Raises `UserError` where there is no such network.
    """
    if file is None:
        return None
    if not file.is_file():
        raise UserError(
            f"{file}: not there. ss_method {' and '.join(NETWORK_METHODS)} take the regions that it proposes. "
            "Copy it from the project, or train a network: 3_runCntk.py --classifier faster"
        )
    network = load_network(file)
    propose = proposer_of(network, file)
    engine = load_engine("torch", network, device=device, threads=threads)
    several = network.spec.rpn is not None and network.spec.rpn.sides

    def regions(image: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        if several:
            found = propose_at_sizes(engine, image, network.spec)
            return found.boxes.astype(np.int32), np.asarray(found.scores, np.float64)
        return propose.of_picture(engine, SeenPicture.of(image, pad_size, tiling))

    return regions
