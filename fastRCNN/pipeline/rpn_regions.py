"""`ss_method = "rpn"`: the regions that a trained Faster R-CNN network proposes, in the place of Selective Search.

Its network lies in the same folder, models/frcn_faster.npz: step 3 with classifier "faster" has trained it. So step 1
can give its regions to the other classifiers, and a detector of theirs has that network as one more part.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fastRCNN.boxes.tiles import Tiling
from fastRCNN.engines import load_engine
from fastRCNN.network.network import load_network
from fastRCNN.pipeline.proposed_rois import proposer_of
from fastRCNN.pipeline.seen_picture import SeenPicture
from fastRCNN.proposals.roi_parameters import BY_NETWORK
from fastRCNN.proposals.rois import Regions
from helpers.artifacts import Artifacts
from helpers.errors import UserError


def network_of_regions(artifacts: Artifacts, ss_method: str) -> Path | None:
    """Return the network that proposes regions for `ss_method`; None for the methods that need none."""
    return artifacts.model_file("faster") if ss_method == BY_NETWORK else None


def trained_regions(
    artifacts: Artifacts,
    ss_method: str,
    *,
    pad_size: int,
    tiling: Tiling | None = None,
    device: str = "auto",
    threads: int | None = None,
) -> Regions | None:
    """Return a function from a picture (H, W, 3) uint8 BGR to its regions (R, 4) int32, best first; several threads
    may call it. None where `ss_method` needs no network.

    pad_size: side of the padded square that the network sees pictures in, cut as `tiling` says. Raises `UserError`
    where the network is not there.
    """
    file = network_of_regions(artifacts, ss_method)
    if file is None:
        return None
    if not file.is_file():
        raise UserError(
            f'{file}: not there yet. ss_method "{BY_NETWORK}" takes the regions that Faster R-CNN\'s network proposes. '
            "Run 3_runCntk.py --classifier faster first"
        )
    network = load_network(file)
    propose = proposer_of(network, file)
    engine = load_engine("torch", network, device=device, threads=threads)

    def regions(image: NDArray[np.uint8]) -> NDArray[np.int32]:
        return propose.of_picture(engine, SeenPicture.of(image, pad_size, tiling)).rois

    return regions
