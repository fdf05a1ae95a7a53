"""Classifier "nn": the network's own softmax layer, trained in step 3 (Part 2 of the tutorial).

    models/frcn_nn.npz              the network; its last layer, "score", gives C raw scores
    models/boxes_nn.npz             the box regression, a layer beside "score" on the same numbers (nn_bboxRegression)
    models/checkpoint_nn.npz        while it trains, after each epoch
    <set>_nn_parsed/<i>.*.npz       scores and offsets, see `fastRCNN.pipeline.outputs`

Letters in shapes: N ROIs, C classes with background first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastRCNN.boxes.box_regression import BoxRegressor
from fastRCNN.boxes.tiles import Tiling
from fastRCNN.datasets.roidb import load_roidb
from fastRCNN.network.network import Network
from fastRCNN.pipeline.classifiers.advice import LEARNT_BOXES, advice, coverage_of_step_1, rois_of_step_1
from fastRCNN.pipeline.classifiers.compat import say_what_is_overridden
from fastRCNN.pipeline.classifiers.protocol import Training, TrainingSet
from fastRCNN.pipeline.outputs import SoftmaxScorer, offsets_file, read_outputs, scoring_network, write_outputs
from fastRCNN.pipeline.proposed_rois import ProposedRois
from fastRCNN.pipeline.training_pictures import training_pictures
from fastRCNN.pipeline.training_tiles import in_tiles
from helpers.artifacts import Artifacts

if TYPE_CHECKING:
    from fastRCNN.nn.training import NnTraining


class NnClassifier:
    """See `fastRCNN.pipeline.classifiers.protocol.Classifier`."""

    name = "nn"
    title = "the network's softmax layer"
    stages = ("rois", "inputs", "network", "embeddings")
    network_parameters = (
        "nn_", "cntk_max_epochs", "cntk_mb_size", "cntk_l2_reg_weight", "cntk_lr_per_image",
        "cntk_momentum_time_constant", "compat",
    )  # fmt: skip
    proposes = False
    trains_network = True
    trains_together = True
    gives_probabilities = True
    may_round = True
    may_halve = False  # rounded scores would tie

    def does_without(self, stage: str) -> str:
        """Step 4 has nothing to do."""
        return "the network itself scores the classes" if stage == "svm" else ""

    def nr_rois(self, parameters: Mapping[str, Any]) -> int:
        """Return cntk_nrRois."""
        number: int = parameters["cntk_nrRois"]
        return number

    def keeps(self, parameters: Mapping[str, Any]) -> str:
        """Return "stored": scores and offsets are small."""
        return "stored"

    def advice(self, parameters: Mapping[str, Any], rois: float, covered: float) -> dict[str, str]:
        """Return what often helps against each kind of mistake."""
        p, moving = parameters, "" if parameters["nn_bboxRegression"] else "nn_bboxRegression = True; "
        more, coverage = rois_of_step_1(p, rois), coverage_of_step_1(p)
        return advice(
            p, covered=covered, rois=more, coverage=coverage, learning="classifier faster", boxes=moving + LEARNT_BOXES
        )

    def roi_file(self, artifacts: Artifacts, key: str) -> Path:
        """Return step 1's file."""
        return artifacts.roi_file(key)

    def boxes_file(self, artifacts: Artifacts) -> Path:
        """Return step 3's file of the box regression."""
        return artifacts.model_file(self.name).with_name("boxes_nn.npz")

    def network_files(self, artifacts: Artifacts) -> list[Path]:
        """Return the network and its box regression."""
        return [artifacts.model_file(self.name), self.boxes_file(artifacts)]

    def output_files(self, artifacts: Artifacts, first: Path, key: str, *, with_boxes: bool) -> list[Path]:
        """Return the file of the scores and, with box regression, that of the offsets."""
        return [first, offsets_file(first)] if with_boxes else [first]

    def training(self, parameters: Mapping[str, Any]) -> Training | None:
        """Return the training of the layer "score" and of what comes before it."""
        from fastRCNN.nn.training import NnTraining  # only here: the other steps start faster without

        recipe = NnTraining.choose(parameters)
        say_what_is_overridden(parameters, vars(recipe))
        return lambda network, data: self._train(network, recipe, data)

    def _train(self, network: Network, recipe: "NnTraining", data: TrainingSet) -> tuple[Network, list[Path]]:
        """Return the trained network; its box regression, if any, is written."""
        from fastRCNN.nn.train_network import train_network

        of, nr_rois, pad_size = data.artifacts, data.nr_rois, data.context.pad_size
        roidb = load_roidb(data.imdb, of, nr_rois, with_ground_truth=True) if recipe.needs_roidb else None
        pictures = training_pictures(
            data.records, roidb, pad_size=pad_size, nr_rois=nr_rois, with_filler=data.compat == "tutorial"
        )
        tiling = Tiling(data.context.tiles, data.context.tile_overlap)
        if tiling.cuts:
            pictures = in_tiles(pictures, data.records, tiling, pad_size=pad_size)
        trained, regressor = train_network(
            network, pictures, data.imdb.classes, recipe, checkpoint=of.checkpoint_file(self.name),
            fingerprint=data.fingerprint, context=data.context,
        )  # fmt: skip
        if regressor is None:
            return trained, []
        if data.context.writes:
            regressor.save(self.boxes_file(of))
        return trained, [self.boxes_file(of)]

    def outputs(self, artifacts: Artifacts, nr_classes: int, *, with_boxes: bool | None = None) -> "NnOutputs":
        """Return the files of scores and offsets."""
        boxes = self.boxes_file(artifacts)
        with_boxes = boxes.is_file() if with_boxes is None else with_boxes
        regressor = BoxRegressor.load(boxes, nr_classes=nr_classes) if with_boxes else None
        return NnOutputs(artifacts.model_file(self.name), regressor, nr_classes)

    def scorer(
        self, artifacts: Artifacts, nr_classes: int, *, compat: str = "corrected", with_boxes: bool | None = None
    ) -> SoftmaxScorer:
        """Return what makes probabilities and offsets of the network's last numbers."""
        return SoftmaxScorer(nr_classes, self.boxes_file(artifacts).is_file() if with_boxes is None else with_boxes)


@dataclass(frozen=True)
class NnOutputs:
    """See `fastRCNN.pipeline.classifiers.protocol.Outputs`: raw scores and offsets, in a file each."""

    model: Path
    regressor: BoxRegressor | None
    nr_classes: int

    def network(self) -> Network | Path:
        """Return the trained network, with its box regression as further numbers of the last layer."""
        return scoring_network(self.model, self.regressor)

    def proposer(self, compat: str = "corrected") -> None:
        """The ROIs come from step 1."""

    def write(self, files: Sequence[Path], rows: NDArray[np.float32], proposed: ProposedRois | None = None) -> None:
        """Write scores and offsets of one picture."""
        write_outputs(files[0], rows, nr_classes=self.nr_classes)

    def read(self, path: Path, nr_rois: int) -> NDArray[np.float32]:
        """Return (nr_rois, C) raw scores, or (nr_rois, 5 * C) with offsets behind them."""
        return read_outputs(path, nr_rois, nr_classes=self.nr_classes, with_offsets=self.regressor is not None)
