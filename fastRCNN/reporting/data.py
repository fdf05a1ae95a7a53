"""From decisions to the report's pictures: crops of the worst mistakes, drawn pictures, and the tables beside them."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastRCNN.evaluation.average_precision import Evaluation
from fastRCNN.evaluation.bootstrap import map_interval
from fastRCNN.evaluation.error_analysis import ErrorAnalysis
from fastRCNN.evaluation.matching import ThresholdCounts
from fastRCNN.reporting.decisions import PictureDecisions, confusions, counts_per_class, round_thresholds
from fastRCNN.reporting.mistakes import Mistake, worst
from fastRCNN.reporting.page import PRECISION_COLOR, RECALL_COLOR, Report
from fastRCNN.reporting.subject import Subject
from fastRCNN.reporting.tiles import Tile
from fastRCNN.reporting.visualization import draw_detections, scale_boxes, scale_to, square_around
from helpers.boxes import as_boxes
from helpers.drawing import GROUND_TRUTH_COLOR, class_color, draw_boxes
from helpers.fonts import legible_names
from helpers.images import read_image
from helpers.plots import Panel, Series, shortened

MAX_CROPS = 12  # of misses, and of false alarms
MAX_PICTURES = 24
MAX_CURVES = 20  # classes in the picture of all curves
_NOT_SHOWN = ("root", "quiet", "jobs", "show", "ground_truth", "image_set")
_CROP_SIDE, _PICTURE_SIDE = 240, 640


def build_report(
    pictures: Sequence[PictureDecisions],
    evaluation: Evaluation,
    errors: ErrorAnalysis,
    subject: Subject,
    parameters: Mapping[str, Any],
    advice: Mapping[str, str] | None = None,
) -> tuple[Report, list[ThresholdCounts]]:
    """Return the report on `pictures`, and the counts over thresholds for each object class.

    parameters: of the run, by name; those that the result does not depend on are left out of the report. advice:
    what often helps against each kind of mistake.
    """
    misses = [miss for picture in pictures for miss in picture.misses]
    alarms = [alarm for picture in pictures for alarm in picture.alarms]
    s, nr_classes, overlap = subject, len(subject.class_names), subject.overlap_threshold
    thresholds = round_thresholds(pictures, probabilities=s.probabilities, threshold=s.threshold)
    counts, per_class = counts_per_class(pictures, nr_classes, thresholds, overlap_threshold=overlap)
    by_path = {picture.path: picture for picture in pictures}
    read = lru_cache(maxsize=4)(read_image)
    ranked = sorted(pictures, key=lambda p: (-len(p.misses) - len(p.alarms), p.path.name))[:MAX_PICTURES]
    report = Report(
        dataset=s.dataset,
        image_set=s.image_set,
        classifier=s.classifier,
        class_names=s.class_names,
        evaluation=evaluation,
        counts=counts,
        threshold=s.threshold,
        confusion=confusions(pictures, nr_classes, threshold=s.threshold, overlap_threshold=overlap),
        misses=[_crop(read(miss.path), miss, by_path[miss.path], missed=True) for miss in worst(misses, MAX_CROPS)],
        alarms=[
            _crop(read(alarm.path), alarm, by_path[alarm.path], missed=False) for alarm in worst(alarms, MAX_CROPS)
        ],
        pictures=[_picture(read(picture.path), picture, s.threshold) for picture in ranked],
        nr_rois=s.nr_rois,
        nr_misses=len(misses),
        nr_alarms=len(alarms),
        parameters={
            name: _shown_value(name, parameters[name]) for name in sorted(parameters) if name not in _NOT_SHOWN
        },
        errors=errors,
        interval=map_interval(evaluation),
        advice=advice or {},
        nr_uncovered=sum(miss.uncovered for miss in misses),
    )
    return report, per_class


def _shown_value(name: str, value: Any) -> Any:
    """Return the value of a parameter; of a file its name, which does not depend on the machine."""
    return Path(value).name if name == "cntk_model" and value else value


def _crop(image: NDArray[np.uint8], mistake: Mistake, picture: PictureDecisions, *, missed: bool) -> Tile:
    """Return a square around the box of a mistake with what is beside it, objects dashed."""
    part, (left, top) = square_around(image, mistake.box)
    part, scale = scale_to(part, _CROP_SIDE)
    boxes, colors = [mistake.box], [GROUND_TRUTH_COLOR if missed else class_color(mistake.label)]
    if not missed:
        boxes = [*(tuple(box) for box in picture.gt_boxes.tolist()), *boxes]
        colors = [GROUND_TRUTH_COLOR] * len(picture.gt_boxes) + colors
    dashed = np.arange(len(boxes)) < len(boxes) - (not missed)
    shifted = scale_boxes(as_boxes(boxes) - [left, top, left, top], scale)
    drawn = draw_boxes(part, shifted, colors=colors, dashed=dashed, thickness=2)
    return Tile(drawn, mistake.title, f"{mistake.reason} · {mistake.path.name}")


def _picture(image: NDArray[np.uint8], picture: PictureDecisions, threshold: float | None) -> Tile:
    found = picture.found.select(threshold)
    drawn = draw_detections(
        image,
        found,
        gt_boxes=picture.gt_boxes,
        gt_classes=picture.gt_classes,
        missed=picture.missed,
        max_dim=_PICTURE_SIDE,
    )
    text = f"{_count(len(picture.gt_boxes), 'object')}, {_count(len(picture.misses), 'miss', 'misses')}, "
    return Tile(drawn, picture.path.name, text + _count(len(picture.alarms), "false alarm"))


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def threshold_rows(counts: ThresholdCounts) -> list[list[str]]:
    """Return the table of `counts`: threshold, precision, recall, detections, right, objects."""
    return [
        [f"{t:g}", _shown(precision), _shown(recall), str(detections), str(right), str(counts.positives)]
        for t, precision, recall, detections, right in zip(
            counts.thresholds, counts.precisions, counts.recalls, counts.detections, counts.right, strict=True
        )
    ]


THRESHOLD_COLUMNS = ("score from", "precision", "recall", "detections", "right", "objects")


def _shown(value: float) -> str:
    return "not defined" if np.isnan(value) else f"{value:.4f}"


def precision_panels(evaluation: Evaluation, counts: ThresholdCounts) -> list[Panel]:
    """Return small charts: precision over recall of each class (of many, the worst), then both over the threshold."""
    defined = [(number, c) for number, c in enumerate(evaluation.classes, start=1) if c.ap_area is not None]
    lowest = sorted(sorted(defined, key=lambda pair: pair[1].ap_area or 0.0)[:MAX_CURVES])
    shown = legible_names(["", *(c.name for c in evaluation.classes)])
    panels = [
        Panel(
            f"{shortened(shown[number], 22)}  {c.ap_area:.2f}",
            "recall",
            "precision",
            [Series("", *c.envelope(), class_color(number))],
        )
        for number, c in lowest
    ]
    both = [
        Series("precision", counts.thresholds, counts.precisions, _bgr(PRECISION_COLOR)),
        Series("recall", counts.thresholds, counts.recalls, _bgr(RECALL_COLOR)),
    ]
    limits = (float(counts.thresholds[0]), float(counts.thresholds[-1]))
    all_classes = "all classes" if len(lowest) == len(defined) else f"all {len(defined)} classes"
    return [*panels, Panel(all_classes, "score threshold", "share", both, x_limits=limits)]


def _bgr(css: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(css[1:])
    return blue, green, red
