"""The tutorial's small examples, worked by the code itself: IoU, a list of five detections, its AP, and what NMS does.

`docs/refresh.py` writes the drawings to docs/pictures/ and the tables into TUTORIAL.md. No data set is needed.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from fastRCNN.boxes.nms import nms
from fastRCNN.engines import load_engine
from fastRCNN.evaluation.matching import Matching, match_detections
from fastRCNN.evaluation.precision_curve import ap_11point, ap_area, envelope
from fastRCNN.network.network import load_network
from fastRCNN.network.roi_pooling import roi_pool
from helpers.artifacts import atomic_write
from helpers.boxes import areas, intersections, iou_matrix
from helpers.console import table
from helpers.images import pad_to_square, read_image

INK, BLUE, ORANGE, GREEN = "#1f2933", "#0a86d0", "#d55e00", "#0b8a6a"
OBJECTS = np.array([[20, 20, 79, 119], [75, 20, 134, 119], [190, 40, 249, 139]])  # a, b and c, of one class
NAMES = "abc"
DETECTIONS = np.array(
    [[24, 22, 83, 121], [80, 14, 139, 113], [12, 10, 71, 109], [146, 96, 183, 150], [202, 50, 261, 149]]
)
SCORES = np.array([2.1, 1.6, 1.2, 0.7, 0.3])
THRESHOLDS = (1.0, 0.3, 0.01)  # of NMS that are tried on the list


def samples() -> dict[str, str]:
    """Return the tables by the names of their places in TUTORIAL.md."""
    return {"iou": iou_table(), "list": list_table(DETECTIONS, SCORES), "nms": nms_table()}


def draw(folder: Path) -> None:
    """Write the drawings into `folder`."""
    draw_iou(folder / "iou.png")
    draw_list(folder / "average_precision.png")


def iou_table() -> str:
    """Return how the IoU of the first detection with each object is computed."""
    first = DETECTIONS[:1]
    rows = []
    for name, box in zip(NAMES, OBJECTS, strict=True):
        common = intersections(first, box[None])[0, 0]
        both = areas(first)[0] + areas(box[None])[0] - common
        rows.append([name, " ".join(map(str, box)), f"{common:.0f}", f"{both:.0f}", f"{common / both:.2f}"])
    return table(["object", "x1 y1 x2 y2", "common pixels", "pixels of both", "IoU"], rows)


def matched(boxes: NDArray, scores: NDArray) -> Matching:
    """Return what step 5 makes of detections of the class, in one picture."""
    pictures, of_objects = np.zeros(len(boxes), int), np.zeros(len(OBJECTS), int)
    return match_detections(boxes, scores, pictures, OBJECTS, of_objects)


def list_table(boxes: NDArray, scores: NDArray) -> str:
    """Return the list, best score first, with precision and recall so far, and the two APs."""
    found = matched(boxes, scores)
    best = envelope(np.cumsum(found.right))
    overlaps = iou_matrix(boxes[found.order], OBJECTS)
    rows = []
    for place, (score, right) in enumerate(zip(found.scores, found.right, strict=True)):
        nearest = int(overlaps[place].argmax())
        on = f"{NAMES[nearest]} {overlaps[place, nearest]:.2f}" if overlaps[place].max() > 0 else "nothing"
        counted = int(np.cumsum(found.right)[place])
        precision = f"{counted} of {place + 1} = {found.precisions[place]:.2f}"
        rows.append([
            str(place + 1), f"{score:.1f}", on, "right" if right else "wrong", precision,
            f"{counted} of {found.positives} = {found.recalls[place]:.2f}", f"{best[place]:.2f}",
        ])  # fmt: skip
    area = ap_area(found.right, positives=found.positives)
    eleven = ap_11point(found.right, positives=found.positives)
    lines = table(["place", "score", "IoU with", "", "precision", "recall", "best from here on"], rows)
    return f"{lines}\nAP, area: {area:.3f}   AP, 11 points: {eleven:.3f}"


def nms_table() -> str:
    """Return what is left of the list after non-maximum suppression, and its AP, for some thresholds."""
    rows = []
    for threshold in THRESHOLDS:
        kept = nms(DETECTIONS, SCORES, threshold=threshold)
        found = matched(DETECTIONS[kept], SCORES[kept])
        objects = "".join(NAMES[number] for number in sorted(found.matched[found.right].tolist()))
        rows.append([
            f"{threshold:g}", " ".join(f"{score:.1f}" for score in SCORES[kept]), " ".join(objects),
            f"{ap_area(found.right, positives=found.positives):.3f}",
        ])  # fmt: skip
    return table(["nmsThreshold", "scores that stay", "objects found", "AP, area"], rows)


def draw_iou(path: Path) -> None:
    """Draw three pairs of equal boxes with an IoU of 0.3, 0.5 and 0.7."""
    figure, side = Figure(figsize=(9, 2.5), dpi=110, layout="constrained"), 1000
    FigureCanvasAgg(figure)
    for place, wanted in enumerate((0.3, 0.5, 0.7), start=1):
        shift = round(side * (1 - wanted) / (1 + wanted))  # the boxes share side - shift, and cover side + shift
        first, second = [0, 0, side - 1, side - 1], [shift, 0, shift + side - 1, side - 1]
        overlap = iou_matrix([first], [second])[0, 0]
        axes = figure.add_subplot(1, 3, place)
        for box, color in ((first, BLUE), (second, ORANGE)):
            axes.add_patch(_rectangle(box, color, fill=True))
        axes.set_xlim(-0.05 * side, 1.6 * side)
        axes.set_ylim(1.05 * side, -0.05 * side)
        axes.set_aspect("equal")
        axes.axis("off")
        axes.set_title(f"IoU {overlap:.2f}", color=INK, fontsize=12)
        axes.text((shift + side) / 2, side / 2, f"{(side - shift) / side:.0%}\nof each", ha="center", va="center",
                  color=INK, fontsize=10)  # fmt: skip
    _save(figure, path)


def draw_list(path: Path) -> None:
    """Draw the objects with the five detections, and precision over recall with the area that AP is."""
    figure = Figure(figsize=(9.4, 3.9), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    scene, curve = figure.subplots(1, 2, width_ratios=(1.25, 1))
    found = matched(DETECTIONS, SCORES)
    right = np.zeros(len(SCORES), bool)
    right[found.order] = found.right
    for name, box in zip(NAMES, OBJECTS, strict=True):
        scene.add_patch(_rectangle(box, INK, dashed=True))
        scene.text(box[0] + 4, box[3] - 4, name, color=INK, fontsize=13, va="bottom")
    for place, index in enumerate(found.order, start=1):
        box, color = DETECTIONS[index], GREEN if right[index] else ORANGE
        scene.add_patch(_rectangle(box, color))
        scene.text(box[0] + 3, box[1] + 3, f"{place}: {SCORES[index]:.1f}", color=color, fontsize=11, va="top",
                   bbox={"boxstyle": "square,pad=0.1", "color": "white"})  # fmt: skip
    scene.set_xlim(0, 275)
    scene.set_ylim(160, 5)
    scene.set_aspect("equal")
    scene.axis("off")
    scene.set_title(
        "objects dashed; detections with place: score;\ngreen is right, orange wrong", fontsize=11, color=INK
    )
    steps, heights = np.flatnonzero(found.right), envelope(np.cumsum(found.right))
    ends = found.recalls[steps]
    begins = np.concatenate([[0.0], ends[:-1]])
    for begin, end, height in zip(begins, ends, heights[steps], strict=True):
        curve.fill_between([begin, end], 0, height, color=BLUE, alpha=0.18, linewidth=0)
        curve.plot([begin, end], [height, height], color=BLUE, linewidth=2)
    curve.plot(found.recalls, found.precisions, "o--", color=INK, linewidth=1, markersize=5)
    for number, (x, y) in enumerate(zip(found.recalls, found.precisions, strict=True), start=1):
        curve.annotate(str(number), (x, y), xytext=(6, -12), textcoords="offset points", color=INK, fontsize=9)
    area = ap_area(found.right, positives=found.positives)
    curve.set_title(f"the five in order; AP is the blue area: {area:.3f}", fontsize=11, color=INK)
    curve.set(xlabel="recall", ylabel="precision", xlim=(0, 1.05), ylim=(0, 1.08))
    curve.grid(True, color="#e4e7eb")
    _save(figure, path)


def draw_network(path: Path, photo: Path, weights: Path, box: Sequence[float]) -> None:
    """Draw a `photo` with a ROI (`box`, x1 y1 x2 y2), three channels of the network's map, and one of them pooled.

    weights: the network's file. The channels are those that answer to the ROI, and hardly elsewhere.
    """
    padded, place = pad_to_square(read_image(photo), 1000)
    with load_engine("torch", load_network(weights), device="cpu") as engine:
        maps = np.asarray(engine.feature_map([padded])[0].float())
    roi = np.asarray(box) * place.scale + [place.offset_x, place.offset_y] * 2
    pooled = roi_pool(maps, roi[None])[0]
    contrast = pooled.max(axis=(1, 2)) / (maps.mean(axis=(1, 2)) + 0.05 * maps.max())
    chosen = np.argsort(-contrast, kind="stable")[:3]
    figure = Figure(figsize=(13, 3), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 5)
    side = padded.shape[0]
    panels[0].imshow(padded[..., ::-1])
    panels[0].set_title("the padded picture, a ROI", fontsize=10, color=INK)
    for axes, channel in zip(panels[1:4], chosen, strict=True):
        axes.imshow(maps[channel], cmap="magma", extent=(0, side, side, 0), interpolation="nearest")
        axes.set_title(f"channel {channel} of {len(maps)}", fontsize=10, color=INK)
    for axes in panels[:4]:
        axes.add_patch(_rectangle(roi, ORANGE))
    panels[4].imshow(pooled[chosen[2]], cmap="magma", interpolation="nearest")
    panels[4].set_title(f"channel {chosen[2]} of the ROI, 6 x 6", fontsize=10, color=INK)
    for axes in panels:
        axes.axis("off")
    _save(figure, path)


def _rectangle(box: NDArray | list[int], color: str, *, fill: bool = False, dashed: bool = False) -> Rectangle:
    x1, y1, x2, y2 = box
    return Rectangle(
        (x1, y1), x2 - x1 + 1, y2 - y1 + 1, edgecolor=color, linewidth=2, linestyle="--" if dashed else "-",
        facecolor=(color, 0.25) if fill else "none",
    )  # fmt: skip


def _save(figure: Figure, path: Path) -> None:
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})
