"""Classifier "faster": the network proposes the ROIs itself and scores them (Faster R-CNN), all trained in step 3.

    models/frcn_faster.npz                       the network: trunk, what proposes, head with scores and offsets
    models/checkpoint_faster.npz                 while it trains, after each epoch
    rois_faster/<folder>/<picture>.roi.txt       the ROIs that it proposes for each picture, best first
    rois_faster/<folder>/<picture>.objectness.txt   and how sure it is of each
    <set>_faster_parsed/<i>.*.npz                scores and offsets of these, see `fastRCNN.pipeline.outputs`

Ren, He, Girshick, Sun: Faster R-CNN, 2015. Letters in shapes: N ROIs, C classes with background first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastRCNN.network.network import Network, load_network
from fastRCNN.pipeline.classifiers.advice import advice
from fastRCNN.pipeline.classifiers.compat import say_what_is_overridden
from fastRCNN.pipeline.classifiers.protocol import Training, TrainingSet
from fastRCNN.pipeline.outputs import SoftmaxScorer, offsets_file, read_outputs, write_outputs
from fastRCNN.pipeline.proposed_rois import ProposedRois, Proposer, objectness_file, proposer_of, write_proposed
from helpers.artifacts import Artifacts
from helpers.errors import UserError


class FasterClassifier:
    """See `fastRCNN.pipeline.classifiers.protocol.Classifier`."""

    name = "faster"
    title = "the network proposes regions, too"
    stages = ("network", "embeddings")
    network_parameters = ("rpn_", "faster_", "compat")
    proposes = True
    trains_network = True
    trains_together = True
    gives_probabilities = True
    may_round = True
    may_halve = False

    def does_without(self, stage: str) -> str:
        """Steps 1, 2 and 4 have nothing to do."""
        return {
            "rois": "the network itself proposes the regions",
            "inputs": "the network itself proposes the regions",
            "svm": "the network itself scores the classes",
        }.get(stage, "")

    def nr_rois(self, parameters: Mapping[str, Any]) -> int:
        """Return rpn_testAfterNms; with compat "tutorial" the published one."""
        from fastRCNN.faster.recipe import FasterTraining

        return FasterTraining.choose(parameters).rpn_testAfterNms

    def keeps(self, parameters: Mapping[str, Any]) -> str:
        """Return "stored": scores and offsets are small, and tell what was proposed."""
        return "stored"

    def advice(self, parameters: Mapping[str, Any], rois: float, covered: float) -> dict[str, str]:
        """Return what often helps against each kind of mistake."""
        p, most = parameters, self.nr_rois(parameters)
        stages = p["faster_training"] == "stages"
        epochs = "faster_detectorEpochs" if stages else "faster_max_epochs"
        longer = f"a longer training ({epochs}, now {p[epochs]})"
        empty = "" if p["faster_negatives"] else "; faster_negatives = True"
        few = f"more proposals: there are {rois:.0f} for each picture, so a higher rpn_nmsThreshold"
        more = f"more proposals (rpn_testAfterNms, now {most})" if rois >= 0.95 * most else few
        anchors = "" if p["rpn_anchorScales"] == "fitted" else 'rpn_anchorScales = "fitted"; '
        return advice(
            p, covered=covered, rois=more, learning=longer + empty, boxes=longer,
            coverage=f"{anchors}B1_evaluateRois.py --classifier faster shows which objects proposals cover",
        )  # fmt: skip

    def roi_file(self, artifacts: Artifacts, key: str) -> Path:
        """Return the file of what step 3 found."""
        return artifacts.proposed_roi_file(self.name, key)

    def boxes_file(self, artifacts: Artifacts) -> Path:
        """Return the network, which holds the box regression as well."""
        return artifacts.model_file(self.name)

    def network_files(self, artifacts: Artifacts) -> list[Path]:
        """Return the network."""
        return [artifacts.model_file(self.name)]

    def output_files(self, artifacts: Artifacts, first: Path, key: str, *, with_boxes: bool) -> list[Path]:
        """Return the files of the scores, the offsets, the ROIs and their objectness."""
        rois = self.roi_file(artifacts, key)
        return [first, offsets_file(first), rois, objectness_file(rois)]

    def training(self, parameters: Mapping[str, Any]) -> Training | None:
        """Return the training of the whole network; `UserError` for an engine that cannot."""
        if parameters["engine"] == "cntk":
            raise UserError(
                "--engine cntk cannot train classifier faster: CNTK has no layer that proposes regions, its own "
                "example computes that in Python. Use --engine torch"
            )
        from fastRCNN.faster.recipe import FasterTraining  # only here: the other steps start faster without

        recipe = FasterTraining.choose(parameters)
        say_what_is_overridden(parameters, vars(recipe))
        return lambda network, data: (_train(network, recipe, data), [])

    def outputs(self, artifacts: Artifacts, nr_classes: int, *, with_boxes: bool | None = None) -> "FasterOutputs":
        """Return the files of ROIs, scores and offsets."""
        return FasterOutputs(artifacts.model_file(self.name), nr_classes)

    def scorer(
        self, artifacts: Artifacts, nr_classes: int, *, compat: str = "corrected", with_boxes: bool | None = None
    ) -> SoftmaxScorer:
        """Return what makes probabilities and offsets of the network's last numbers."""
        return SoftmaxScorer(nr_classes, with_boxes=True)


def _train(network: Network, recipe: Any, data: TrainingSet) -> Network:
    """Return the trained network."""
    from fastRCNN.faster.pictures import AnnotatedPicture
    from fastRCNN.faster.train_faster import train_faster

    pictures = [
        AnnotatedPicture(
            record.path, np.asarray(record.gt_boxes, np.float64), record.gt_classes,
            np.asarray(record.ignored_boxes.boxes, np.float64),
        )
        for record in data.imdb
    ]  # fmt: skip
    return train_faster(
        network, pictures, data.imdb.classes, recipe, checkpoint=data.artifacts.checkpoint_file("faster"),
        fingerprint=data.fingerprint, context=data.context,
    )  # fmt: skip


@dataclass(frozen=True)
class FasterOutputs:
    """See `fastRCNN.pipeline.classifiers.protocol.Outputs`: ROIs, objectness, raw scores and offsets."""

    model: Path
    nr_classes: int

    def network(self) -> Path:
        """Return the network's file."""
        return self.model

    def proposer(self, compat: str = "corrected") -> Proposer:
        """Return what finds the ROIs, by the numbers in the network's header."""
        return proposer_of(load_network(self.model), self.model, compat=compat)

    def write(self, files: Sequence[Path], rows: NDArray[np.float32], proposed: ProposedRois | None = None) -> None:
        """Write ROIs, objectness and offsets of one picture, and the scores last."""
        assert proposed is not None
        write_proposed(files[2], proposed)
        write_outputs(files[0], rows, nr_classes=self.nr_classes)

    def read(self, path: Path, nr_rois: int) -> NDArray[np.float32]:
        """Return (nr_rois, 5 * C): raw scores and the offsets behind them."""
        return read_outputs(path, nr_rois, nr_classes=self.nr_classes, with_offsets=True)
