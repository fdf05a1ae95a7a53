"""The network of step 3, loaded: what it gives for a picture, and the files of that; here or on a worker of a cluster.

Letters in shapes: S side of the padded square, R rows in a file, D features.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastRCNN.boxes.tiles import Tiling
from fastRCNN.engines import load_engine
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.cntk_inputs import CntkRecord
from fastRCNN.pipeline.embed_dataset import Pace, Read, embed_pictures, read_seen
from fastRCNN.pipeline.half_floats import stored, widened
from fastRCNN.pipeline.proposed_rois import ProposedRois
from fastRCNN.pipeline.seen_picture import embed_in_tiles
from fastRCNN.pipeline.within_memory import WithinMemory
from fastRCNN.run_context import RunContext
from helpers.artifacts import Artifacts

Found = tuple[ProposedRois | None, NDArray[np.float32]]  # ROIs that the network proposed, and the rows of all ROIs


@dataclass(frozen=True)
class NetworkRun:
    """Which network is run, and how.

    nr_rows: rows in every file (`embed_picture`), None: one for each ROI. kind: of the numbers in files, "float16" or
    "float32".
    """

    artifacts: Artifacts
    classifier: str
    nr_classes: int
    context: RunContext
    compat: str = "corrected"
    nr_rows: int | None = None
    kind: str = "float32"

    @property
    def tiling(self) -> Tiling:
        """How pictures are cut."""
        return Tiling(self.context.tiles, self.context.tile_overlap)


class PictureNetwork:
    """A network in memory, for a `with` block."""

    def __init__(self, run: NetworkRun) -> None:
        """Load the network of `run`."""
        self._run = run
        self._outputs = CLASSIFIERS[run.classifier].outputs(run.artifacts, run.nr_classes)
        self._propose = self._outputs.proposer(run.compat)
        choice: Any = {name: getattr(run.context, name) for name in ("device", "threads", "precision")}
        self.engine = load_engine(run.context.engine, self._outputs.network(), **choice)
        self._within_memory = WithinMemory()

    def __enter__(self) -> "PictureNetwork":
        self.engine.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.engine.__exit__(*error)

    @property
    def most(self) -> int | None:
        """How many rows each picture gets, where that does not depend on its ROIs."""
        return self._propose.most if self._propose else self._run.nr_rows

    @property
    def pace(self) -> Pace:
        """How much goes on at once where this network computes."""
        return Pace.of(self.engine, self._run.context.threads)

    def compute(self, pictures: Sequence[Read]) -> list[Found]:
        """Return the ROIs that the network proposed, if it does, and (R, D) rows for each of `pictures`.

        Where they do not fit into a GPU's memory together, it computes fewer at a time.
        """
        return self._within_memory(self._compute, pictures)

    def _compute(self, pictures: Sequence[Read]) -> list[Found]:
        seen = [each for _, each in pictures]
        if self._propose is not None:
            return list(self._propose.with_rows(self.engine, seen))
        found: list[Found | None] = [None] * len(pictures)
        whole = [place for place, each in enumerate(seen) if not len(each.tiles)]
        rois = [pictures[place][0].absolute_rois(self._run.context.pad_size) for place in whole]
        if whole:
            of_whole = embed_pictures(self.engine, [seen[place].padded for place in whole], rois, self._run.nr_rows)
            for place, rows in zip(whole, of_whole, strict=True):
                found[place] = None, rows
        for place, (record, each) in enumerate(pictures):
            if len(each.tiles):
                assert record.boxes is not None
                found[place] = None, embed_in_tiles(self.engine, each, record.boxes)
        return [each for each in found if each is not None]

    def rows(self, pictures: Sequence[Read]) -> list[NDArray[np.float32]]:
        """Return the (N, D) rows of each record's N ROIs, in the numbers that a file of them would hold."""
        found = self.compute(pictures)
        return [
            widened(stored(rows, self._run.kind))[: len(record.rois)]
            for (record, _), (_, rows) in zip(pictures, found, strict=True)
        ]

    def write(self, files: tuple[Path, ...], found: Found) -> None:
        """Write the files of one picture."""
        proposed, rows = found
        self._outputs.write(files, stored(rows, self._run.kind), proposed)


def make_on_worker(run: NetworkRun, digest: str, record: CntkRecord, files: tuple[Path, ...]) -> float:
    """Compute and write the files of one picture, in the process of a worker; return the seconds that took.

    The network stays loaded for the next picture, as long as its `digest` is the same.
    """
    start = time.perf_counter()
    with _LOCK:
        network = _loaded(run, digest)
        network.write(files, network.compute([read_seen(record, run.context.pad_size, run.tiling)])[0])
    return time.perf_counter() - start


def rows_on_worker(run: NetworkRun, digest: str, record: CntkRecord) -> NDArray[np.float32]:
    """Return the rows of one picture (`PictureNetwork.rows`), in the process of a worker; see `make_on_worker`."""
    with _LOCK:
        return _loaded(run, digest).rows([read_seen(record, run.context.pad_size, run.tiling)])[0]


def _loaded(run: NetworkRun, digest: str) -> PictureNetwork:
    key = run, digest
    if key not in _LOADED:
        _LOADED.clear()
        _LOADED[key] = PictureNetwork(run)
    return _LOADED[key]


_LOCK = threading.Lock()  # a worker may have several threads; the engine has threads of its own
_LOADED: dict[tuple[NetworkRun, str], PictureNetwork] = {}
