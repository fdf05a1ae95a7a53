"""What a network that scores classes leaves for step 5: raw scores and, with box regression, offsets for every ROI.

    <i>.dat.npz        (cntk_nrRois, C) raw scores, filler included
    <i>.boxes.npz      (cntk_nrRois, 4 * C) offsets tx ty tw th of each class

An engine runs one chain of layers, so for scoring both output layers are stacked into one: first the C scores, then the
4 * C offsets. Letters in shapes: N ROIs, C classes with background first, D inputs of the output layers.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fastRCNN.boxes.box_regression import BoxRegressor
from fastRCNN.network.layers import Linear
from fastRCNN.network.network import Network, load_network
from fastRCNN.pipeline.embeddings import EmbeddingFiles, read_embeddings, write_embeddings
from fastRCNN.svm.scoring import softmax
from helpers.errors import UserError

_STACKED = "score_and_bbox"


def offsets_file(scores_file: Path) -> Path:
    """Return the file of the offsets that belongs to a picture's scores: `<i>.boxes.npz` beside `<i>.dat.npz`."""
    return scores_file.with_name(scores_file.name.replace(".dat.npz", ".boxes.npz"))


def scoring_network(model_file: Path, regressor: BoxRegressor | None) -> Network | Path:
    """Return what an engine shall run: the model itself, or with `regressor` a network that gives (N, 5 * C)."""
    if regressor is None:
        return model_file
    network = load_network(model_file)
    *hidden, last = network.spec.head
    if not isinstance(last, Linear) or last.out != regressor.nr_classes:
        raise UserError(
            f"{model_file}: its last layer does not give {regressor.nr_classes} scores. Run 3_runCntk.py again"
        )
    weight, bias = network.weight(last.name), network.bias(last.name)
    boxes = regressor.weights.reshape(-1, weight.shape[1])
    spec = dataclasses.replace(network.spec, head=(*hidden, Linear(_STACKED, last.out + len(boxes))), classes=None)
    names = [key for key in network.arrays if key not in (f"{last.name}.weight", f"{last.name}.bias")]
    arrays = {key: network.arrays[key] for key in names}
    arrays[f"{_STACKED}.weight"] = np.concatenate([weight, boxes])
    score_bias = np.zeros(last.out, np.float32) if bias is None else bias
    arrays[f"{_STACKED}.bias"] = np.concatenate([score_bias, regressor.biases.ravel()])
    return Network(spec, arrays, str(model_file))


def split_outputs(rows: NDArray[np.float32], nr_classes: int) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Return scores (N, C) and offsets (N, C, 4), or None, of the outputs (N, C) or (N, 5 * C) of a scoring network."""
    if rows.shape[1] == nr_classes:
        return rows, None
    return rows[:, :nr_classes], rows[:, nr_classes:].reshape(len(rows), nr_classes, 4)


def write_outputs(path: Path, rows: NDArray[np.float32], *, nr_classes: int) -> None:
    """Write the outputs of one picture; the scores last, since they say that the picture is done."""
    scores, offsets = split_outputs(rows, nr_classes)
    if offsets is not None:
        write_embeddings(offsets_file(path), offsets.reshape(len(rows), 4 * nr_classes))
    write_embeddings(path, scores)


def read_outputs(path: Path, nr_rois: int, *, nr_classes: int, with_offsets: bool) -> NDArray[np.float32]:
    """Return the outputs (nr_rois, C), or with offsets (nr_rois, 5 * C), of the real ROIs of one picture."""
    scores: NDArray[np.float32] = EmbeddingFiles([path], [nr_rois])[0]
    if not with_offsets:
        return scores
    offsets = read_offsets(path, nr_rois, nr_classes)
    return np.concatenate([scores, offsets.reshape(nr_rois, 4 * nr_classes)], axis=1)


def read_offsets(scores_file: Path, nr_rois: int, nr_classes: int) -> NDArray[np.float32]:
    """Return the offsets (N, C, 4) of the first `nr_rois` ROIs of a picture."""
    path = offsets_file(scores_file)
    rows = read_embeddings(path)
    if len(rows) < nr_rois or rows.shape[1] != 4 * nr_classes:
        raise UserError(
            f"{path}: expected {nr_rois} rows of {4 * nr_classes} offsets, found {rows.shape}. Run 3_runCntk.py again"
        )
    return np.asarray(rows[:nr_rois]).reshape(nr_rois, nr_classes, 4)


@dataclass(frozen=True)
class SoftmaxScorer:
    """See `fastRCNN.pipeline.classifiers.protocol.Scorer`."""

    nr_classes: int
    with_boxes: bool = False

    scripts = "3_runCntk.py"

    @property
    def why_width(self) -> str:
        """What the numbers of a ROI are."""
        return "a score and four offsets for each class" if self.with_boxes else "one for each class"

    @property
    def width(self) -> int:
        """C, or 5 * C with box regression."""
        return self.nr_classes * (5 if self.with_boxes else 1)

    def __call__(self, rows: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Return probabilities (N, C), and offsets (N, C, 4) where boxes were learnt, for `rows` (N, C or 5 * C)."""
        scores, offsets = split_outputs(rows, self.nr_classes)
        return softmax(scores), offsets
