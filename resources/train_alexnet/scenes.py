"""Scenes: several products in a procedural place, with exact boxes of what is visible of each.

A scene is a pure function of (seed, index): a pool of scenes can be made in any order, by any number of workers.
Boxes are x1 y1 x2 y2, 0-based, inclusive, pixels of the scene; K is the number of products in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from resources.train_alexnet import backgrounds
from resources.train_alexnet.products import Design

SIDE = 448
"""Side of a scene in pixels; training cuts 384-pixel windows out of it."""


_GRAIN = np.round(np.random.default_rng(0).standard_normal((640, 640, 3)) * 32).astype(np.int16)


@dataclass(frozen=True)
class Scene:
    """A picture and what stands in it."""

    image: NDArray
    """(S, S, 3) uint8 BGR."""
    boxes: NDArray
    """(K, 4) int16: extents of the visible pixels of each product."""
    designs: NDArray
    """(K,) int16: index into the list of designs."""
    visible: NDArray
    """(K,) float32 in 0..1: visible share of the product's pixels that were drawn."""


def paste(canvas: NDArray, owner: NDArray, sprite: NDArray, x: int, y: int, number: int) -> int:
    """Lay `sprite` (h, w, 4) with its top left at x, y over `canvas` IN PLACE; mark its pixels in `owner` (S, S) uint8.

    Returns the number of pixels of the whole sprite that count as product (alpha of at least one half).
    """
    side = canvas.shape[0]
    h, w = sprite.shape[:2]
    x1, y1, x2, y2 = max(x, 0), max(y, 0), min(x + w, side), min(y + h, side)
    drawn = int((sprite[..., 3] >= 128).sum())
    if x1 >= x2 or y1 >= y2:
        return drawn
    part = sprite[y1 - y : y2 - y, x1 - x : x2 - x]
    alpha = part[..., 3:].astype(np.float32) * np.float32(1 / 255)
    region = canvas[y1:y2, x1:x2]
    region[:] = (region + alpha * (part[..., :3].astype(np.float32) - region) + 0.5).astype(np.uint8)
    owner[y1:y2, x1:x2][part[..., 3] >= 128] = number
    return drawn


def visible_boxes(owner: NDArray, drawn: Sequence[int]) -> tuple[NDArray, NDArray]:
    """Return boxes (K, 4) int16 and visible shares (K,) float32 of products 1..K in the map `owner` (S, S) uint8.

    A product without a visible pixel gets the box 0 0 0 0 and share 0.
    """
    boxes = np.zeros((len(drawn), 4), np.int16)
    visible = np.zeros(len(drawn), np.float32)
    for k, total in enumerate(drawn):
        mask = owner == k + 1
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        if len(rows):
            boxes[k] = columns[0], rows[0], columns[-1], rows[-1]
            visible[k] = mask.sum() / max(total, 1)
    return boxes, visible


def _shadow(field: NDArray, x: float, y: float, width: float, height: float, strength: float) -> None:
    cv2.ellipse(
        field, (int(x / 4), int(y / 4)), (max(1, int(width / 4)), max(1, int(height / 4))), 0, 0, 360, strength, -1
    )


