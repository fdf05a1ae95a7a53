"""Surfaces of things and grounds: fur, scales, cloth, bark, water, foliage; each from a random generator alone.

Pictures are (H, W, 3) float32 BGR in 0..255. The same surfaces cover objects and what lies behind them, so that a kind
of texture says nothing about where an object is.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from resources.train_alexnet import backgrounds
from resources.train_alexnet.labels import colour, noise

_EARTHS = np.float32([[60, 85, 110], [90, 120, 150], [40, 50, 60], [120, 150, 175], [70, 70, 70], [200, 215, 225]])


def shade_of(rng: np.random.Generator) -> NDArray:
    """Return a colour, (3,) float32 BGR: half the time one of hides, stones and wood, else any."""
    if rng.random() < 0.5:
        first, second = _EARTHS[rng.integers(0, len(_EARTHS), 2)]
        return np.clip(first + (second - first) * rng.uniform(0, 1) + rng.normal(0, 12, 3), 0, 255).astype(np.float32)
    return colour(rng, saturation=(0.0, 0.9))


def pattern(rng: np.random.Generator, height: int, width: int) -> NDArray:
    """Return (H, W) float32 in 0..1: patches, spots, stripes, streaks, speckle, a slope, or almost nothing."""
    kind = int(rng.integers(0, 6))
    coarse = int(rng.integers(2, 7))
    field = noise(rng, height, width, first=coarse, octaves=3)
    if kind == 0:
        return np.clip(0.5 + 0.3 * field, 0, 1)
    if kind == 1:  # spots
        spots = noise(rng, height, width, first=int(rng.integers(6, 24)), octaves=1)
        return np.clip((spots - rng.uniform(-0.3, 0.8)) * rng.uniform(1, 6) + 0.5, 0, 1)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32) / max(height, width)
    angle = rng.uniform(0, np.pi)
    along = np.cos(angle) * columns + np.sin(angle) * rows
    if kind == 2:  # stripes that wander
        waves = np.sin(2 * np.pi * rng.uniform(2, 16) * along + rng.uniform(0, 1.5) * field)
        return np.clip(0.5 + waves * rng.uniform(0.4, 2), 0, 1)
    if kind == 3:
        return np.clip((along - along.min()) / (np.ptp(along) + 1e-6) + 0.15 * field, 0, 1)
    if kind == 4:
        return np.clip(0.5 + 0.3 * noise(rng, height, width, first=24, octaves=3), 0, 1)
    return np.clip(0.1 + 0.06 * field, 0, 1)


def streaks(rng: np.random.Generator, height: int, width: int) -> NDArray:
    """Return (H, W) float32 of mean 0 and deviation 1: fine hairs that lie mostly in one direction."""
    fine = rng.standard_normal((height // 2 + 1, width // 2 + 1), dtype=np.float32)
    size = int(rng.integers(3, 12)) | 1
    kernel = np.zeros((size, size), np.float32)
    angle = rng.uniform(0, np.pi)
    tip = np.array([np.cos(angle), np.sin(angle)]) * (size // 2)
    middle = np.array([size // 2] * 2)
    start, end = np.round(middle - tip).astype(int).tolist(), np.round(middle + tip).astype(int).tolist()
    cv2.line(kernel, start, end, 1.0, 1)
    hairs = cv2.resize(cv2.filter2D(fine, -1, kernel), (width, height), interpolation=cv2.INTER_LINEAR)
    return hairs / (hairs.std() + 1e-6)


def surface(rng: np.random.Generator, height: int, width: int) -> NDArray:
    """Return what covers a thing or a ground: two or three colours in a pattern, with hairs or grain on it."""
    first, second = shade_of(rng), shade_of(rng)
    if rng.random() < 0.5:
        second = first + (second - first) * np.float32(rng.uniform(0.1, 0.5))
    picture = first + (second - first) * pattern(rng, height, width)[..., None]
    if rng.random() < 0.35:
        picture += (shade_of(rng) - picture) * (pattern(rng, height, width) * rng.uniform(0.2, 0.9))[..., None]
    if rng.random() < 0.6:
        picture *= 1 + rng.uniform(0.03, 0.25) * streaks(rng, height, width)[..., None]
    return np.clip(picture, 0, 255).astype(np.float32)


def _foliage(rng: np.random.Generator, side: int) -> NDArray:
    """Leaves or blades, from the far and dark to the near and bright."""
    other = rng.random() < 0.3
    base = colour(rng, saturation=(0.2, 0.9)) if other else np.float32([30, 95, 70]) * rng.uniform(0.6, 1.6)
    canvas = np.full((side, side, 3), base * 0.3, np.uint8)
    blades, count = rng.random() < 0.4, int(rng.integers(80, 350))
    longest = side * rng.uniform(0.03, 0.14)
    lean = rng.normal(np.pi / 2, 0.3)
    for nearness in np.linspace(0, 1, count):
        ink = np.clip(base * (0.35 + 0.9 * nearness) * rng.uniform(0.7, 1.3) + rng.normal(0, 12, 3), 0, 255).tolist()
        x, y = (int(v) for v in rng.integers(0, side, 2))
        length = longest * rng.uniform(0.5, 1.5)
        if blades:
            angle = rng.normal(lean, 0.35)
            tip = (int(x + 2 * length * np.cos(angle)), int(y - 2 * length * np.sin(angle)))
            cv2.line(canvas, (x, y), tip, ink, int(rng.integers(1, 4)), cv2.LINE_AA)
        else:
            axes = (max(1, int(length)), max(1, int(length * rng.uniform(0.25, 0.7))))
            cv2.ellipse(canvas, (x, y), axes, rng.uniform(0, 180), 0, 360, ink, -1, cv2.LINE_AA)
    return canvas.astype(np.float32)


def _landscape(rng: np.random.Generator, side: int) -> NDArray:
    """Sky, a ridge or a wall, and ground that is finer the farther it is."""
    sky = np.float32([225, 190, 150]) if rng.random() < 0.5 else shade_of(rng)
    slope = np.linspace(0.7, 1.15, side, dtype=np.float32)[:, None, None]
    picture = np.broadcast_to(sky, (side, side, 3)) * slope
    picture = picture + 12 * noise(rng, side, side, first=3, octaves=3)[..., None]
    for step in range(int(rng.integers(1, 4))):
        level = side * rng.uniform(0.15, 0.5) + step * side * rng.uniform(0.05, 0.2)
        ridge = level + side * rng.uniform(0.01, 0.1) * noise(rng, 2, side, first=6, octaves=4)[0]
        below = np.clip(np.arange(side, dtype=np.float32)[:, None] - ridge[None], 0, 1)[..., None]
        picture = picture + (surface(rng, side, side) - picture) * below
    return picture


def _water(rng: np.random.Generator, side: int) -> NDArray:
    lines = cv2.resize(noise(rng, side // 2, 16, first=32, octaves=3), (side, side), interpolation=cv2.INTER_CUBIC)
    base = np.float32([140, 110, 60]) * rng.uniform(0.5, 1.5) if rng.random() < 0.6 else shade_of(rng)
    return base + rng.uniform(8, 40) * lines[..., None] + 10 * noise(rng, side, side, first=8)[..., None]


def ground(rng: np.random.Generator, side: int) -> NDArray:
    """Return a place to put things in, (S, S, 3) uint8 BGR: outdoors, indoors, under a lens, or plain."""
    kind = rng.random()
    if kind < 0.2:
        picture = cv2.resize(_foliage(rng, side // 2), (side, side), interpolation=cv2.INTER_LINEAR)
    elif kind < 0.35:
        picture = _landscape(rng, side)
    elif kind < 0.42:
        picture = _water(rng, side)
    elif kind < 0.62:
        picture = surface(rng, side, side)
    elif kind < 0.8:
        picture = backgrounds.place(rng, side)[0].astype(np.float32)
    else:
        picture = backgrounds.smooth(rng, side, pale=rng.random() < 0.5).astype(np.float32)
    if rng.random() < 0.35:  # out of focus
        picture = cv2.GaussianBlur(picture, (0, 0), float(np.exp(rng.uniform(0, np.log(12)))))
    return np.clip(picture, 0, 255).astype(np.uint8)
