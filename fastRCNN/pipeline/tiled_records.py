"""Step 2's records with their ROIs in pixels of the picture: tiles show more of it than the padded square does.

Step 2's files hold ROIs rounded to pixels of the square that the whole picture is scaled to. In a tile that is scaled
less that would be some pixels off, so the ROIs come from where step 2 had them: step 1's files and the annotations.
"""

import dataclasses
from collections.abc import Sequence

from fastRCNN.datasets.imdb import Dataset
from fastRCNN.datasets.roidb import rois_of
from fastRCNN.pipeline.cntk_inputs import CntkInputs, CntkRecord
from helpers.artifacts import Artifacts
from helpers.errors import UserError


class TiledRecords(Sequence[CntkRecord]):
    """The `records` of `imdb`, each with `boxes`, read when it is asked for. nr_rois: cntk_nrRois."""

    def __init__(self, records: CntkInputs, imdb: Dataset, artifacts: Artifacts, nr_rois: int) -> None:
        self._records, self._imdb, self._artifacts, self._nr_rois = records, imdb, artifacts, nr_rois

    def __len__(self) -> int:
        return len(self._records)

    def count(self, place: int) -> int:  # type: ignore[override]  # as `CntkInputs` does
        """Return the number of ROIs of the record at `place`, without reading them."""
        return self._records.count(place)

    def __getitem__(self, place):  # type: ignore[no-untyped-def]  # a number gives a record, a slice a list of them
        if isinstance(place, slice):
            return [self[each] for each in range(len(self))[place]]
        record, image = self._records[place], self._imdb[place]
        file = self._artifacts.roi_file(image.key)
        boxes = rois_of(image, file, self._nr_rois, self._imdb.image_set == "train")
        if len(boxes) != len(record.rois):
            raise UserError(
                f"{file}: with the annotated boxes {len(boxes)} ROIs, but {len(record.rois)} in cntkFiles/. "
                "Run 2_cntkGenerateInputs.py again"
            )
        return dataclasses.replace(record, boxes=boxes)
