"""A `Detector` that also says where the time went and which regions it looked at."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastRCNN.detector import Detector
from fastRCNN.engines import Engine
from fastRCNN.evaluation.detections import Detections
from fastRCNN.pipeline.proposed_rois import ProposedRois, Proposer, Rows
from fastRCNN.pipeline.seen_picture import SeenPicture
from fastRCNN.rpn.picture_area import PictureArea


@dataclass
class Course:
    """How a detection went: seconds by stage, and the (R, 4) regions of interest."""

    seconds: dict[str, float] = field(default_factory=dict)
    rois: NDArray[np.int32] = field(default_factory=lambda: np.zeros((0, 4), np.int32))


@dataclass(frozen=True)
class _TimedProposer(Proposer):
    """Says after each call what it has proposed, in how many seconds, and how many it took with map and head."""

    tell: Callable[[Sequence[ProposedRois], float, float], None] = lambda *_: None
    _seconds: list[float] = field(default_factory=list)

    def __call__(self, engine: Engine, maps: Any, areas: Sequence[PictureArea]) -> list[ProposedRois]:
        start = time.perf_counter()
        found = super().__call__(engine, maps, areas)
        self._seconds.append(time.perf_counter() - start)
        return found

    def with_rows(self, engine: Engine, pictures: Sequence[SeenPicture]) -> list[Rows]:
        self._seconds.clear()
        start = time.perf_counter()
        found = super().with_rows(engine, pictures)
        self.tell([proposed for proposed, _ in found], sum(self._seconds), time.perf_counter() - start)
        return found


class TimedDetector:
    """Wraps what a `Detector` calls, its ROI source, its engine and what proposes ROIs; one call at a time."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self._courses: dict[int, Course] = {}  # by the picture's address: ROIs are found in several threads
        self._in_order: list[Course] = []
        self._network = 0.0
        self._roi_source, self._embed = detector.roi_source, detector.engine.embed
        detector.roi_source = self._timed_rois
        detector.engine.embed = self._timed_embed  # type: ignore[method-assign, assignment]
        if detector.proposer:
            detector.proposer = _TimedProposer(detector.proposer.spec, detector.proposer.compat, self._proposed)

    def detect_many(self, images: Sequence[NDArray[np.uint8]]) -> list[tuple[Detections, Course]]:
        """Return what `Detector.detect_many` finds in `images` (H, W, 3), and how it went.

        Of several pictures each has the seconds of all, as it waited for them.
        """
        courses = [Course() for _ in images]
        self._courses, self._in_order, self._network = dict(zip(map(id, images), courses, strict=True)), courses, 0.0
        start = time.perf_counter()
        found = self.detector.detect_many(images)
        total = time.perf_counter() - start
        rois = max((course.seconds.get("rois", 0.0) for course in courses), default=0.0)
        for course in courses:
            scoring = max(0.0, total - rois - self._network)
            course.seconds = {"rois": rois, "network": self._network, "scoring": scoring}
        return list(zip(found, courses, strict=True))

    def close(self) -> None:
        """Give back what the detector holds."""
        self.detector.close()

    def _timed_rois(self, image: NDArray[np.uint8]) -> NDArray[np.int32]:
        start = time.perf_counter()
        rois = self._roi_source(image)
        course = self._courses[id(image)]
        course.seconds["rois"] = time.perf_counter() - start
        course.rois = rois[: self.detector.settings.cntk_nrRois]
        return rois

    def _proposed(self, found: Sequence[ProposedRois], proposing: float, total: float) -> None:
        """Note what the network proposed for all pictures, and the seconds of that and of the network as a whole."""
        self._network += total - proposing
        for course, proposed in zip(self._in_order, found, strict=True):
            course.seconds["rois"], course.rois = proposing, proposed.rois

    def _timed_embed(self, *arguments: Any) -> list[NDArray[np.float32]]:
        start = time.perf_counter()
        rows = self._embed(*arguments)
        self._network += time.perf_counter() - start
        return rows
