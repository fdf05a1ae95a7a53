"""Times non-maximum suppression side by side with the usual ways to do it, prints three tables.

    .venv/bin/python benchmarks/bench_nms.py

Peers: the loop over kept boxes in NumPy (as in the published tutorial); plain PyTorch without a loop over boxes (all
overlaps at once, each class shifted elsewhere, as torchvision's `batched_nms` does; torchvision's own compiled function
is not measured); and OpenCV's `NMSBoxes`, whose boxes are in lists already when its time starts. All keep the same
boxes unless said.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import cv2
import numba  # noqa: F401 - until it is loaded, slower functions stand in for compiled ones
import numpy as np
import torch

from benchmarks.timing import cpu_milliseconds, growth_table, markdown_table, summary
from fastRCNN.boxes.nms import nms_per_class
from helpers.boxes import iou_matrix

THRESHOLD = 0.3
CASES = ((200, 9), (2000, 9), (2000, 21), (8000, 21))  # boxes, classes
BOXES, CLASSES = (500, 2000, 8000), (1, 9, 81)  # for the tables of growth: with 21 classes; of 2000 boxes
SUMMARISED = (2000, 21)
TORCH_AT_MOST = 2000  # boxes: PyTorch holds the overlaps of all pairs


class Case(NamedTuple):
    """Boxes (N, 4) int32, scores (N,) float32, labels (N,), and the same as OpenCV wants them."""

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    rectangles: list
    score_list: list
    label_list: list


Programs = Mapping[str, Callable[[Case], np.ndarray]]


def make_case(count: int, classes: int) -> Case:
    """Return boxes scattered around count / 40 things."""
    rng = np.random.default_rng(0)
    things = max(count // 40, 1)
    thing = rng.integers(0, things, count)
    size = rng.uniform(30, 300, (things, 2))[thing] * rng.uniform(0.7, 1.4, (count, 2))
    corner = rng.uniform(0, 1000, (things, 2))[thing] + rng.normal(0, 20, (count, 2))
    boxes = np.hstack([corner, corner + size]).round().astype(np.int32)
    scores, labels = rng.random(count).astype(np.float32), rng.integers(0, classes, count)
    rectangles = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2] + 1]).tolist()
    return Case(boxes, scores, labels, rectangles, scores.tolist(), labels.tolist())


def ours(case: Case) -> np.ndarray:
    """All classes in one call."""
    return nms_per_class(case.boxes, case.scores, case.labels, threshold=THRESHOLD)


def in_numpy(case: Case) -> np.ndarray:
    """One class after the other, a NumPy loop over the kept boxes."""
    keep = np.zeros(len(case.scores), bool)
    for label in np.unique(case.labels):
        order = np.flatnonzero(case.labels == label)
        order = order[np.argsort(case.scores[order], kind="stable")[::-1]]
        x1, y1, x2, y2 = case.boxes.astype(np.float64).T
        area = (x2 - x1 + 1) * (y2 - y1 + 1)
        while len(order):
            best, order = order[0], order[1:]
            keep[best] = True
            width = np.minimum(x2[best], x2[order]) - np.maximum(x1[best], x1[order]) + 1
            height = np.minimum(y2[best], y2[order]) - np.maximum(y1[best], y1[order]) + 1
            common = np.maximum(width, 0) * np.maximum(height, 0)
            order = order[common / (area[best] + area[order] - common) <= THRESHOLD]
    return keep


def in_torch(case: Case) -> np.ndarray:
    """All overlaps at once in PyTorch, classes shifted apart; then what better boxes drop, until nothing changes."""
    boxes, labels = torch.from_numpy(case.boxes).double(), torch.from_numpy(case.labels)
    boxes = boxes + (labels * (boxes.max() - boxes.min() + 2))[:, None]
    order = torch.from_numpy(case.scores).argsort(descending=True, stable=True)
    boxes = boxes[order]
    sides = torch.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - torch.maximum(
        boxes[:, None, :2], boxes[None, :, :2]
    )
    common = (sides + 1).clamp(min=0).prod(2)
    area = (boxes[:, 2:] - boxes[:, :2] + 1).prod(1)
    too_near = common / (area[:, None] + area[None, :] - common) > THRESHOLD
    too_near.triu_(diagonal=1)  # by a better one
    alive = torch.ones(len(boxes), dtype=torch.bool)
    while not torch.equal(alive, next_alive := ~too_near[alive].any(0)):  # right for one more rank at least, each time
        alive = next_alive
    keep = np.zeros(len(boxes), bool)
    keep[order[alive].numpy()] = True
    return keep


def in_opencv(case: Case) -> np.ndarray:
    """`cv2.dnn.NMSBoxesBatched`, in C++, from Python lists."""
    kept = cv2.dnn.NMSBoxesBatched(case.rectangles, case.score_list, case.label_list, 0.0, THRESHOLD)
    keep = np.zeros(len(case.scores), bool)
    keep[np.asarray(kept, dtype=int).ravel()] = True
    return keep


def compared_pairs(case: Case, keep: np.ndarray) -> int:
    """Return how many overlaps greedy suppression needs: each box that stays with what is left of its class by then."""
    pairs = 0
    for label in np.unique(case.labels):
        order = np.flatnonzero(case.labels == label)
        order = order[np.argsort(case.scores[order], kind="stable")[::-1]]
        boxes = case.boxes[order]
        while len(order):
            pairs += len(order) - 1
            overlaps = iou_matrix(boxes[:1], boxes)[0]
            assert keep[order[0]]
            left = overlaps <= THRESHOLD
            order, boxes = order[left], boxes[left]
    return pairs


def milliseconds(programs: Programs, count: int, classes: int) -> tuple[dict[str, float], Case, np.ndarray]:
    """Return CPU milliseconds of each program on a case, the case, and which boxes ours keeps."""
    case = make_case(count, classes)
    tried = {name: run for name, run in programs.items() if name != "PyTorch, all overlaps" or count <= TORCH_AT_MOST}
    return cpu_milliseconds(tried, [case], rounds=15, patience=2.0), case, ours(case)


def growth(programs: Programs, what: str, sizes: Sequence[int], cases: Sequence[tuple[int, int]]) -> str:
    """Return the table of times of ours and OpenCV by `sizes`, one for each of `cases`."""
    chosen = {name: programs[name] for name in ("OpenCV NMSBoxesBatched", "ours")}
    measured = [milliseconds(chosen, *case)[0] for case in cases]
    times = {name: [each[name] for each in measured] for name in chosen}
    return growth_table(f"CPU ms by {what}", sizes, "", times, digits=2)


def main() -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    programs: dict[str, Callable[[Case], np.ndarray]] = {
        "ours": ours,
        "NumPy loop": in_numpy,
        "PyTorch, all overlaps": in_torch,
    }
    programs["OpenCV NMSBoxesBatched"] = in_opencv
    rows, lines = [], []
    for count, classes in CASES:
        times, case, expected = milliseconds(programs, count, classes)
        cells = []
        for name, run in programs.items():
            if name not in times:
                cells.append("not measured")
                continue
            differ = int(np.sum(run(case) != expected))
            ratio = "" if name == "ours" else f" ({times[name] / times['ours']:.1f}x)"
            cells.append(f"{times[name]:.2f}{ratio}" + (f", {differ} other boxes" if differ else ""))
            if (count, classes) == SUMMARISED and name != "ours":
                what = f"non-maximum suppression, {count} boxes, {classes} classes"
                ratio = f"{times[name] / times['ours']:.1f}"
                lines.append(summary(what, f"{name}: {times[name]:.2f} ms", f"{times['ours']:.2f} ms", ratio))
        pairs = compared_pairs(case, expected)
        rows.append([count, classes, int(expected.sum()), *cells, pairs, f"{1e6 * times['ours'] / pairs:.1f}"])
    print(f"CPU ms for one picture, threshold {THRESHOLD}; in brackets: how many times ours. Pairs: the overlaps that\n"
          "have to be computed; ours sorts as well, and ns per pair has that in it.\n")  # fmt: skip
    print(markdown_table(["boxes", "classes", "kept", *programs, "pairs", "ns per pair, ours"], rows))
    print("\n" + growth(programs, "boxes, 21 classes", BOXES, [(count, 21) for count in BOXES]))
    print("\n" + growth(programs, "classes, 2000 boxes", CLASSES, [(2000, classes) for classes in CLASSES]) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
