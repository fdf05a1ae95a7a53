"""The parts of step 2: the text files that a Fast R-CNN network is fed with."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastRCNN.datasets.roidb import RoiRecord, load_roidb, roi_labels
from fastRCNN.pipeline.cntk_inputs import CntkRecord, expected_bytes, input_files, relative_rois, write_cntk_inputs
from fastRCNN.pipeline.stages import Chain, Work
from helpers.console import progress
from helpers.disk_room import require_disk


@dataclass(frozen=True)
class InputsRun:
    """How step 2 makes them, by the tutorial's names.

    ignore_from: ROIs that show ignored boxes by so much count neither way (`load_roidb`); None: they are background.
    """

    nr_rois: int
    pad_size: int
    positive_overlap: float
    ignore_from: float | None

    @classmethod
    def choose(cls, parameters: Mapping[str, Any]) -> "InputsRun":
        """Return what `parameters` (by name) say."""
        overlap = parameters["train_posOverlapThres"]
        ignore_from = None if parameters["compat"] == "tutorial" else overlap
        return cls(parameters["cntk_nrRois"], parameters["cntk_padWidth"], overlap, ignore_from)

    def write(self, chain: Chain, work: Work) -> dict[str, list[int]]:
        """Write the files of all image sets; return the number of ROIs of each class."""
        sizes = {"nr_rois": self.nr_rois, "nr_classes": len(chain.datasets["train"].classes)}
        files = [file for image_set in chain.datasets for file in input_files(chain.artifacts, image_set)]
        number = sum(map(len, chain.datasets.values()))
        require_disk(
            f"Inputs of {number} pictures", expected_bytes(number, **sizes), chain.artifacts.cntk_files,
            kept=sum(file.stat().st_size for file in files if file.exists()),
            advice="Make room, lower cntk_nrRois, or work elsewhere: --root DIR",
        )  # fmt: skip
        counts = {}
        for image_set, imdb in chain.datasets.items():
            found = np.zeros(len(imdb.classes), np.int64)
            records = self._records(progress(self._roidb(chain, image_set), f"{image_set} inputs", len(imdb)), found)
            write_cntk_inputs(chain.artifacts, image_set, records, **sizes)
            work.enter(*input_files(chain.artifacts, image_set))
            counts[image_set] = found.tolist()
        return counts

    def count(self, chain: Chain) -> dict[str, list[int]]:
        """Return the number of ROIs of each class, for files that are there already."""
        counts = {}
        for image_set, imdb in chain.datasets.items():
            found = np.zeros(len(imdb.classes), np.int64)
            for _ in self._records(self._roidb(chain, image_set), found):
                pass
            counts[image_set] = found.tolist()
        return counts

    def _roidb(self, chain: Chain, image_set: str) -> Iterator[RoiRecord]:
        """Yield the ROIs of the pictures of an image set; in training the annotated boxes stand first."""
        return load_roidb(
            chain.datasets[image_set], chain.artifacts, self.nr_rois, image_set == "train",
            ignore_from=self.ignore_from,
        )  # fmt: skip

    def _records(self, roidb: Iterable[RoiRecord], counts: np.ndarray) -> Iterator[CntkRecord]:
        """Yield what step 2 writes for each picture, and add its ROIs per class to `counts` in place."""
        for record in roidb:
            labels = roi_labels(record.overlaps, self.positive_overlap)
            counts += np.bincount(labels[labels >= 0], minlength=len(counts))
            image = record.image
            yield CntkRecord(
                image.index, image.path, relative_rois(record.rois, image.width, image.height, self.pad_size), labels
            )
