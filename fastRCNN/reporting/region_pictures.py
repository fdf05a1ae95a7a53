"""What a region proposal network does, as pictures: anchors, their targets, objectness, proposals, ROIs to learn from.

All boxes are x1 y1 x2 y2 in pixels of the padded picture (S, S, 3) uint8 BGR that is drawn on; pictures are cut to the
part without padding. Letters in shapes: A anchors of a cell, K anchors, P proposals, n drawn ROIs, G objects.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.boxes import as_boxes
from helpers.drawing import GROUND_TRUTH_COLOR, NEUTRAL_COLOR, class_color, draw_boxes

_MOST_BACKGROUND = 25  # anchors or ROIs without an object that are drawn, evenly chosen
_POSITIVE = class_color(3)


@dataclass(frozen=True, eq=False)
class Canvas:
    """A padded picture to draw on. edges: left, top, right, bottom of the picture in it, right and bottom exclusive.

    objects: (G, 4), drawn dashed in white.
    """

    padded: NDArray[np.uint8]
    edges: tuple[float, float, float, float]
    objects: NDArray[np.float64]

    def draw(
        self,
        boxes: ArrayLike,
        labels: Sequence[str] | None = None,
        *,
        colors: Sequence[tuple[int, int, int]],
        thickness: float | None = None,
    ) -> NDArray[np.uint8]:
        """Return the picture with `boxes` (N, 4), `labels` and `colors` (N each), and its objects on top."""
        boxes = as_boxes(boxes)
        every = np.concatenate([boxes, self.objects])
        texts = [*(labels or [""] * len(boxes)), *[""] * len(self.objects)]
        dashed = np.arange(len(every)) >= len(boxes)
        shades = [*colors, *[GROUND_TRUTH_COLOR] * len(self.objects)]
        drawn = draw_boxes(self.padded, every, texts, None, colors=shades, dashed=dashed, thickness=thickness)
        return self.cut(drawn)

    def cut(self, drawn: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the part of a padded picture that shows something."""
        left, top, right, bottom = (int(edge) for edge in self.edges)
        return drawn[max(top, 0) : bottom, max(left, 0) : right]


