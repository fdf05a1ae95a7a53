"""Bounding-box regression: four numbers per class that move a ROI onto the object it overlaps.

Targets (R-CNN, appendix C): with P the ROI and G the object, centres x y and sizes w h,

    tx = (Gx - Px) / Pw    ty = (Gy - Py) / Ph    tw = log(Gw / Pw)    th = log(Gh / Ph)

`decode` is the way back. The paper solves a ridge regression for each class on the embeddings. `fit_ridge` solves one
for all classes, since few objects of each are too few to learn four numbers for every class from, and takes ROIs from
an overlap of `NEAR` on, since ROIs that are far off need moving most. A network goes on learning from there, for each
class, with a smooth L1 loss (Fast R-CNN, section 2.3: `fastRCNN.nn.losses`). Both end as a `BoxRegressor`, linear in a
ROI's embedding, and both are applied before non-maximum suppression.

Girshick et al., Rich feature hierarchies (2014), appendix C; Girshick, Fast R-CNN (2015). Differences: sizes count
pixels inclusively (`x2 - x1 + 1`), and a size changes at most by the factor `LARGEST_CHANGE`, so that no box overflows.
Letters in shapes: N ROIs, C classes with background first, D features of a ROI.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastRCNN.boxes.ridge_regression import RidgeRegression
from fastRCNN.network.weight_files import WeightFile, write_weight_file
from helpers.boxes import as_boxes, iou_matrix, widths_heights
from helpers.errors import UserError

LARGEST_CHANGE = 1000 / 16  # of a width or height
NEAR = 0.4  # overlap with its object from which on a ROI takes part in the fit; the paper's 0.6 gives a lower AP here
_FORMAT = "fast-rcnn-tutorial box regression"


def box_targets(rois: ArrayLike, objects: ArrayLike) -> NDArray[np.float64]:
    """Return (N, 4) float64 tx ty tw th that move each of `rois` (N, 4) onto the one of `objects` (N, 4) in its row.

    An object as large as the ROI whose centre lies a tenth of a width to the right and a fifth of a height lower; and
    one that is twice as wide (log 2 = 0.693):

    >>> box_targets([[0, 0, 9, 9]], [[1, 2, 10, 11]]).round(3).tolist()
    [[0.1, 0.2, 0.0, 0.0]]
    >>> box_targets([[5, 0, 14, 9]], [[0, 0, 19, 9]]).round(3).tolist()
    [[0.0, 0.0, 0.693, 0.0]]
    """
    width, height = widths_heights(rois)
    wide, high = widths_heights(objects)
    shift = (_centres(objects) - _centres(rois)) / np.stack([width, height], axis=1)
    return np.concatenate([shift, np.log(np.stack([wide / width, high / height], axis=1))], axis=1)


def decode(rois: ArrayLike, offsets: ArrayLike) -> NDArray[np.float64]:
    """Return boxes x1 y1 x2 y2, the shape of `offsets`: (N, 4), or (N, C, 4) with one box for each class.

    >>> decode([[0, 0, 9, 9]], [[0.1, 0.2, 0.0, 0.0]]).tolist()
    [[1.0, 2.0, 10.0, 11.0]]
    """
    moves = np.asarray(offsets, np.float64)
    boxes = as_boxes(rois)
    between = (slice(None), *[None] * (moves.ndim - 2))
    size = np.stack(widths_heights(boxes), axis=1)[between]
    centres = _centres(boxes)[between] + moves[..., :2] * size
    limit = math.log(LARGEST_CHANGE)
    half = (size * np.exp(np.clip(moves[..., 2:], -limit, limit)) - 1) / 2
    return np.concatenate([centres - half, centres + half], axis=-1)


def moved_boxes(rois: ArrayLike, offsets: ArrayLike, width: int, height: int) -> NDArray[np.int32]:
    """Return int32 boxes for (N, C, 4) `offsets`, rounded and cut to a picture of `width` x `height` pixels.

    Class 0, the background, keeps the ROI. What a move leaves without a pixel of the picture keeps one at its edge.
    """
    boxes = np.rint(decode(rois, offsets))
    boxes[:, 0] = as_boxes(rois)
    limits = np.array([width - 1, height - 1])
    boxes[..., :2] = np.clip(boxes[..., :2], 0, limits)
    boxes[..., 2:] = np.clip(boxes[..., 2:], boxes[..., :2], limits)
    return boxes.astype(np.int32)


def boxes_of_best_class(moved: NDArray[np.int32], scores: NDArray) -> NDArray[np.int32]:
    """Return (N, 4): of `moved` (N, C, 4) the boxes of the class with the highest of `scores` (N, C)."""
    return moved[np.arange(len(moved)), scores.argmax(axis=1)]


def _centres(boxes: ArrayLike) -> NDArray[np.float64]:
    corners = as_boxes(boxes)
    return (corners[:, :2] + corners[:, 2:]) / 2


@dataclass(frozen=True, eq=False)
class BoxRegressor:
    """offsets = weights . embedding + biases. weights (C, 4, D) float32, biases (C, 4) float32."""

    weights: NDArray[np.float32]
    biases: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.weights.ndim != 3 or self.weights.shape[1] != 4 or self.biases.shape != self.weights.shape[:2]:
            raise ValueError(
                f"expected weights (C, 4, D) and biases (C, 4), got {self.weights.shape} and {self.biases.shape}"
            )

    @property
    def nr_classes(self) -> int:
        """C, background included."""
        return len(self.weights)

    def offsets(self, embeddings: ArrayLike) -> NDArray[np.float32]:
        """Return (N, C, 4) float32 tx ty tw th for `embeddings` (N, D)."""
        rows = np.asarray(embeddings, np.float32)
        flat = rows @ self.weights.reshape(-1, self.weights.shape[2]).T + self.biases.ravel()
        return flat.reshape(len(rows), self.nr_classes, 4)

    def save(self, path: Path) -> None:
        """Write the npz file `path`, atomically."""
        header = {"format": _FORMAT, "version": 1}
        write_weight_file(path, header, {"bbox.weight": self.weights, "bbox.bias": self.biases})

    @classmethod
    def load(cls, path: Path, *, nr_classes: int | None = None) -> "BoxRegressor":
        """Read what `save` wrote; `UserError` naming the file when it is damaged or of another number of classes."""
        file = WeightFile(path)
        try:
            if file.header.get("format") != _FORMAT:
                raise ValueError(f"its format is {file.header.get('format')!r}, expected {_FORMAT!r}")
            regressor = cls(np.array(file["bbox.weight"]), np.array(file["bbox.bias"]))
        except (KeyError, ValueError) as error:
            raise UserError(f"{path}: no box regression ({error}). Run the step that writes it again") from None
        if nr_classes is not None and regressor.nr_classes != nr_classes:
            raise UserError(
                f"{path}: made for {regressor.nr_classes} classes, there are {nr_classes}. Run the training again"
            )
        return regressor


def fit_ridge(
    rows: NDArray[np.float32], targets: NDArray[np.floating], *, ridge: float = 1.0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return weights (4, D) and biases (4,) float32: the ridge regression of `targets` (N, 4) on `rows` (N, D).

    ridge: the factor of the squared weights, for rows whose root mean square distance from their centre is 10, so that
    it means the same for every network; the bias is not shrunk. Without rows nothing moves.
    """
    if len(rows) == 0:
        return np.zeros((4, rows.shape[1]), np.float32), np.zeros(4, np.float32)
    return RidgeRegression(rows).fit(targets, ridge)


def best_objects(rois: ArrayLike, objects: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the number (N,) of the object that each ROI overlaps most, and that overlap (N,); 0 without objects."""
    overlaps = iou_matrix(rois, objects)
    if overlaps.shape[1] == 0:
        return np.zeros(len(overlaps), np.int64), np.zeros(len(overlaps))
    return overlaps.argmax(axis=1), overlaps.max(axis=1)
