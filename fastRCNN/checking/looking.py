"""What B0 looks at objects with: ROIs and the network, as steps 1 and 3 would use them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastRCNN.boxes.tiles import Tiling
from fastRCNN.checking.examination import OfPicture
from fastRCNN.datasets.imdb import ImageRecord
from fastRCNN.engines import load_engine, starting_network
from fastRCNN.network.precision import choose_precision
from fastRCNN.pipeline.cntk_inputs import absolute_rois, relative_rois
from fastRCNN.pipeline.embed_dataset import embed_picture
from fastRCNN.pipeline.rpn_regions import network_of_regions, regions_by
from fastRCNN.proposals.recall import best_overlaps
from fastRCNN.proposals.roi_parameters import RoiParameters
from fastRCNN.proposals.rois import Regions, compute_rois
from helpers.annotations import read_rois
from helpers.artifacts import Artifacts
from helpers.images import pad_to_square


def roi_overlaps_of(artifacts: Artifacts, parameters: Mapping[str, Any]) -> OfPicture:
    """Return a function that gives the best overlap of each object of a picture with a ROI.

    The ROIs are those of step 1 where they are there, else the same ones computed; with `fast` there are none, and the
    overlaps NaN.
    """
    choice, seed, nr_rois = RoiParameters.choose(parameters), parameters["seed"], parameters["cntk_nrRois"]

    @cache
    def regions() -> Regions | None:
        pad_size, device = parameters["cntk_padWidth"], parameters["device"]
        tiling = Tiling(parameters["cntk_tiles"], parameters["cntk_tileOverlap"])
        network = network_of_regions(artifacts, choice.ss_method)
        return regions_by(network, pad_size=pad_size, tiling=tiling, device=device)

    def computed(image: NDArray[np.uint8]) -> NDArray[np.int32]:
        return compute_rois(image, choice, np.random.default_rng(seed), regions=regions())

    def overlaps(image: NDArray[np.uint8], record: ImageRecord) -> NDArray[np.float64]:
        if parameters["fast"] or len(record.gt_boxes) == 0:
            return np.full(len(record.gt_boxes), np.nan)
        path = artifacts.roi_file(record.key)
        rois = read_rois(path) if path.is_file() else computed(image)
        return best_overlaps([rois[:nr_rois]], [record.gt_boxes])[0]

    return overlaps


@contextmanager
def embedder(parameters: Mapping[str, Any]) -> Iterator[OfPicture | None]:
    """Give a function that gives the network's numbers for the objects of a picture, (G, D); None with `fast`.

    Without a weight file there is none either: random filters tell textures apart, not kinds of objects.
    """
    p = parameters
    if p["fast"] or not p["cntk_model"]:
        yield None
        return
    precision = choose_precision(p["cntk_precision"], engine=p["engine"], device=p["device"])
    network = starting_network(str(Path(p["cntk_model"])), p["seed"])
    with load_engine(p["engine"], network, device=p["device"], threads=p["jobs"], precision=precision) as engine:

        def embed(image: NDArray[np.uint8], record: ImageRecord) -> NDArray[np.float32]:
            padded, _ = pad_to_square(image, p["cntk_padWidth"])
            placed = relative_rois(record.gt_boxes, record.width, record.height, p["cntk_padWidth"])
            return embed_picture(engine, padded, absolute_rois(placed, p["cntk_padWidth"]))

        yield embed
