"""The parts of step 1: the ROIs of pictures, found by us, or published by others and taken as they are."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastRCNN.boxes.tiles import Tiling
from fastRCNN.datasets.findings import Finding, log_warnings
from fastRCNN.pipeline.cluster import Cluster
from fastRCNN.pipeline.rpn_regions import regions_by
from fastRCNN.pipeline.stages import Chain, Work
from fastRCNN.proposals.roi_parameters import RoiParameters
from fastRCNN.proposals.rois import RoiStages, rois_of_picture, rois_of_pictures
from helpers.annotations import write_rois
from helpers.console import progress
from helpers.errors import UserError

log = logging.getLogger("steps")


@dataclass(frozen=True)
class RoiRun:
    """How step 1 finds ROIs: its parameters, and how a network that proposes regions sees a picture, and where."""

    parameters: RoiParameters
    seed: int
    threads: int
    device: str
    pad_size: int
    tiling: Tiling

    @classmethod
    def choose(cls, parameters: Mapping[str, Any], limits: Mapping[str, Any]) -> "RoiRun":
        """Return what `parameters` (by name) say; limits: what stands for "fitted"."""
        p = parameters
        return cls(
            RoiParameters.choose(p, limits), p["seed"], p["jobs"], p["device"], p["cntk_padWidth"],
            Tiling(p["cntk_tiles"], p["cntk_tileOverlap"]),
        )  # fmt: skip

    def find(
        self, paths: Sequence[Path], network: Path | None = None, cluster: Cluster | None = None
    ) -> Iterator[tuple[RoiStages, float]]:
        """Yield the ROIs of each picture in `paths`, and the seconds that took.

        network: that proposes regions (`network_of_regions`). cluster: its workers do it, which cannot run a network.
        """
        if cluster and network:
            raise UserError(
                f"--cluster: workers do not run the network of ss_method {self.parameters.ss_method!r}; go without it"
            )
        if cluster:
            return cluster.map(rois_of_picture, ((path, self.parameters, self.seed) for path in paths))
        regions = regions_by(
            network, pad_size=self.pad_size, tiling=self.tiling, device=self.device, threads=self.threads
        )
        return rois_of_pictures(paths, self.parameters, self.seed, self.threads, regions=regions)


def take_precomputed(chain: Chain, work: Work) -> set[Path]:
    """Write the ROIs of pictures that others have computed, where they are left to do; return all such files."""
    published, of = chain.precomputed_rois, chain.artifacts
    known = [(imdb, index, key) for imdb in chain.datasets.values() for index, key in enumerate(imdb.keys)
             if key in published]  # fmt: skip
    if known:
        log.info("%s: the ROIs of %d pictures are published there, and need not be computed (datasetPrecomputedRois).",
                 ", ".join(map(str, published.files_of(key for *_, key in known))), len(known))  # fmt: skip
    todo = set(work.todo)
    left = [each for each in known if of.roi_file(each[2]) in todo]
    for imdb, index, key in progress(left, "published ROIs", len(left)):
        record = imdb[index]
        with work.making(of.roi_file(key)):
            write_rois(of.roi_file(key), published.rois(key, record.width, record.height))
    if published.without:
        advice = "The whole picture is their only ROI. datasetPrecomputedRois = False: ROIs of our own."
        log_warnings([Finding("picture(s) have no usable box in that file", tuple(published.without), advice)])
    return {of.roi_file(key) for *_, key in known}
