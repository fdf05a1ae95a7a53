"""Procedural places: refrigerators and shelves, walls, table tops and clutter, to stand products in.

A place is a picture plus the lines on which things can stand. Pictures are (S, S, 3) uint8 BGR; S is a scene's side.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from resources.train_alexnet import labels


def texture(rng: np.random.Generator, side: int) -> NDArray:
    """Return a structured surface, (S, S, 3) uint8: wood, tiles, stripes, checks or fractal noise in related colours.

    Drawn at half size and enlarged: four times cheaper, and the camera blurs it anyway.
    """
    full, side = side, side // 2
    first = labels.colour(rng, saturation=(0, 0.7))
    second = np.clip(first * rng.uniform(0.4, 1.5) + rng.normal(0, 25, 3), 0, 255).astype(np.float32)
    kind = rng.integers(0, 5)
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
    angle = rng.uniform(0, np.pi)
    along = np.cos(angle) * columns + np.sin(angle) * rows
    across = np.cos(angle) * rows - np.sin(angle) * columns
    if kind == 0:
        mix = labels.noise(rng, side, side, first=int(rng.integers(2, 12)), octaves=5) * 0.25 + 0.5
    elif kind == 1:  # wood: noise stretched along the grain
        grain = cv2.resize(
            labels.noise(rng, side, 32, first=24, octaves=3), (side, side), interpolation=cv2.INTER_CUBIC
        )
        mix = 0.5 + 0.3 * grain * (0.5 + 0.5 * np.sin(across[:, :] / rng.uniform(8, 30)))
    elif kind == 2:  # tiles with joints
        size, joint = rng.uniform(10, 55), rng.uniform(1, 3)
        lines = ((along % size) < joint) | ((across % (size * rng.uniform(0.5, 2))) < joint)
        mix = lines.astype(np.float32) * 0.8 + 0.1 * labels.noise(rng, side, side, first=6)
    elif kind == 3:
        mix = 0.5 + 0.5 * np.sin(2 * np.pi * along / rng.uniform(4, 45))
        if rng.random() < 0.5:
            mix = (mix > 0.5).astype(np.float32)
    else:
        size = rng.uniform(5, 40)
        mix = ((np.floor(along / size) + np.floor(across / size)) % 2).astype(np.float32)
    mix = np.clip(mix, 0, 1)[..., None]
    small = np.clip(first * (1 - mix) + second * mix, 0, 255).astype(np.uint8)
    return cv2.resize(small, (full, full), interpolation=cv2.INTER_LINEAR)


def smooth(rng: np.random.Generator, side: int, *, pale: bool = False) -> NDArray:
    """Return an almost plain wall, (S, S, 3) uint8, with a soft gradient."""
    base = np.float32([1, 1, 1]) * rng.uniform(150, 245) if pale else labels.colour(rng, saturation=(0, 0.6))
    slope = rng.normal(0, 0.2, 2)
    grid = np.linspace(-1, 1, side // 4, dtype=np.float32)
    field = 1 + slope[0] * grid[:, None] + slope[1] * grid[None, :]
    field += 0.04 * labels.noise(rng, side // 4, side // 4, octaves=2)
    small = np.clip(base * field[..., None], 0, 255).astype(np.uint8)
    return cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR)


def clutter(rng: np.random.Generator, canvas: NDArray, count: int) -> None:
    """Draw `count` things that are not products on `canvas` (S, S, 3) uint8 IN PLACE: lines, panels, blobs, letters."""
    side = canvas.shape[0]
    for _ in range(count):
        ink = labels.colour(rng, saturation=(0, 0.8)).tolist()
        x, y = (int(v) for v in rng.integers(0, side, 2))
        kind = rng.integers(0, 5)
        if kind == 0:
            end = tuple(int(v) for v in rng.integers(-side // 4, side + side // 4, 2))
            cv2.line(canvas, (x, y), end, ink, int(rng.integers(1, 14)), cv2.LINE_AA)
        elif kind == 1:
            width, height = (int(v) for v in rng.integers(8, side // 2, 2))
            cv2.rectangle(canvas, (x, y), (x + width, y + height), ink, int(rng.choice([-1, 1, 2, 4])))
        elif kind == 2:
            axes = tuple(int(v) for v in rng.integers(4, side // 6, 2))
            cv2.ellipse(
                canvas,
                (x, y),
                axes,
                rng.uniform(0, 180),
                0,
                rng.uniform(90, 360),
                ink,
                int(rng.choice([-1, 2, 5])),
                cv2.LINE_AA,
            )
        elif kind == 3:
            points = np.array([x, y]) + rng.integers(-side // 6, side // 6, (int(rng.integers(3, 7)), 2))
            cv2.fillPoly(canvas, [points.astype(np.int32)], ink, cv2.LINE_AA)
        else:
            labels.text(rng, canvas, x, y, rng.uniform(0.3, 1.5), np.float32(ink), int(rng.integers(2, 10)))


def _panel(rng: np.random.Generator, canvas: NDArray, x: int, y: int, width: int, height: int) -> None:
    """Lay a clear drawer front over `canvas` IN PLACE: pale veil, bright edges, ribs."""
    side = canvas.shape[0]
    x2, y2 = min(side, x + width), min(side, y + height)
    if x2 - x < 6 or y2 - y < 6:
        return
    area = canvas[y:y2, x:x2].astype(np.float32)
    veil = rng.uniform(0.05, 0.3)
    area = area * (1 - veil) + veil * rng.uniform(120, 255)
    if rng.random() < 0.5:
        period = rng.uniform(6, 24)
        area += (12 * np.sin(np.arange(area.shape[1]) * 2 * np.pi / period))[None, :, None]
    canvas[y:y2, x:x2] = np.clip(area, 0, 255).astype(np.uint8)
    ink = (np.float32([1, 1, 1]) * rng.uniform(120, 255)).tolist()
    cv2.rectangle(canvas, (x, y), (x2 - 1, y2 - 1), ink, int(rng.integers(1, 4)))


def panels(rng: np.random.Generator, canvas: NDArray, count: int) -> None:
    """Lay `count` clear fronts over `canvas` IN PLACE."""
    side = canvas.shape[0]
    for _ in range(count):
        x, y = (int(v) for v in rng.integers(0, side - 20, 2))
        _panel(rng, canvas, x, y, int(rng.integers(30, side // 2)), int(rng.integers(20, side // 3)))


def place(rng: np.random.Generator, side: int) -> tuple[NDArray, list[int]]:
    """Return a place, (S, S, 3) uint8, and the heights y (pixels) of its standing lines; none = things float or lie."""
    kind = rng.random()
    stand: list[int] = []
    if kind < 0.5:  # refrigerator or shelf
        canvas = smooth(rng, side, pale=rng.random() < 0.75)
        if rng.random() < 0.25:
            canvas = texture(rng, side)
        if rng.random() < 0.6:  # corner of the wall and ribs of the liner
            x = int(rng.integers(0, side // 4))
            shade = rng.uniform(0.6, 0.95)
            canvas[:, :x] = (canvas[:, :x] * shade).astype(np.uint8)
            canvas[:, side - x :] = (canvas[:, side - x :] * shade).astype(np.uint8)
        clutter(rng, canvas, int(rng.integers(0, 6)))
        y = int(rng.uniform(0.1, 0.4) * side)
        while y < side - 5:
            thick, depth = int(rng.integers(2, 14)), int(rng.integers(4, 50))
            ink = labels.colour(rng, saturation=(0, 0.35))
            floor = canvas[y : y + depth].astype(np.float32)
            canvas[y : y + depth] = np.clip(floor * rng.uniform(0.6, 1.1) + rng.uniform(-10, 30), 0, 255).astype(
                np.uint8
            )
            canvas[y + depth : y + depth + thick] = ink
            cv2.line(canvas, (0, y + depth), (side, y + depth), (ink * rng.uniform(0.6, 1.4)).clip(0, 255).tolist(), 1)
            stand.append(min(side - 1, y + int(depth * rng.uniform(0.3, 0.9))))
            y += depth + thick + int(rng.uniform(0.18, 0.5) * side)
        panels(rng, canvas, int(rng.integers(0, 4)))
    elif kind < 0.65:  # table top before a wall
        canvas = smooth(rng, side) if rng.random() < 0.6 else texture(rng, side)
        clutter(rng, canvas, int(rng.integers(0, 8)))
        y = int(rng.uniform(0.1, 0.6) * side)
        canvas[y:] = texture(rng, side)[y:]
        stand = [int(v) for v in np.sort(rng.integers(y + 10, side, 3))]
    elif kind < 0.85:
        canvas = texture(rng, side)
        clutter(rng, canvas, int(rng.integers(0, 10)))
    else:
        canvas = smooth(rng, side)
        clutter(rng, canvas, int(rng.integers(5, 40)))
    return canvas, stand
