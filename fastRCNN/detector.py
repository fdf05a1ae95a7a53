"""A trained detector as one object: load it once, then `detect(image)` as often as you like, wholly in memory.

from fastRCNN.detector import Detector, read_image

with Detector.load("proc/grocery") as detector:
    found = detector.detect(read_image("photo.jpg")).select(0.5)
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastRCNN.boxes.suppression import Suppression
from fastRCNN.boxes.tiles import Tiling
from fastRCNN.engines import Engine, load_engine
from fastRCNN.evaluation.detections import Detections
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.classifiers.protocol import Scorer
from fastRCNN.pipeline.cntk_inputs import absolute_rois, relative_rois
from fastRCNN.pipeline.detector_folder import DetectorSettings as DetectorSettings
from fastRCNN.pipeline.detector_folder import check_parts, load_settings
from fastRCNN.pipeline.embed_dataset import embed_picture
from fastRCNN.pipeline.half_floats import stored, widened
from fastRCNN.pipeline.proposed_rois import Proposer
from fastRCNN.pipeline.rpn_regions import network_among, regions_by
from fastRCNN.pipeline.scoring import require_width, score_picture
from fastRCNN.pipeline.seen_picture import SeenPicture, embed_in_tiles
from fastRCNN.proposals.rois import Regions, compute_rois
from helpers.artifacts import Artifacts
from helpers.errors import UserError as UserError
from helpers.images import read_image as read_image
from helpers.images import require_picture

log = logging.getLogger(__name__)


class Detector:
    """ROIs, network and classifier together. Use it as a context manager, or `close()` it."""

    def __init__(
        self,
        engine: Engine,
        scorer: Scorer,
        settings: DetectorSettings,
        *,
        roi_source: Callable[[NDArray[np.uint8]], NDArray[np.int32]] | None = None,
        proposer: Proposer | None = None,
        regions: Regions | None = None,
    ) -> None:
        """Put a detector together.

        `engine` gives (N, W) numbers for N ROIs, `scorer` makes (N, C) class scores of them and, with box regression,
        offsets. ROIs come from the network itself with a `proposer`, which sees the map that the head sees as well, or
        from `roi_source`, which turns a picture (H, W, 3) into (R, 4) boxes; without either it is Selective Search and
        grid as in step 1, or the `regions` of another network with `ss_method` "rpn" or "rpn+fast".
        """
        self.regions = regions
        self.engine, self.scorer, self.settings, self.proposer = engine, scorer, settings, proposer
        self.roi_source = roi_source or self._step_1_rois

    @classmethod
    def load(
        cls,
        proc_folder: Path | str,
        *,
        classifier: str = "svm",
        settings: DetectorSettings | None = None,
        engine: str = "torch",
        device: str = "auto",
        threads: int | None = None,
    ) -> "Detector":
        """Return the detector that the steps left in `proc_folder` (proc/<dataset>), or in a copy of it anywhere.

        `settings` replace those that it was trained with. Raises `UserError` naming the script to run for what is
        missing or does not belong together. A folder without a manifest, put together by hand, needs `settings` and is
        taken as it is.
        """
        artifacts = Artifacts.of_proc(Path(proc_folder))
        name = settings.classifier if settings else classifier
        manifest, model = artifacts.settings_file(name), artifacts.model_file(name)
        with_boxes: bool | None = None
        parts: list[Path] | None = None
        if settings is None or manifest.exists():
            settings = settings or load_settings(artifacts, name)
            parts = check_parts(artifacts, name)
            with_boxes = CLASSIFIERS[name].boxes_file(artifacts) in parts
        else:
            log.info("%s: no manifest (put together by hand?), its parts are used as they are.", artifacts.proc)
        if not model.is_file():
            raise UserError(f"{model}: not there yet. Run 3_runCntk.py first")
        chosen, nr_classes = CLASSIFIERS[settings.classifier], len(settings.classes)
        scorer = chosen.scorer(artifacts, nr_classes, compat=settings.compat, with_boxes=with_boxes)
        outputs = chosen.outputs(artifacts, nr_classes, with_boxes=with_boxes)
        choice: Any = {"device": device, "threads": threads, "precision": settings.cntk_precision}
        running = load_engine(engine, outputs.network(), **choice)
        require_width(scorer, running.feature_dimension, model)
        proposer = outputs.proposer(settings.compat)
        network = network_among(artifacts, "" if proposer else settings.rois.ss_method, parts)
        tiling = Tiling(settings.cntk_tiles, settings.cntk_tileOverlap)
        regions = regions_by(network, pad_size=settings.cntk_padWidth, tiling=tiling, device=device,
                             threads=threads)  # fmt: skip
        return cls(running, scorer, settings, proposer=proposer, regions=regions)

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        """Return all ROIs of `image` (H, W, 3) uint8 BGR with label, score and whether NMS kept them.

        Several threads may call it. In a process that was forked after loading it goes on with one thread.
        """
        s = self.settings
        if self.proposer:
            return self._with_proposed([image])[0]
        rois, seen, placed = self._prepared(image)
        if len(seen.tiles):
            return self._scored(image, rois, embed_in_tiles(self.engine, seen, rois))
        published = s.cntk_nrRois if s.compat == "tutorial" else None  # so many rows, as step 3 computes them
        return self._scored(image, rois, embed_picture(self.engine, seen.padded, placed, published)[: len(rois)])

    def detect_many(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """Return what `detect` does for each of `images`: ROIs side by side, and a GPU takes all pictures at once.

        There the last bits of scores may differ from those of single pictures.
        """
        if len(images) < 2 or self.settings.compat == "tutorial" or self.tiling.cuts:
            return [self.detect(image) for image in images]
        if self.proposer:
            return self._with_proposed(images)
        with ThreadPoolExecutor(len(images)) as threads:
            prepared = list(threads.map(self._prepared, images))
        rows = self.engine.embed([seen.padded for _, seen, _ in prepared], [placed for _, _, placed in prepared])
        return [
            self._scored(image, rois, of_one)
            for image, (rois, _, _), of_one in zip(images, prepared, rows, strict=True)
        ]

    def _with_proposed(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """Return the detections of `images`, whose ROIs the network finds on its maps."""
        assert self.proposer is not None
        seen = [self._seen(image) for image in images]
        return [
            self._scored(image, proposed.rois, rows)
            for image, (proposed, rows) in zip(images, self.proposer.with_rows(self.engine, seen), strict=True)
        ]

    def _prepared(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.int32], SeenPicture, NDArray[np.float32]]:
        """Return the ROIs (R, 4) of `image` in its pixels, the picture as the network sees it, and the ROIs in its
        padded square."""
        seen, s = self._seen(image), self.settings
        rois = self.roi_source(image)[: s.cntk_nrRois]
        relative = relative_rois(rois, image.shape[1], image.shape[0], s.cntk_padWidth)
        return rois, seen, np.asarray(absolute_rois(relative, s.cntk_padWidth), np.float32)

    @property
    def tiling(self) -> Tiling:
        """How pictures are cut."""
        return Tiling(self.settings.cntk_tiles, self.settings.cntk_tileOverlap)

    def _seen(self, image: NDArray[np.uint8]) -> SeenPicture:
        require_picture(image)
        return SeenPicture.of(image, self.settings.cntk_padWidth, self.tiling)

    def _scored(self, image: NDArray[np.uint8], rois: NDArray[np.int32], rows: NDArray[np.float32]) -> Detections:
        """Return the detections of `image` from what the engine gave for its `rois` (R, 4): `rows` (R, D)."""
        s = self.settings
        rows = widened(stored(rows, s.cntk_embeddingType))  # as the classifier was trained with
        found = score_picture(self.scorer, rows, rois, image.shape[1], image.shape[0])
        probabilities = CLASSIFIERS[s.classifier].gives_probabilities
        suppression = Suppression.choose(vars(s), s.classes, probabilities=probabilities)
        return Detections.decided(
            *(found.scores, found.rois, found.moved, s.classes),
            nms_threshold=suppression, score_threshold=s.scoreThreshold,
        )  # fmt: skip

    def close(self) -> None:
        """Give back what the engine holds."""
        self.engine.close()

    def __enter__(self) -> "Detector":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _step_1_rois(self, image: NDArray[np.uint8]) -> NDArray[np.int32]:
        seed = self.settings.seed
        return compute_rois(image, self.settings.rois, np.random.default_rng(seed), regions=self.regions)