def lighting(rng: np.random.Generator, image: NDArray) -> NDArray:
    """Light the whole scene: lamp fall-off, warm or cool tint, dimness, contrast; then blur, sensor noise and JPEG."""
    side = image.shape[0]
    grid = np.linspace(0, 1, 28, dtype=np.float32)
    centre, reach = rng.uniform(-0.3, 1.3, 2), rng.uniform(0.5, 2.0)
    distance = (grid[:, None] - centre[1]) ** 2 + (grid[None, :] - centre[0]) ** 2
    low = rng.uniform(0.25, 1.0)
    field = low + (1 - low) * np.exp(-distance / reach**2)
    if rng.random() < 0.25:
        spot, small = rng.uniform(0, 1, 2), rng.uniform(0.03, 0.12)
        field += rng.uniform(0.3, 2.0) * np.exp(
            -((grid[:, None] - spot[1]) ** 2 + (grid[None, :] - spot[0]) ** 2) / small**2
        )
    warm = rng.normal(0.08, 0.12)
    tint = np.float32([1 - warm, 1.0, 1 + warm * 0.6]) * rng.uniform(0.5, 1.15)
    lamp = cv2.resize((field[..., None] * tint).astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR)
    picture = cv2.multiply(image, lamp, dtype=cv2.CV_8U)
    grey = rng.uniform(0.0, 0.5) if rng.random() < 0.4 else 0.0
    if grey:
        picture = cv2.transform(picture, (np.eye(3) * (1 - grey) + grey / 3).astype(np.float32))
    gamma = rng.uniform(0.75, 1.35)
    picture = cv2.LUT(picture, (255 * np.linspace(0, 1, 256) ** gamma).astype(np.uint8))
    if rng.random() < 0.6:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.4))
    if rng.random() < 0.7:
        x, y = (int(v) for v in rng.integers(0, len(_GRAIN) - side + 1, 2))
        grain = cv2.multiply(_GRAIN[y : y + side, x : x + side], rng.uniform(1, 9) / 32)
        picture = cv2.add(picture, grain, dtype=cv2.CV_8U)
    if rng.random() < 0.2:
        data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 95))])[1]
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return picture


def make_scene(designs: Sequence[Design], *, seed: int, index: int, side: int = SIDE) -> Scene:
    """Return scene number `index` of the stream `seed`; the same arguments always give the same bytes."""
    rng = np.random.default_rng([seed, index])
    canvas, stand = backgrounds.place(rng, side)
    count = int(rng.integers(5, 14))
    chosen = rng.integers(0, len(designs), count)
    if rng.random() < 0.15:
        chosen[: count // 2] = chosen[0]  # several copies of one product
    scale = rng.uniform(0.7, 1.4)
    plans: list[tuple[NDArray, int, int]] = []
    taken: list[tuple[int, int, int, int]] = []
    shadows = np.zeros((side // 4, side // 4), np.float32)
    for design in chosen:
        size = float(np.clip(scale * np.exp(rng.uniform(np.log(45), np.log(170))), 34, 230))
        sprite = designs[design].render(rng, size)
        h, w = sprite.shape[:2]
        for _ in range(6):  # look for a place that is not too crowded
            x = int(rng.integers(-w // 5, max(1, side - w + w // 5)))
            base = (
                int(rng.choice(stand)) + int(rng.integers(-4, 5))
                if stand
                else int(rng.integers(h * 4 // 5, side + h // 5))
            )
            y = base - h
            crowd = max(
                (
                    max(0, min(x + w, b[2]) - max(x, b[0])) * max(0, min(y + h, b[3]) - max(y, b[1])) / (w * h)
                    for b in taken
                ),
                default=0.0,
            )
            if crowd < (0.35 if rng.random() < 0.2 else 0.08):
                break
        else:
            if rng.random() < 0.8:
                plans.append((sprite[:0], 0, 0))
                continue
        taken.append((x, y, x + w, y + h))
        plans.append((sprite, x, y))
        if stand:
            _shadow(shadows, x + w / 2, y + h - 2, w * rng.uniform(0.45, 0.65), h * 0.06 + 3, rng.uniform(0.2, 0.7))
        else:
            _shadow(shadows, x + w / 2 + rng.normal(0, 6), y + h / 2 + 6, w / 2, h / 2, rng.uniform(0.0, 0.5))
    soft = cv2.resize(
        cv2.GaussianBlur(shadows, (0, 0), rng.uniform(0.8, 4)), (side, side), interpolation=cv2.INTER_LINEAR
    )
    canvas = cv2.multiply(canvas, cv2.merge([1 - soft] * 3), dtype=cv2.CV_8U)
    owner = np.zeros((side, side), np.uint8)
    kept, drawn = [], []
    for design, (sprite, x, y) in zip(chosen, plans, strict=True):
        if len(sprite):
            kept.append(design)
            drawn.append(paste(canvas, owner, sprite, x, y, len(kept)))
    boxes, visible = visible_boxes(owner, drawn)
    if rng.random() < 0.3:
        backgrounds.panels(rng, canvas, int(rng.integers(1, 4)))
    return Scene(lighting(rng, canvas), boxes, np.array(kept, np.int16), visible)
