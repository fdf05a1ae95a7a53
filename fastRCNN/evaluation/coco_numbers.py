"""COCO's twelve numbers, by COCO's own program: the package pycocotools, imported when asked for.

AP: mean over IoU 0.50, 0.55, ..., 0.95 of the precision at 101 recalls, mean over classes. Small, medium and large are
areas below 32^2, up to 96^2 and above, of the objects' masks. AR@n: the best recall with n detections for a picture,
mean over the IoUs. Crowds are ignored. Lin et al.: Microsoft COCO, 2014; cocodataset.org/#detection-eval.
"""

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers.errors import UserError

NAMES = (
    "AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large",
    "AR@1", "AR@10", "AR@100", "AR_small", "AR_medium", "AR_large",
)  # fmt: skip


@dataclass(frozen=True)
class CocoNumbers:
    """numbers: the twelve by name. classes: AP and AP50 by name of class. None: not defined, no such object there."""

    numbers: dict[str, float | None]
    classes: dict[str, dict[str, float | None]]

    def as_data(self) -> dict[str, Any]:
        """Return what JSON holds of it."""
        return {**self.numbers, "classes": self.classes}


def coco_numbers(truth: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> CocoNumbers:
    """Return the numbers of `results` (image_id, category_id, bbox x y width height, score) for `truth`.

    truth: the content of an instances file: images, annotations, categories. Raises `UserError` without pycocotools.
    """
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError:
        raise UserError("COCO's numbers need the package pycocotools: pip install pycocotools") from None
    with contextlib.redirect_stdout(io.StringIO()):  # it tells how long everything took
        objects = COCO()
        annotations = [_whole(each, place) for place, each in enumerate(truth["annotations"], start=1)]
        objects.dataset = {**truth, "annotations": annotations}
        objects.createIndex()
        found = objects.loadRes(_array(results)) if results else _nothing(COCO, objects)
        evaluation = COCOeval(objects, found, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    precision = evaluation.eval["precision"]  # IoU, recall, class, area, number of detections
    names = {each["id"]: str(each["name"]) for each in truth["categories"]}
    classes = {
        names[number]: {"AP": _mean(precision[:, :, place, 0, 2]), "AP50": _mean(precision[0, :, place, 0, 2])}
        for place, number in enumerate(evaluation.params.catIds)
    }
    return CocoNumbers(dict(zip(NAMES, map(_defined, evaluation.stats), strict=True)), classes)


def _whole(annotation: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return `annotation` with what other tools' exports may lack, and a new id: pycocotools takes 0 for "none"."""
    area, crowd = annotation.get("area"), annotation.get("iscrowd")
    *_, width, height = annotation["bbox"]
    return {
        **annotation, "id": number, "iscrowd": int(crowd or 0),
        "area": float(width) * float(height) if area is None else float(area),
    }  # fmt: skip


def _array(results: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Return (N, 7) image_id, x, y, width, height, score, category_id: half the memory of dictionaries."""
    return np.array([(r["image_id"], *r["bbox"], r["score"], r["category_id"]) for r in results], np.float64)


def _nothing(kind: Any, objects: Any) -> Any:
    """Return results without a detection, which `loadRes` does not take."""
    empty = kind()
    empty.dataset = {**objects.dataset, "annotations": []}
    empty.createIndex()
    return empty


def _mean(values: np.ndarray) -> float | None:
    values = values[values > -1]
    return float(values.mean()) if values.size else None


def _defined(value: float) -> float | None:
    return None if value == -1 else float(value)
