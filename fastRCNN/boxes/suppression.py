"""What becomes of overlapping detections of a class: the lower-scored one is dropped, or scores less.

Two rules, class by class. Hard: non-maximum suppression (`fastRCNN.boxes.nms`) at a threshold, which a class can have
of its own: things that stand in front of each other want a higher one. Soft: nothing is dropped, but a detection that
overlaps a better one by o scores exp(-o^2 / sigma) times as much, for each that is better (Bodla, Singh, Chellappa,
Davis: Soft-NMS - Improving Object Detection With One Line of Code, 2017, equation 3). That is a rule for probabilities;
margins of SVMs are taken for log odds, and become margins again.

Letters in shapes: N boxes, C classes with background first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastRCNN.boxes.nms import nms_per_class
from fastRCNN.compiling import compiled
from helpers.boxes import as_boxes, iou_matrix
from helpers.errors import UserError

_LEAST = 1e-300  # a probability that is not 0


@dataclass(frozen=True)
class Suppression:
    """threshold: largest overlap of two detections of a class. of_classes: class number -> its own. sigma: 0, the hard
    rule; above it the soft one, which needs no threshold. probabilities: whether scores go from 0 to 1."""

    threshold: float = 0.3
    of_classes: Mapping[int, float] = field(default_factory=dict)
    sigma: float = 0.0
    probabilities: bool = False

    @classmethod
    def choose(
        cls, parameters: Mapping[str, Any], classes: Sequence[str], *, probabilities: bool = False
    ) -> "Suppression":
        """Return what `parameters` (by name) say for a data set with these `classes`, background first.

        Raises `UserError` for a class in `nmsThresholds` that is not among them.
        """
        given = parameters["nmsThresholds"]
        unknown = sorted(given.keys() - set(classes[1:]))
        if unknown:
            raise UserError(f"nmsThresholds: no class {', '.join(unknown)}; expected {', '.join(classes[1:])}")
        numbers = {number: given[name] for number, name in enumerate(classes) if name in given}
        return cls(parameters["nmsThreshold"], numbers, parameters["nms_softSigma"], probabilities)

    @classmethod
    def of(cls, value: "float | Suppression") -> "Suppression":
        """Return `value`, which may be a threshold alone."""
        return value if isinstance(value, Suppression) else cls(value)

    def __str__(self) -> str:
        """Return "NMS 0.3", or what else is done."""
        if self.sigma > 0:
            return f"soft NMS {self.sigma:g}"
        return f"NMS {self.threshold:g}" + (f" ({len(self.of_classes)} classes: others)" if self.of_classes else "")

    def __call__(
        self, boxes: ArrayLike, scores: NDArray[Any], labels: NDArray[np.int64]
    ) -> tuple[NDArray[np.bool_], NDArray[Any]]:
        """Return which of `boxes` (N, 4) stay, (N,), and their scores (N,): those that were given, or lower ones.

        labels: (N,), the class of each; classes do not meet, and background is one of them.
        """
        if self.sigma > 0:
            return np.ones(len(scores), bool), self._softened(as_boxes(boxes), scores, np.asarray(labels))
        keep = nms_per_class(boxes, scores, labels, threshold=self.threshold)
        for number, threshold in self.of_classes.items():
            mine = np.flatnonzero(np.asarray(labels) == number)
            keep[mine] = nms_per_class(as_boxes(boxes)[mine], scores[mine], mine * 0, threshold=threshold)
        return keep, scores

    def _softened(self, boxes: NDArray, scores: NDArray[Any], labels: NDArray) -> NDArray[Any]:
        chances = scores.astype(np.float64)
        with np.errstate(over="ignore"):
            logs = np.log(np.maximum(chances, _LEAST)) if self.probabilities else -np.logaddexp(0, -chances)
        softened = logs.copy()
        for number in np.unique(labels):
            mine = np.flatnonzero(labels == number)
            order = mine[np.argsort(logs[mine], kind="stable")[::-1]]  # of equal scores the later first, as in NMS
            softened[order] = _soften(boxes[order].astype(np.float64), logs[order], self.sigma)
        if self.probabilities:
            return np.exp(softened).astype(scores.dtype)
        changed = softened < logs
        margins = softened - np.log(-np.expm1(np.minimum(softened, -1e-300)))
        return np.where(changed, margins, chances).astype(scores.dtype)


def _soften_numpy(boxes: NDArray, logs: NDArray, sigma: float) -> NDArray[np.float64]:
    """Return what `_soften` returns: slower, but there at once."""
    current, left = logs.copy(), np.ones(len(logs), bool)
    for _ in range(len(logs)):
        best = int(np.argmax(np.where(left, current, -np.inf)))
        left[best] = False
        current[left] -= iou_matrix(boxes[best : best + 1], boxes[left])[0] ** 2 / sigma
    return current


@compiled(what="soft suppression", seconds=1, stand_in=_soften_numpy)
def _soften(boxes, logs, sigma):
    """Return the logarithms of the chances (N,) of boxes (N, 4) of one class, lowered by every better one's overlap."""
    count = len(logs)
    current, left = logs.copy(), np.ones(count, np.bool_)
    area = (boxes[:, 2] - boxes[:, 0] + 1) * (boxes[:, 3] - boxes[:, 1] + 1)
    for _ in range(count):
        best, highest = -1, -np.inf
        for i in range(count):
            if left[i] and (best < 0 or current[i] > highest):
                best, highest = i, current[i]
        left[best] = False
        for i in range(count):
            if left[i]:
                width = min(boxes[best, 2], boxes[i, 2]) - max(boxes[best, 0], boxes[i, 0]) + 1
                height = min(boxes[best, 3], boxes[i, 3]) - max(boxes[best, 1], boxes[i, 1]) + 1
                if width > 0 and height > 0:
                    common = width * height
                    overlap = common / (area[best] + area[i] - common)
                    current[i] -= overlap * overlap / sigma
    return current