def draw_anchors(canvas: Canvas, anchors: NDArray[np.float64], cells: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return the anchors of one cell, that next to the first object's middle or the picture's, and all cells as dots.

    anchors: (K, 4), by row, by cell, by anchor. cells: rows and columns of the map, anchors of a cell.
    """
    rows, columns, each = cells
    middles = anchors.reshape(rows, columns, each, 4)[..., :2].mean(axis=2) / 2
    middles += anchors.reshape(rows, columns, each, 4)[..., 2:].mean(axis=2) / 2
    left, top, right, bottom = canvas.edges
    goal = np.array([(left + right) / 2, (top + bottom) / 2])
    if len(canvas.objects):
        centres = (canvas.objects[:, :2] + canvas.objects[:, 2:]) / 2
        goal = centres[np.abs(centres - goal).sum(axis=1).argmin()]
    place = int(((middles - goal) ** 2).sum(axis=2).argmin())
    dotted = canvas.padded.copy()
    for x, y in np.rint(middles.reshape(-1, 2)).astype(int).tolist():
        cv2.circle(dotted, (x, y), 1, GROUND_TRUTH_COLOR, -1, cv2.LINE_AA)
    mine = anchors[place * each : (place + 1) * each]
    colors = [class_color(1 + number) for number in range(each)]
    return Canvas(dotted, canvas.edges, canvas.objects).draw(mine, colors=colors, thickness=2)


def draw_anchor_targets(canvas: Canvas, anchors: NDArray[np.float64], labels: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Return the anchors (K, 4) of one batch: those that shall say object, and some that shall say background, grey.

    labels: (K,) 1 object, 0 background, -1 neither.
    """
    shown, empty = np.flatnonzero(labels == 1), evenly(np.flatnonzero(labels == 0), _MOST_BACKGROUND)
    colors = [NEUTRAL_COLOR] * len(empty) + [_POSITIVE] * len(shown)
    return canvas.draw(anchors[np.concatenate([empty, shown])], colors=colors, thickness=1.5)


def draw_objectness(canvas: Canvas, objectness: NDArray[np.float64], cells: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return a heat map of the highest objectness of each cell's anchors over the picture, in grey.

    objectness: (K,) probabilities, in the order of the anchors.
    """
    rows, columns, each = cells
    best = objectness.reshape(rows, columns, each).max(axis=2)
    side = len(canvas.padded)
    heat = cv2.resize(best.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR)
    shade = np.rint(np.clip(heat, 0, 1) * 255).astype(np.uint8)
    colored = cv2.applyColorMap(shade, cv2.COLORMAP_INFERNO)
    grey = cv2.cvtColor(cv2.cvtColor(canvas.padded, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    mixed = cv2.addWeighted(grey, 0.4, colored, 0.75, 0).astype(np.uint8)
    return Canvas(mixed, canvas.edges, canvas.objects).draw(np.zeros((0, 4)), colors=[])


def draw_proposals(
    canvas: Canvas, boxes: NDArray[np.float64], scores: NDArray[np.floating], *, most: int, with_scores: bool = True
) -> NDArray[np.uint8]:
    """Return the `most` best of the proposals (P, 4), the more certain the warmer, with their objectness if asked."""
    boxes, scores = boxes[:most][::-1], scores[:most][::-1]
    shades = np.rint(np.clip(np.asarray(scores, np.float64), 0, 1) * 255).astype(np.uint8)
    warm = cv2.applyColorMap(shades.reshape(-1, 1), cv2.COLORMAP_PLASMA) if len(boxes) else np.zeros((0, 1, 3), int)
    colors = [(int(blue), int(green), int(red)) for blue, green, red in np.asarray(warm)[:, 0]]
    labels = [f"{score:.2f}" if with_scores else "" for score in scores]
    return canvas.draw(boxes, labels, colors=colors, thickness=1.5)


def draw_targets(
    canvas: Canvas,
    rois: NDArray[np.float64],
    labels: NDArray[np.int64],
    goals: NDArray[np.float64],
    class_names: Sequence[str],
) -> NDArray[np.uint8]:
    """Return the ROIs (n, 4) that the detector learns from: those that show an object in the colour of its class, with
    an arrow from their middle to where they shall go; some of the others grey.

    labels: (n,) class numbers, 0 background. goals: (n, 4) where each shall go.
    """
    shown, empty = np.flatnonzero(labels > 0), evenly(np.flatnonzero(labels == 0), _MOST_BACKGROUND)
    chosen = np.concatenate([empty, shown]).astype(int)
    named = {int(label): int(np.flatnonzero(labels == label)[0]) for label in np.unique(labels[shown])}
    texts = [class_names[labels[i]] if named.get(int(labels[i])) == i else "" for i in chosen]
    colors = [class_color(int(labels[i])) for i in chosen]
    drawn = canvas.draw(rois[chosen], texts, colors=colors, thickness=1.5)
    corner = np.maximum(canvas.edges[:2], 0).astype(int)
    for color, thickness in ((GROUND_TRUTH_COLOR, 7), (None, 3)):  # all white rims first, so that none hides an arrow
        for roi, goal, label in zip(rois[shown], goals[shown], labels[shown], strict=True):
            ends = [(np.rint((box[:2] + box[2:]) / 2).astype(int) - corner).tolist() for box in (roi, goal)]
            shade = color or class_color(int(label))
            cv2.arrowedLine(drawn, ends[0], ends[1], shade, thickness, cv2.LINE_AA, tipLength=0.3)
    return drawn


def evenly(numbers: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Return at most `most` of `numbers`, evenly chosen."""
    if len(numbers) <= most:
        return numbers
    return numbers[np.linspace(0, len(numbers) - 1, most).round().astype(int)]
