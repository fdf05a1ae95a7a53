"""What is known of each ROI of a data set: where it is and how well it covers the annotated objects.

Letters in shapes: R ROIs of a picture, G annotated objects, C classes with the background.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastRCNN.boxes.ignored import ignored_rois
from fastRCNN.datasets.imdb import Dataset, ImageRecord
from helpers.annotations import read_rois
from helpers.artifacts import Artifacts
from helpers.boxes import as_boxes, iou_matrix
from helpers.errors import UserError

log = logging.getLogger(__name__)

IGNORED = -1  # the label of a ROI that is neither an object nor background


@dataclass(frozen=True)
class RoiRecord:
    """The ROIs of one picture.

    `rois` (R, 4) float64, inclusive pixels of the original picture; `overlaps` (R, C) float32, the best intersection
    over union with an annotated object of each class (column 0 is 0), NaN where the ROI shows what is to be ignored:
    it is neither a positive nor a negative example of that class, and neither comparison with a threshold is true.
    `is_ground_truth` (R,) bool.
    """

    image: ImageRecord
    rois: NDArray[np.float64]
    overlaps: NDArray[np.float32]
    is_ground_truth: NDArray[np.bool_]


def load_roidb(
    imdb: Dataset,
    artifacts: Artifacts,
    nr_rois: int | None,
    with_ground_truth: bool,
    *,
    ignore_from: float | None = None,
    roi_file: Callable[[str], Path] | None = None,
) -> Iterator[RoiRecord]:
    """Yield the ROIs of each picture of `imdb`, cut to `nr_rois`, None for all.

    roi_file: gives the file of the picture with that key; None for those of step 1.

    With `with_ground_truth` (training) the annotated boxes stand first and count among the `nr_rois`. ROIs that show
    ignored boxes by `ignore_from` or more get overlaps of NaN (`fastRCNN.boxes.ignored.ignored_rois`); with None, the
    published way, they are background.
    Raises `UserError` for a missing ROI file and for ROIs outside their picture.
    """
    full: list[ImageRecord] = []
    file_of = roi_file or artifacts.roi_file
    for image in imdb:
        truth = image.gt_boxes if with_ground_truth else np.zeros((0, 4))
        full += [image] if nr_rois is not None and len(truth) >= nr_rois else []
        rois = rois_of(image, file_of(image.key), nr_rois, with_ground_truth)
        overlaps = roi_overlaps(rois, image.gt_boxes, image.gt_classes, len(imdb.classes))
        if ignore_from is not None and len(image.ignored_boxes):
            overlaps[ignored_rois(rois, overlaps, image.ignored_boxes, threshold=ignore_from)] = np.nan
        yield RoiRecord(image, rois, overlaps, np.arange(len(rois)) < len(truth))
    if full:
        log.warning(
            "%d picture(s), like %s, have so many annotated boxes that cntk_nrRois = %d leaves no place for others, "
            "and boxes beyond that number are not used. Raise it well above %d, the largest number of boxes.",
            len(full), full[0].path.name, nr_rois, max(len(image.gt_boxes) for image in full),
        )  # fmt: skip


def rois_of(image: ImageRecord, path: Path, nr_rois: int | None, with_ground_truth: bool) -> NDArray[np.float64]:
    """Return the ROIs (R, 4) of one picture from its file, as `load_roidb` has them."""
    truth = image.gt_boxes if with_ground_truth else np.zeros((0, 4))
    return np.concatenate([truth, _read_rois(path, image)])[:nr_rois]


def roi_overlaps(
    rois: ArrayLike, gt_boxes: ArrayLike, gt_classes: NDArray[np.int64], nr_classes: int
) -> NDArray[np.float32]:
    """Return (R, C) float32: the best intersection over union of each ROI with an object of each class; 0 for none."""
    overlaps = np.zeros((len(as_boxes(rois)), nr_classes), np.float32)
    ious = iou_matrix(rois, gt_boxes).astype(np.float32)
    for number in np.unique(gt_classes):
        overlaps[:, number] = ious[:, gt_classes == number].max(axis=1)
    return overlaps


def roi_labels(overlaps: NDArray[np.float32], threshold: float = 0.5) -> NDArray[np.int64]:
    """Return the class of each ROI, (R,) int64: that of the best overlap where it reaches `threshold`, else 0.

    `IGNORED` (-1) for a ROI with an overlap of NaN: it shows what counts neither way.
    """
    if overlaps.shape[1] == 0:
        raise ValueError("overlaps: expected shape (R, C) with C >= 1")
    labels = np.where(overlaps.max(axis=1, initial=0) >= threshold, overlaps.argmax(axis=1), 0)
    return np.where(np.isnan(overlaps).any(axis=1), IGNORED, labels)  # a NaN reached no threshold


def _read_rois(path: Path, image: ImageRecord) -> NDArray[np.float64]:
    if not path.is_file():
        raise UserError(f"{path}: not there yet. Run 1_computeRois.py first")
    rois = read_rois(path)
    outside = (rois[:, :2] < 0).any(axis=1) | (rois[:, 2] >= image.width) | (rois[:, 3] >= image.height)
    outside |= (rois[:, 2] < rois[:, 0]) | (rois[:, 3] < rois[:, 1])
    if outside.any():
        line = int(outside.argmax()) + 1
        raise UserError(
            f"{path}:{line}: ROI {' '.join(map(str, rois[line - 1]))} is not inside {image.path.name} of "
            f"{image.width}x{image.height} pixels. Mend the line, or delete the file and run 1_computeRois.py again"
        )
    return rois.astype(np.float64)
