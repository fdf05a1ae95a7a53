"""Training windows: pictures at the sizes at which a picture is looked at later, on grey.

A picture is shrunk or enlarged so that one of its things gets a size that the anchors are for. It stands whole in the
window where it fits, else a part of it; small pictures stand four in a window.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from helpers.images import PAD_VALUE
from resources.train_proposals.scenes import SIDE as SCENE_SIDE

SIDE = 320
MARGIN = 24  # grey pixels around a picture, at least, where it fits into the window
IN_RANGE = (27.0, 88.0)  # square root of a thing's area that is looked for at one size of the picture
SMALLEST, LARGEST = 64, 720  # longer side of a picture in a window


@dataclass(frozen=True)
class Window:
    """image (S, S, 3) uint8 BGR; boxes (K, 4) float32, what of each thing is inside; clear (K,) bool: it counts."""

    image: NDArray
    boxes: NDArray
    clear: NDArray


def make_window(rng: np.random.Generator, images: NDArray, truth: NDArray, indices: NDArray) -> Window:
    """Return a window with pictures out of `images` (N, S, S, 3); `indices` (4,): which ones, as many as fit.

    truth: (N, P, 5) float32 x1 y1 x2 y2 visible, see `pool.py`.
    """
    canvas = np.full((SIDE, SIDE, 3), PAD_VALUE, np.uint8)
    half = SIDE // 2
    longer, focus = _size_of(rng, truth[indices[0]], LARGEST)
    whole = longer > half - 2 * MARGIN
    places = [(0, 0, SIDE)] if whole else [(x, y, half) for y in (0, half) for x in (0, half)]
    boxes, clear = [], []
    for (x, y, room), index in zip(places, indices, strict=False):
        if not whole:
            longer, focus = _size_of(rng, truth[index], half - 2 * MARGIN)
        part = canvas[y : y + room, x : x + room]
        own = _lay(rng, part, images[index], truth[index], longer, focus)
        boxes.append(own[0] + np.float32([x, y, x, y]))
        clear.append(own[1])
    return Window(canvas, np.concatenate(boxes), np.concatenate(clear))


def _size_of(rng: np.random.Generator, truth: NDArray, most: float) -> tuple[float, NDArray | None]:
    """Return how long the picture's longer side shall be, and the middle of a thing that then has a size which is
    looked for; one time in eight, and where nothing is in it, any size."""
    rows = truth[truth[:, 4] >= 0.35]
    if len(rows) == 0 or rng.random() < 0.125:
        return float(np.exp(rng.uniform(np.log(SMALLEST), np.log(most)))), None
    x1, y1, x2, y2 = rows[rng.integers(0, len(rows)), :4]
    wanted = np.exp(rng.uniform(*np.log(IN_RANGE)))
    longer = SCENE_SIDE * wanted / np.sqrt((x2 - x1 + 1) * (y2 - y1 + 1))
    return float(np.clip(longer, SMALLEST, most)), np.float32([x1 + x2, y1 + y2]) / 2


def _lay(
    rng: np.random.Generator, room: NDArray, image: NDArray, truth: NDArray, longer: float, focus: NDArray | None
) -> tuple[NDArray, NDArray]:
    """Draw the picture, its longer side `longer` pixels, into `room` (R, R, 3) IN PLACE; return boxes and clear."""
    side, free = len(image), len(room)
    rows = truth[truth[:, 4] > 0.02]
    boxes, visible = rows[:, :4] + np.float32([0, 0, 1, 1]), rows[:, 4]  # edges of pixels
    area = np.maximum(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), 1)
    cut = side * rng.uniform(0.6, 1.0) if rng.random() < 0.6 else side  # pictures are seldom square
    wide, high = (side, cut) if rng.random() < 0.6 else (cut, side)
    zoom = rng.uniform(0.7, 1.0) if rng.random() < 0.3 else 1.0
    wide, high = wide * zoom, high * zoom
    scale = longer / side
    wide, high = min(wide, free / scale), min(high, free / scale)  # what fits into the room
    left, top = rng.uniform(0, side - wide), rng.uniform(0, side - high)
    if focus is not None:  # the thing is in it, wherever chance puts it
        x, y = focus - rng.uniform(0.15, 0.85, 2) * [wide, high]
        left, top = float(np.clip(x, 0, side - wide)), float(np.clip(y, 0, side - high))
    left, top, right, bottom = (round(v) for v in (left, top, left + wide, top + high))
    part = image[top:bottom, left:right]
    new = (max(4, min(free, round(part.shape[1] * scale))), max(4, min(free, round(part.shape[0] * scale))))
    small = cv2.resize(part, new, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    flip = rng.random() < 0.5
    if flip:
        small = small[:, ::-1]
    small = _changed(rng, np.ascontiguousarray(small))
    x, y = (int(rng.integers(0, free - n + 1)) for n in new)
    if max(new) <= free - 2 * MARGIN:
        x, y = (int(rng.integers(MARGIN, free - MARGIN - n + 1)) for n in new)
    room[y : y + new[1], x : x + new[0]] = small
    factors = np.float32([new[0] / part.shape[1], new[1] / part.shape[0]])
    moved = ((boxes.reshape(-1, 2, 2) - np.float32([left, top])) * factors).reshape(-1, 4)
    if flip:
        moved[:, [0, 2]] = new[0] - moved[:, [2, 0]]
    inside = np.clip(moved, 0, np.float32([*new, *new]))
    share = np.prod(np.maximum(inside[:, 2:] - inside[:, :2], 0), axis=1) / (area * factors.prod())
    here = share > 0.03
    clear = (share >= 0.6) & (visible >= 0.35)
    return (inside + np.float32([x, y, x - 1, y - 1]))[here], clear[here]


def _changed(rng: np.random.Generator, picture: NDArray) -> NDArray:
    """Return the picture with other colours, at times grey, at times blurred or packed as JPEG."""
    levels = np.linspace(0, 1, 256)[:, None] ** np.exp(rng.normal(0, 0.3))
    levels = levels * np.exp(rng.normal(0, 0.08, 3)) * rng.uniform(0.75, 1.3) + rng.normal(0, 0.05)
    picture = cv2.LUT(picture, np.clip(255 * levels, 0, 255).astype(np.uint8)[None])
    if rng.random() < 0.25:  # other hues
        mix = np.eye(3) + rng.normal(0, 0.25, (3, 3))
        picture = cv2.transform(picture, mix / np.abs(mix).sum(axis=1, keepdims=True) * rng.uniform(0.85, 1.15))
    if rng.random() < 0.08:
        picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    if rng.random() < 0.15:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.3))
    if rng.random() < 0.1 and min(picture.shape[:2]) > 12:  # enlarged from a small one
        size, factor = picture.shape[1::-1], rng.uniform(0.4, 0.8)
        picture = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.1:
        picture = cv2.add(picture, rng.normal(0, rng.uniform(2, 12), picture.shape), dtype=cv2.CV_8U)
    if rng.random() < 0.15:
        data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 90))])[1]
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return picture
