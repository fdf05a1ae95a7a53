"""A `Detector` that also says where the time went and which regions it looked at."""

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastRCNN.detector import Detector
from fastRCNN.evaluation.detections import Detections


@dataclass
class Course:
    """How one detection went: seconds by stage, and the (R, 4) regions of interest."""

    seconds: dict[str, float] = field(default_factory=dict)
    rois: NDArray[np.int32] = field(default_factory=lambda: np.zeros((0, 4), np.int32))


class TimedDetector:
    """Wraps the two callables of a `Detector`, its ROI source and its engine; one detection at a time."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self._course = Course()
        self._roi_source, self._embed = detector.roi_source, detector.engine.embed
        detector.roi_source = self._timed_rois
        detector.engine.embed = self._timed_embed  # type: ignore[method-assign, assignment]

    def detect(self, image: NDArray[np.uint8]) -> tuple[Detections, Course]:
        """Return what `Detector.detect` finds in `image` (H, W, 3), and how it went."""
        self._course = course = Course()
        start = time.perf_counter()
        found = self.detector.detect(image)
        course.seconds["scoring"] = time.perf_counter() - start - sum(course.seconds.values())
        return found, course

    def close(self) -> None:
        """Give back what the detector holds."""
        self.detector.close()

    def _timed_rois(self, image: NDArray[np.uint8]) -> NDArray[np.int32]:
        start = time.perf_counter()
        rois = self._roi_source(image)
        self._course.seconds["rois"] = time.perf_counter() - start
        self._course.rois = rois[: self.detector.settings.cntk_nrRois]
        return rois

    def _timed_embed(self, *arguments: Any) -> NDArray[np.float32]:
        start = time.perf_counter()
        rows = self._embed(*arguments)
        self._course.seconds["network"] = time.perf_counter() - start
        return rows
