"""Classifier "svm": the network gives 4096 numbers for each ROI, linear SVMs score them (steps 3 and 4).

    models/frcn_svm.npz              the network
    <set>_svm_parsed/<i>.dat.npz     (cntk_nrRois, D) embeddings, filler included
    trainedSvm/svm*_exp1.txt         the SVMs
    trainedSvm/boxes_exp1.npz        their box regression (svm_bboxRegression)

Letters in shapes: N ROIs, C classes with background first, D numbers of an embedding.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastRCNN.boxes.box_regression import BoxRegressor
from fastRCNN.pipeline.classifiers.advice import LEARNT_BOXES, advice, coverage_of_step_1, rois_of_step_1
from fastRCNN.pipeline.classifiers.protocol import Training
from fastRCNN.pipeline.embeddings import EmbeddingFiles, write_embeddings
from fastRCNN.pipeline.proposed_rois import ProposedRois
from fastRCNN.svm.model import SvmModel
from fastRCNN.svm.scoring import score_rois
from helpers.artifacts import Artifacts


class SvmClassifier:
    """See `fastRCNN.pipeline.classifiers.protocol.Classifier`."""

    name = "svm"
    title = "linear SVMs"
    stages = ("rois", "inputs", "network", "embeddings", "svm")
    network_parameters: tuple[str, ...] = ()
    proposes = False
    trains_network = False
    trains_together = False
    gives_probabilities = False
    may_round = True
    may_halve = True

    def does_without(self, stage: str) -> str:
        """Every step works for it."""
        return ""

    def nr_rois(self, parameters: Mapping[str, Any]) -> int:
        """Return cntk_nrRois."""
        number: int = parameters["cntk_nrRois"]
        return number

    def keeps(self, parameters: Mapping[str, Any]) -> str:
        """Return svm_embeddings; with compat "tutorial" they are stored, as published, unless told otherwise."""
        asked: str = parameters["svm_embeddings"]
        return "stored" if asked == "auto" and parameters["compat"] == "tutorial" else asked

    def advice(self, parameters: Mapping[str, Any], rois: float, covered: float) -> dict[str, str]:
        """Return what often helps against each kind of mistake."""
        p, moving = parameters, "" if parameters["svm_bboxRegression"] else "svm_bboxRegression = True; "
        more, coverage = rois_of_step_1(p, rois), coverage_of_step_1(p)
        return advice(
            p,
            covered=covered,
            rois=more,
            coverage=coverage,
            learning="classifier nn or faster",
            boxes=moving + LEARNT_BOXES,
        )

    def roi_file(self, artifacts: Artifacts, key: str) -> Path:
        """Return step 1's file."""
        return artifacts.roi_file(key)

    def boxes_file(self, artifacts: Artifacts) -> Path:
        """Return step 4's file of the box regression."""
        return artifacts.svm_folder / "boxes_exp1.npz"

    def network_files(self, artifacts: Artifacts) -> list[Path]:
        """Return the network."""
        return [artifacts.model_file(self.name)]

    def output_files(self, artifacts: Artifacts, first: Path, key: str, *, with_boxes: bool) -> list[Path]:
        """Return the file of the embeddings."""
        return [first]

    def training(self, parameters: Mapping[str, Any]) -> Training | None:
        """The network stays as it is: step 4 trains, on what it gives."""
        return None

    def outputs(self, artifacts: Artifacts, nr_classes: int, *, with_boxes: bool | None = None) -> "SvmOutputs":
        """Return the embeddings' files."""
        return SvmOutputs(artifacts.model_file(self.name))

    def scorer(
        self, artifacts: Artifacts, nr_classes: int, *, compat: str = "corrected", with_boxes: bool | None = None
    ) -> "SvmScorer":
        """Return the SVMs of step 4, with their box regression where there is one."""
        model = SvmModel.load(artifacts.svm_folder, nr_classes=nr_classes)
        boxes = self.boxes_file(artifacts)
        with_boxes = boxes.is_file() if with_boxes is None else with_boxes
        return SvmScorer(model, BoxRegressor.load(boxes, nr_classes=nr_classes) if with_boxes else None, compat)


@dataclass(frozen=True)
class SvmOutputs:
    """See `fastRCNN.pipeline.classifiers.protocol.Outputs`: one npz of embeddings for each picture."""

    model: Path

    def network(self) -> Path:
        """Return the network's file."""
        return self.model

    def proposer(self, compat: str = "corrected") -> None:
        """The ROIs come from step 1."""

    def write(self, files: Sequence[Path], rows: NDArray[np.float32], proposed: ProposedRois | None = None) -> None:
        """Write the embeddings of one picture."""
        write_embeddings(files[0], rows)

    def read(self, path: Path, nr_rois: int) -> NDArray[np.float32]:
        """Return (nr_rois, D), a memory map where possible."""
        rows: NDArray[np.float32] = EmbeddingFiles([path], [nr_rois])[0]
        return rows


@dataclass(frozen=True)
class SvmScorer:
    """See `fastRCNN.pipeline.classifiers.protocol.Scorer`."""

    model: SvmModel
    regressor: BoxRegressor | None = None
    compat: str = "corrected"

    why_width = "as the SVMs were trained with"
    scripts = "3_runCntk.py and 4_trainSvm.py"

    @property
    def width(self) -> int:
        """D of the embeddings that step 4 had."""
        return self.model.feature_dimension

    def __call__(self, rows: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Return margins (N, C), and offsets (N, C, 4) where a box regression was trained, for embeddings (N, D)."""
        scores = score_rois(rows, self.model, compat=self.compat)
        return scores, None if self.regressor is None else self.regressor.offsets(rows)
