"""What was found, in the forms that programs ask for.

tutorial      the published tutorial's records: every ROI, all values text (6_scoreImage.py --format v1)
v2            class names and numbers, what was found, best first (6_scoreImage.py --format v2)
coco          COCO's results: category_id, bbox as x y width height, score
customvision  the answer of Azure Custom Vision: probabilities, boxes relative to the picture
vott          the answer of a review endpoint of VoTT 1
details       v2, with sizes, times and regions: what the page draws
"""

import math
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastRCNN.boxes.nms import nms_per_class
from fastRCNN.evaluation.detections import Detections
from helpers.boxes import widths_heights
from webapp.serve.timed_detector import Course

_NAMESPACE = uuid.UUID("6f3c1f6e-6a0e-5c0f-9a36-1f6f0d0f6a11")  # of the ids that Custom Vision's form asks for


@dataclass(frozen=True)
class Wanted:
    """What a request asks for; None: as the detector was trained, or all."""

    format: str = "v2"
    threshold: float | None = None
    nms: float | None = None
    max: int | None = None
    classes: tuple[str, ...] | None = None
    name: str = ""  # of the frame, for VoTT


@dataclass(frozen=True)
class Answer:
    """All that a form can tell of."""

    found: Detections
    course: Course
    width: int
    height: int
    name: str = ""
    classifier: str = "svm"


def chosen(detections: Detections, wanted: Wanted) -> Detections:
    """Return what `wanted` leaves of `detections`: non-maximum suppression anew, then classes, threshold and number.

    In the tutorial's form the ROIs stay that were not kept, or are background.
    """
    d = detections
    if wanted.nms is not None:
        kept = nms_per_class(d.boxes, d.scores, d.labels, threshold=wanted.nms)
        d = Detections(d.boxes, d.labels, d.scores, kept, d.class_names)
    mask = np.ones(len(d), bool) if wanted.format == "tutorial" else d.keep & (d.labels > 0)
    if wanted.classes is not None:
        mask &= np.isin(d.labels, [d.class_names.index(name) for name in wanted.classes])
    if wanted.threshold is not None:
        mask &= d.scores >= np.float32(wanted.threshold)
    if wanted.max is not None and mask.sum() > wanted.max:
        best = np.argsort(np.where(mask, -d.scores, np.inf), kind="stable")[: wanted.max]
        mask = np.zeros(len(d), bool)
        mask[best] = True
    return d.take(mask)


def formatted(answer: Answer, format: str) -> Any:
    """Return what JSON is made of."""
    return FORMATS[format](answer)


def _tutorial(answer: Answer) -> Any:
    return answer.found.string_records()


def _v2(answer: Answer) -> Any:
    return answer.found.typed_records()


def _coco(answer: Answer) -> Any:
    found = _best_first(answer.found)
    return [
        {"image_id": 0, "category_id": label, "bbox": [*box[:2], *size], "score": score}
        for label, box, size, score in zip(
            found.labels.tolist(), found.boxes.tolist(), _sizes(found), _scores(found), strict=True
        )
    ]


def _customvision(answer: Answer) -> Any:
    found = _best_first(answer.found)
    predictions = []
    for label, box, (width, height), score in zip(
        found.labels.tolist(), found.boxes.tolist(), _sizes(found), _scores(found), strict=True
    ):
        place = {
            "left": box[0] / answer.width, "top": box[1] / answer.height,
            "width": width / answer.width, "height": height / answer.height,
        }  # fmt: skip
        name = found.class_names[label]
        predictions.append(
            {
                "probability": probability(score, answer.classifier),
                "tagId": str(uuid.uuid5(_NAMESPACE, name)),
                "tagName": name,
                "boundingBox": place,
            }
        )
    return {"predictions": predictions}


def _vott(answer: Answer) -> Any:
    found = _best_first(answer.found)
    regions = [
        dict(zip(("class", "x1", "y1", "x2", "y2"), (label, *box), strict=True))
        for label, box in zip(found.labels.tolist(), found.boxes.tolist(), strict=True)
    ]
    names = ["background", *found.class_names[1:]]
    return {
        "frames": {f"{answer.name}.jpg": {"regions": regions}},
        "classes": {name: number for number, name in enumerate(names)},
    }


def _details(answer: Answer) -> Any:
    found = answer.found
    order = np.argsort(-found.scores, kind="stable")
    records = [{**record, "class": int(found.labels[i])} for record, i in zip(_v2(answer), order, strict=True)]
    return {
        "width": answer.width,
        "height": answer.height,
        "seconds": {name: round(value, 6) for name, value in answer.course.seconds.items()},
        "detections": records,
        "rois": answer.course.rois.tolist(),
    }


FORMATS: dict[str, Callable[[Answer], Any]] = {
    "tutorial": _tutorial, "v2": _v2, "coco": _coco, "customvision": _customvision, "vott": _vott, "details": _details,
}  # fmt: skip


def probability(score: float, classifier: str) -> float:
    """Return a number from 0 to 1 that grows with `score`.

    The scores of a network are probabilities; a support vector machine gives margins, of which this is the logistic
    function: it orders as they do, but is not calibrated.
    """
    if classifier != "svm":
        return score
    return 1 / (1 + math.exp(-score)) if score >= 0 else 1 - 1 / (1 + math.exp(score))


def _best_first(found: Detections) -> Detections:
    return found.take(np.argsort(-found.scores, kind="stable"))


def _sizes(found: Detections) -> Sequence[Sequence[float]]:
    """Return width and height of each box, whole numbers where they are."""
    sizes = np.stack(widths_heights(found.boxes), axis=1)
    return [[int(side) if side == int(side) else side for side in size] for size in sizes.tolist()]


def _scores(found: Detections) -> list[float]:
    """Return the scores with the digits that tell a float32 apart, as the typed records have them."""
    return [float(str(score)) for score in found.scores]
