"""From what steps 1 to 4 left to scores: the pictures of an image set, scored, one at a time.

Both scripts of step 5 read through here. Only one picture's embeddings are in memory; on a cluster one for each worker.
"""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from fastRCNN.boxes.ignored import IgnoredBoxes
from fastRCNN.datasets.imdb import Dataset
from fastRCNN.datasets.roidb import RoiRecord, load_roidb
from fastRCNN.evaluation.average_precision import PictureResult
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.cluster import Cluster
from fastRCNN.pipeline.cntk_inputs import CntkRecord
from fastRCNN.pipeline.embed_dataset import computed
from fastRCNN.pipeline.picture_network import NetworkRun, PictureNetwork, rows_on_worker
from fastRCNN.pipeline.scoring import require_width, score_picture
from fastRCNN.pipeline.unstored_rows import Unstored, require_same_rois
from fastRCNN.svm.model import model_files
from helpers.artifacts import Artifacts
from helpers.boxes import iou_matrix
from helpers.file_facts import file_digest

__all__ = ["PictureResult", "RoisSeen", "scored_pictures"]


@dataclass(frozen=True)
class _ScoringRun:
    """Which detector scores, and the digests of its files: a worker loads it anew when they change."""

    artifacts: Artifacts
    image_set: str
    classifier: str
    nr_classes: int
    compat: str
    digests: tuple[str, ...] = ()
    network: NetworkRun | None = None  # that gives rows, where step 3 stored none


class _Scoring:
    """A detector's files of scores, or of embeddings, and what makes results of them."""

    def __init__(self, run: _ScoringRun) -> None:
        self._run, chosen = run, CLASSIFIERS[run.classifier]
        self._outputs = chosen.outputs(run.artifacts, run.nr_classes)
        self._scorer = chosen.scorer(run.artifacts, run.nr_classes, compat=run.compat)

    def result(self, record: RoiRecord, rows: NDArray[np.float32] | None = None) -> PictureResult:
        """Return a picture with its ROIs scored; their `rows` are in step 3's file where they are not given."""
        run, image = self._run, record.image
        path = run.artifacts.embedding_file(run.image_set, run.classifier, image.index)
        if rows is None:
            rows = self._outputs.read(path, len(record.rois))
        require_same_rois(image.path, len(rows), len(record.rois))
        require_width(self._scorer, rows.shape[1], path)
        if record.is_ground_truth.any():
            rows = rows[~record.is_ground_truth]
        found = score_picture(self._scorer, rows, record.rois[~record.is_ground_truth], image.width, image.height)
        ignored = IgnoredBoxes.of() if run.compat == "tutorial" else image.ignored_boxes
        return PictureResult(
            image.index, image.path, found.rois, found.scores, image.gt_boxes, image.gt_classes, found.moved, ignored
        )


def scored_pictures(
    imdb: Dataset,
    artifacts: Artifacts,
    *,
    classifier: str = "svm",
    nr_rois: int = 2000,
    compat: str = "corrected",
    cluster: Cluster | None = None,
    unstored: Unstored | None = None,
) -> Iterator[PictureResult]:
    """Yield the pictures of `imdb` with their ROIs scored, in order.

    classifier: a name in `CLASSIFIERS`. In the training set the annotated boxes are the first ROIs of each picture
    that step 2 wrote; they are left out, since they would find themselves. ROIs that the network proposed are all
    taken. cluster: its workers read and score. unstored: how to get rows that step 3 did not store.
    """
    chosen, nr_classes = CLASSIFIERS[classifier], len(imdb.classes)
    run = _ScoringRun(artifacts, imdb.image_set, classifier, nr_classes, compat)
    scoring = _Scoring(run)  # also where workers score: what is missing is said before anything begins
    annotated_first, most = imdb.image_set == "train" and not chosen.proposes, None if chosen.proposes else nr_rois
    records = load_roidb(imdb, artifacts, most, annotated_first, roi_file=partial(chosen.roi_file, artifacts))
    if cluster is None and unstored is None:
        yield from map(scoring.result, records)
        return
    if cluster is None:
        assert unstored is not None
        with PictureNetwork(unstored.run) as network:
            run_context, tiling = unstored.run.context, unstored.run.tiling
            rows = computed(unstored.records, network.rows, pad_size=run_context.pad_size, tiling=tiling,
                            pace=network.pace)  # fmt: skip
            yield from map(scoring.result, records, rows)
        return
    parts = (*chosen.network_files(artifacts), chosen.boxes_file(artifacts), *model_files(artifacts.svm_folder))
    network_run = unstored.run if unstored else None
    run = dataclasses.replace(run, digests=tuple(map(file_digest, parts)), network=network_run)
    inputs: Iterable[CntkRecord | None] = unstored.records if unstored else itertools.repeat(None)
    calls = ((run, _without_overlaps(record), of_step_2) for record, of_step_2 in zip(records, inputs, strict=False))
    yield from cluster.map(_score_on_worker, calls)


@dataclass
class RoisSeen:
    """Of scored pictures: how many ROIs each has, and by how much (IoU) the best one of each object overlaps it."""

    numbers: list[int] = field(default_factory=list)
    overlaps: list[float] = field(default_factory=list)

    def watch(self, pictures: Iterable[PictureResult]) -> Iterator[PictureResult]:
        """Yield `pictures`, and look at each."""
        for picture in pictures:
            self.numbers.append(len(picture.boxes))
            self.overlaps += iou_matrix(picture.gt_boxes, picture.boxes).max(axis=1, initial=0).tolist()
            yield picture

    def mean_number(self) -> float:
        """Return how many a picture has, on average."""
        return float(np.mean(self.numbers or [0]))

    def covered(self, overlap: float) -> float:
        """Return the share of the objects that a ROI overlaps by more than `overlap`."""
        return float(np.mean(np.array(self.overlaps or [0]) > overlap))


def _without_overlaps(record: RoiRecord) -> RoiRecord:
    """Return `record` without what only training needs, the larger part of it."""
    return dataclasses.replace(record, overlaps=record.overlaps[:, :0])


def _score_on_worker(run: _ScoringRun, record: RoiRecord, of_step_2: CntkRecord | None) -> PictureResult:
    """Score a picture in the process of a worker; the detector stays loaded for the next one."""
    scoring = _LOADED.get(run)
    if scoring is None:
        _LOADED.clear()
        scoring = _LOADED[run] = _Scoring(run)
    rows = None
    if run.network is not None and of_step_2 is not None:
        rows = rows_on_worker(run.network, " ".join(run.digests), of_step_2)
    return scoring.result(record, rows)


_LOADED: dict[_ScoringRun, _Scoring] = {}
