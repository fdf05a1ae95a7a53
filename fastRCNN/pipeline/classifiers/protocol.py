"""What a classifier is: the steps and files it needs, what step 3 keeps for it, how rows become scores and boxes.

A row is what an engine gives for one ROI, or what step 3 kept of that. Letters in shapes: N ROIs, C classes with
background first, W numbers in a row, as many as `Scorer.width` says.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fastRCNN.datasets.imdb import Dataset
from fastRCNN.network.network import Network
from fastRCNN.pipeline.cntk_inputs import CntkRecord
from fastRCNN.pipeline.proposed_rois import ProposedRois, Proposer
from fastRCNN.run_context import RunContext
from helpers.artifacts import Artifacts


class Scorer(Protocol):
    """A trained classifier in memory."""

    @property
    def width(self) -> int:
        """W, how many numbers it needs for each ROI."""
        ...

    @property
    def why_width(self) -> str:
        """Where W comes from, for a message: "as the SVMs were trained with"."""
        ...

    @property
    def scripts(self) -> str:
        """Which scripts make rows and classifier fit again: "3_runCntk.py and 4_trainSvm.py"."""
        ...

    def __call__(self, rows: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Return scores (N, C) float32, and box offsets (N, C, 4) float32 or None, for `rows` (N, W)."""
        ...


class Outputs(Protocol):
    """What step 3 runs and keeps for each picture, and how steps 4 and 5 read it."""

    def network(self) -> Network | Path:
        """Return what an engine shall run to get rows (N, W)."""
        ...

    def proposer(self, compat: str = "corrected") -> Proposer | None:
        """Return what finds the ROIs on the network's map; None where they come from step 1."""
        ...

    def write(self, files: Sequence[Path], rows: NDArray[np.float32], proposed: ProposedRois | None = None) -> None:
        """Write the rows of one picture, filler included, to its `files` (`Classifier.output_files`).

        proposed: the ROIs, where the network found them itself.
        """
        ...

    def read(self, path: Path, nr_rois: int) -> NDArray[np.float32]:
        """Return the rows (nr_rois, W) of a picture's real ROIs."""
        ...


@dataclass(frozen=True)
class TrainingSet:
    """What step 3 has when a classifier may train the network: the training pictures and their ROIs."""

    artifacts: Artifacts
    imdb: Dataset
    records: Sequence[CntkRecord]
    nr_rois: int
    fingerprint: str  # of all that the training is made from; a checkpoint of another one is not continued
    context: RunContext = field(default_factory=RunContext)
    compat: str = "corrected"


Training = Callable[[Network, TrainingSet], tuple[Network, list[Path]]]
"""Returns a trained network, and the files that were written beside it."""


class Classifier(Protocol):
    """One row of the table: a module of this package. Only this package compares classifiers by name."""

    @property
    def name(self) -> str:
        """As in `classifier = "svm"`, and in the names of files."""
        ...

    @property
    def title(self) -> str:
        """What it is, in a few words, for --help."""
        ...

    @property
    def stages(self) -> tuple[str, ...]:
        """The steps whose files it needs before it can score, by their names in `fastRCNN.pipeline.stages`."""
        ...

    @property
    def network_parameters(self) -> tuple[str, ...]:
        """Parameters that step 3 depends on for this classifier, beside those of all."""
        ...

    @property
    def proposes(self) -> bool:
        """Whether its network finds the ROIs itself, so that steps 1 and 2 are not needed."""
        ...

    @property
    def trains_together(self) -> bool:
        """Whether several processes can train its network (`fastRCNN.nn.processes`)."""
        ...

    @property
    def trains_network(self) -> bool:
        """Whether step 3 trains the network, with checkpoints."""
        ...

    @property
    def gives_probabilities(self) -> bool:
        """Whether scores go from 0 to 1; else they are margins, above 0 for "is this class"."""
        ...

    @property
    def may_round(self) -> bool:
        """Whether cntk_precision "auto" may be bfloat16."""
        ...

    @property
    def may_halve(self) -> bool:
        """Whether cntk_embeddingType "auto" may be float16: embeddings may, scores would tie."""
        ...

    def does_without(self, stage: str) -> str:
        """Return why step `stage` has nothing to do for it, "" where it has."""
        ...

    def nr_rois(self, parameters: Mapping[str, Any]) -> int:
        """Return how many ROIs of a picture are scored at most, as `parameters` (by name) say."""
        ...

    def keeps(self, parameters: Mapping[str, Any]) -> str:
        """Return whether step 3 keeps the rows of all ROIs, as `parameters` (by name) say.

        "stored", or "computed": whoever needs them runs the network again; "auto": as the disk allows.
        """
        ...

    def advice(self, parameters: Mapping[str, Any], rois: float, covered: float) -> Mapping[str, str]:
        """Return what often helps against each kind of mistake (`fastRCNN.evaluation.error_analysis`), for the report.

        rois: how many a picture has, on average. covered: the share of the objects that one of them covers.
        """
        ...

    def roi_file(self, artifacts: Artifacts, key: str) -> Path:
        """Return where the ROIs of the picture with `key` lie, one for each row."""
        ...

    def boxes_file(self, artifacts: Artifacts) -> Path:
        """Return where its box regression lies, if there is one."""
        ...

    def network_files(self, artifacts: Artifacts) -> list[Path]:
        """Return the network that step 3 leaves, and what it trains beside it; that only at times."""
        ...

    def output_files(self, artifacts: Artifacts, first: Path, key: str, *, with_boxes: bool) -> list[Path]:
        """Return the files that `Outputs.write` makes of the picture with `key`; `first`, its rows, is the first."""
        ...

    def training(self, parameters: Mapping[str, Any]) -> Training | None:
        """Return how step 3 trains the network as `parameters` (by name) say; None where it runs it as it is."""
        ...

    def outputs(self, artifacts: Artifacts, nr_classes: int, *, with_boxes: bool | None = None) -> Outputs:
        """Return what step 3 runs and keeps; the network and its box regression must be there.

        with_boxes: whether there is a box regression; None: if its file is there.
        """
        ...

    def scorer(
        self, artifacts: Artifacts, nr_classes: int, *, compat: str = "corrected", with_boxes: bool | None = None
    ) -> Scorer:
        """Return the trained classifier; `UserError` naming the script to run where a file is missing or unfit."""
        ...
