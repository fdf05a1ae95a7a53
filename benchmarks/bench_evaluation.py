"""Times our evaluation next to pycocotools on the same detections, and prints the ratio.

    .venv/bin/python benchmarks/bench_evaluation.py [--pictures 500] [--classes 20] [--rois 100]

Both get made-up pictures with objects, and ROIs scattered around them with a score for every class, best 100 per
picture and class. Ours ranks, matches at IoU > 0.5 and gives both VOC metrics; pycocotools matches at IoU 0.5 alone and
gives precision at 101 recalls. Ours without NMS is the fair comparison; with NMS it is what step 5 does.
"""

import argparse
import contextlib
import io
import sys
import time
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numba  # noqa: F401 - until it is loaded, slower functions stand in for compiled ones
import numpy as np

from benchmarks.timing import growth_table, markdown_table, summary
from fastRCNN.evaluation.average_precision import PictureResult, evaluate
from helpers.boxes import iou_matrix


def make_pictures(rng: np.random.Generator, pictures: int, classes: int, rois: int) -> list[PictureResult]:
    """Return pictures with 1 to 8 objects; a ROI scores the higher for a class, the more it overlaps its objects."""
    results = []
    for index in range(pictures):
        count = int(rng.integers(1, 9))
        corners = rng.integers(0, 400, size=(count, 2))
        truth = np.hstack([corners, corners + rng.integers(30, 120, size=(count, 2))]).astype(np.int32)
        labels = rng.integers(1, classes + 1, size=count)
        boxes = truth[rng.integers(0, count, size=rois)] + rng.integers(-25, 26, size=(rois, 4), dtype=np.int32)
        boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 5)
        scores = rng.normal(0, 0.35, size=(rois, classes + 1)).astype(np.float32)
        for overlaps, label in zip(iou_matrix(boxes, truth).T, labels, strict=True):
            scores[:, label] += overlaps.astype(np.float32)
        results.append(PictureResult(index, Path(f"{index}.jpg"), boxes, scores, truth, labels))
    return results


def run_coco(pictures: list[PictureResult], classes: int) -> tuple[float, float, float]:
    """Return pycocotools' seconds for loading, for evaluating, and its mean AP at IoU 0.5."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    annotations, detections = [], []
    for picture in pictures:
        sides = picture.gt_boxes[:, 2:] - picture.gt_boxes[:, :2] + 1
        for box, side, label in zip(
            picture.gt_boxes.tolist(), sides.tolist(), picture.gt_classes.tolist(), strict=True
        ):
            annotations.append({
                "id": len(annotations) + 1, "image_id": picture.index, "category_id": label, "iscrowd": 0,
                "bbox": [*box[:2], *side], "area": side[0] * side[1],
            })  # fmt: skip
        best = np.argsort(-picture.scores, axis=0, kind="stable")[:100]
        places = np.hstack([picture.boxes[:, :2], picture.boxes[:, 2:] - picture.boxes[:, :2] + 1])
        for label in range(1, classes + 1):
            rows = best[:, label]
            detections += [
                {"image_id": picture.index, "category_id": label, "bbox": place, "score": score}
                for place, score in zip(places[rows].tolist(), picture.scores[rows, label].tolist(), strict=True)
            ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "info": {},
            "images": [{"id": picture.index} for picture in pictures],
            "categories": [{"id": label} for label in range(1, classes + 1)],
            "annotations": annotations,
        }
        truth.createIndex()
        start = time.perf_counter()
        evaluation = COCOeval(truth, truth.loadRes(detections), "bbox")
        loaded = time.perf_counter()
        evaluation.params.iouThrs = np.array([0.5])
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.params.maxDets = [100]
        evaluation.evaluate()
        evaluation.accumulate()
        done = time.perf_counter()
    precisions = evaluation.eval["precision"]
    return loaded - start, done - loaded, float(precisions[precisions > -1].mean())


class Row(NamedTuple):
    """Seconds and mean AP of both on the same detections."""

    detections: int
    ours: float
    with_nms: float
    ap: float
    coco: float
    coco_loading: float
    coco_ap: float


def measure(pictures: list[PictureResult], classes: int) -> Row:
    """Return the best of three runs of ours, with and without NMS, and of two of pycocotools."""
    names = ("__background__", *(f"class {number}" for number in range(1, classes + 1)))

    def ours(nms_threshold: float) -> tuple[float, float]:
        start = time.perf_counter()
        result = evaluate(pictures, names, nms_threshold=nms_threshold)
        return time.perf_counter() - start, result.map_area or 0.0

    runs = [(ours(1.0), ours(0.3), run_coco(pictures, classes)) for _ in range(2)]  # in turns
    runs.append((ours(1.0), ours(0.3), runs[0][2]))
    plain, ap = min(run[0] for run in runs)
    loading, evaluating, coco_ap = min((run[2] for run in runs), key=lambda times: times[1])
    detections = sum(min(len(picture.boxes), 100) for picture in pictures) * classes
    return Row(detections, plain, min(run[1][0] for run in runs), ap, evaluating, loading, coco_ap)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--rois", type=int, default=100)
    options = parser.parse_args()
    pictures = make_pictures(np.random.default_rng(0), options.pictures, options.classes, options.rois)
    measure(pictures[:2], options.classes)  # compiles what is compiled on first use
    rows = [measure(pictures[: options.pictures // part], options.classes) for part in (4, 2, 1)]
    last = rows[-1]
    print(f"{options.pictures} pictures, {options.classes} classes, {last.detections:,} detections\n")
    fast = f"{last.coco / last.ours:.1f}"
    loaded = f"{(last.coco + last.coco_loading) / last.ours:.1f}"
    print(
        markdown_table(
            ["", "seconds", "times as fast", "mean AP"],
            [
                ["pycocotools", f"{last.coco:.2f}", "1.0", f"{last.coco_ap:.4f} (101 recalls)"],
                ["pycocotools, with loading", f"{last.coco + last.coco_loading:.2f}", "", ""],
                ["ours", f"{last.ours:.2f}", f"{fast}, {loaded} with loading", f"{last.ap:.4f} (area)"],
                ["ours, with NMS", f"{last.with_nms:.2f}", "", ""],
            ],
        )
    )
    times = {"pycocotools": [row.coco for row in rows], "ours": [row.ours for row in rows]}
    print("\n" + growth_table("seconds by detections", [row.detections for row in rows], "", times, digits=2) + "\n")
    print(summary("evaluation", f"pycocotools: {last.coco:.2f} s", f"{last.ours:.2f} s", fast))


if __name__ == "__main__":
    main()
