"""From step 2's files to the pictures that a network is trained on."""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from fastRCNN.boxes.box_regression import NEAR, best_objects, box_targets
from fastRCNN.datasets.roidb import RoiRecord
from fastRCNN.nn.sampling import TrainingPicture
from fastRCNN.pipeline.cntk_inputs import CntkRecord
from helpers.errors import UserError


def training_pictures(
    records: Sequence[CntkRecord],
    roidb: Iterable[RoiRecord] | None = None,
    *,
    pad_size: int,
    nr_rois: int,
    with_filler: bool = False,
) -> list[TrainingPicture]:
    """Return step 2's `records` as training pictures; with `roidb` (the same pictures) also overlaps and box targets.

    ROIs labelled -1 show what is to be ignored: they are left out. `with_filler` adds the ROIs 0 0 0 0 that fill a
    picture up to `nr_rois`, as background: the tutorial trains on them.
    """
    if roidb is None:
        return [_picture(_counted(record), pad_size, nr_rois if with_filler else 0) for record in records]
    pictures = []
    for record, known in zip(records, roidb, strict=True):
        if len(known.rois) != len(record.rois):
            raise UserError(
                f"{record.image_path}: {len(record.rois)} ROIs in cntkFiles/, but {len(known.rois)} from rois/ and the "
                "annotations. Run 2_cntkGenerateInputs.py again"
            )
        rois, record = known.rois[record.labels >= 0], _counted(record)
        best, overlaps = best_objects(rois, known.image.gt_boxes)
        targets = np.zeros((len(rois), 4), np.float32)
        shows = record.labels > 0
        close = ~shows & (overlaps >= NEAR)  # background that a fit of the boxes can still learn from
        targets[close] = box_targets(rois[close], known.image.gt_boxes[best[close]])
        for number in np.unique(record.labels[shows]):  # the object of the ROI's own class
            mine = known.image.gt_boxes[known.image.gt_classes == number]
            of_class = record.labels == number
            if len(mine) == 0:
                raise UserError(
                    f"{record.image_path}: step 2 labelled ROIs with a class that the picture's annotation lacks. "
                    "Run 2_cntkGenerateInputs.py again"
                )
            own, _ = best_objects(rois[of_class], mine)
            targets[of_class] = box_targets(rois[of_class], mine[own])
        plain = _picture(record, pad_size, nr_rois if with_filler else 0)
        filler = len(plain.rois) - len(record.rois)
        pictures.append(
            dataclasses.replace(
                plain,
                targets=np.pad(targets, ((0, filler), (0, 0))),
                overlaps=np.pad(overlaps.astype(np.float32), (0, filler)),
            )
        )
    return pictures


def _counted(record: CntkRecord) -> CntkRecord:
    """Return `record` without the ROIs that count neither way."""
    counted = record.labels >= 0
    return dataclasses.replace(record, rois=record.rois[counted], labels=record.labels[counted])


def _picture(record: CntkRecord, pad_size: int, at_least: int) -> TrainingPicture:
    filler = max(0, at_least - len(record.rois))
    rois = np.pad(record.absolute_rois(pad_size), ((0, filler), (0, 0)))
    return TrainingPicture(record.image_path, rois, np.pad(record.labels, (0, filler)))
