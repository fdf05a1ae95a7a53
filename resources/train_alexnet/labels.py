"""Printed surfaces of the procedural products: labels, stripes, logos, text-like marks, peel and cardboard.

Everything is drawn from a seeded generator with NumPy and OpenCV; no picture and no font file is read (OpenCV's
Hershey strokes are the only letters). All colours and textures are BGR; H, W are pixels.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)


def colour(rng: np.random.Generator, *, saturation: tuple[float, float] = (0.0, 1.0)) -> NDArray:
    """Return one BGR colour, (3,) float32 in 0..255, with HSV saturation inside `saturation`."""
    hue = rng.integers(0, 180)
    sat = rng.uniform(*saturation) * 255
    val = 255 * rng.uniform(0.12, 1.0) ** 0.7
    pixel = np.array([[[hue, sat, val]]], np.float32).astype(np.uint8)
    return cv2.cvtColor(pixel, cv2.COLOR_HSV2BGR)[0, 0].astype(np.float32)


def palette(rng: np.random.Generator) -> NDArray:
    """Return four colours of one design, (4, 3) float32 BGR: base, contrast, accent, a near white or near black."""
    base = colour(rng, saturation=(0.3, 1.0) if rng.random() < 0.75 else (0.0, 0.3))
    contrast = colour(rng, saturation=(0.0, 1.0))
    for _ in range(4):
        if np.abs(contrast - base).sum() > 180:
            break
        contrast = colour(rng)
    neutral = np.float32([1, 1, 1]) * (rng.uniform(200, 255) if rng.random() < 0.65 else rng.uniform(5, 50))
    return np.stack([base, contrast, colour(rng, saturation=(0.5, 1.0)), neutral]).astype(np.float32)


def noise(
    rng: np.random.Generator, height: int, width: int, *, first: int = 2, octaves: int = 4, decay: float = 0.6
) -> NDArray:
    """Return fractal value noise, (H, W) float32 with mean 0 and standard deviation 1, `first` cells in octave one."""
    total = np.zeros((height, width), np.float32)
    cells, weight = first, 1.0
    for _ in range(octaves):
        rows = max(2, round(cells * height / max(height, width)))
        columns = max(2, round(cells * width / max(height, width)))
        grid = rng.standard_normal((rows, columns), dtype=np.float32)
        total += weight * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        cells, weight = cells * 2, weight * decay
    return (total - total.mean()) / (total.std() + 1e-6)


def text(rng: np.random.Generator, canvas: NDArray, x: int, y: int, size: float, ink: NDArray, letters: int) -> None:
    """Write random letters on `canvas` (H, W, 3) uint8 IN PLACE; baseline starts at x, y; `size` is Hershey's scale."""
    word = "".join(_LETTERS[i] for i in rng.integers(0, len(_LETTERS), letters))
    font = _FONTS[rng.integers(0, len(_FONTS))]
    thickness = int(max(1, round(size * rng.uniform(1.0, 3.0))))
    cv2.putText(canvas, word, (x, y), font, size, ink.tolist(), thickness, cv2.LINE_AA)


def _logo(rng: np.random.Generator, canvas: NDArray, ink: NDArray, x: int, y: int, radius: int) -> None:
    kind = rng.integers(0, 5)
    if kind == 0:
        cv2.ellipse(
            canvas, (x, y), (radius, int(radius * rng.uniform(0.5, 1.0))), 0, 0, 360, ink.tolist(), -1, cv2.LINE_AA
        )
    elif kind == 1:
        angles = np.arange(10) * np.pi / 5
        radii = radius * np.where(np.arange(10) % 2, rng.uniform(0.3, 0.7), 1.0)
        points = np.stack([x + radii * np.sin(angles), y - radii * np.cos(angles)], 1)
        cv2.fillPoly(canvas, [points.astype(np.int32)], ink.tolist(), cv2.LINE_AA)
    elif kind == 2:
        angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 7)))
        points = np.stack([x + radius * np.sin(angles), y - radius * np.cos(angles)], 1)
        cv2.fillPoly(canvas, [points.astype(np.int32)], ink.tolist(), cv2.LINE_AA)
    elif kind == 3:
        for _ in range(rng.integers(2, 6)):  # a picture of fruit
            dx, dy = rng.integers(-radius, radius + 1, 2)
            cv2.circle(canvas, (x + int(dx), y + int(dy)), max(2, radius // 2), ink.tolist(), -1, cv2.LINE_AA)
    else:
        cv2.rectangle(canvas, (x - radius, y - radius // 2), (x + radius, y + radius // 2), ink.tolist(), -1)


def label(rng: np.random.Generator, colours: NDArray, height: int = 160, width: int = 320) -> NDArray:
    """Return a printed label, (H, W, 3) uint8: ground, stripes, logo, words, small print, perhaps a bar code."""
    order = rng.permutation(4)
    ground, ink, second, third = colours[order]
    canvas = np.empty((height, width, 3), np.uint8)
    canvas[:] = ground
    style = rng.integers(0, 6)
    if style == 0:  # gradient
        mix = np.linspace(0, 1, height, dtype=np.float32)[:, None, None] ** rng.uniform(0.5, 2.0)
        canvas[:] = ground * (1 - mix) + second * mix
    elif style == 1:  # horizontal bands
        for _ in range(rng.integers(1, 5)):
            top, thick = rng.integers(0, height), rng.integers(3, height // 3)
            canvas[top : top + thick] = colours[rng.integers(0, 4)]
    elif style == 2:  # slanted stripes
        period, slope = rng.uniform(12, 80), rng.uniform(-1.5, 1.5)
        phase = np.arange(width)[None, :] + slope * np.arange(height)[:, None]
        canvas[(phase % period) < period * rng.uniform(0.2, 0.6)] = second
    elif style == 3:  # spots
        for _ in range(rng.integers(8, 60)):
            centre = (int(rng.integers(0, width)), int(rng.integers(0, height)))
            cv2.circle(canvas, centre, int(rng.integers(2, 14)), second.tolist(), -1, cv2.LINE_AA)
    elif style == 4:  # a wave between two grounds
        edge = height * (
            rng.uniform(0.2, 0.8) + 0.15 * np.sin(np.arange(width) / rng.uniform(10, 60) + rng.uniform(0, 6))
        )
        canvas[np.arange(height)[:, None] > edge[None, :]] = second
    sides = int(rng.integers(1, 3))
    span = width // sides
    state = rng.integers(0, 2**31)
    for side in range(sides):  # the same print on each side of a two-sided label
        draw = np.random.default_rng(state)
        left = side * span
        if draw.random() < 0.75:
            _logo(
                draw,
                canvas,
                third,
                left + int(span * draw.uniform(0.25, 0.75)),
                int(height * draw.uniform(0.25, 0.75)),
                int(draw.integers(12, height // 3)),
            )
        for _ in range(draw.integers(1, 4)):
            text(
                draw,
                canvas,
                left + int(draw.integers(2, max(3, span // 3))),
                int(height * draw.uniform(0.2, 0.95)),
                draw.uniform(0.7, 2.2),
                ink,
                int(draw.integers(3, 9)),
            )
        if draw.random() < 0.6:
            top, x = int(height * draw.uniform(0.5, 0.8)), left + int(draw.integers(0, span // 2))
            for line in range(draw.integers(2, 7)):
                text(draw, canvas, x, top + 9 * line, 0.3, ink, 14)
        if draw.random() < 0.25:
            x, y = left + int(draw.integers(0, span // 2)), int(draw.integers(0, height // 2))
            bars = np.repeat(draw.random(24) < 0.5, 2)
            canvas[y : y + 36, x : x + 48] = np.where(bars, 20, 245)[None, : min(48, width - x), None]
    if rng.random() < 0.4:
        edge_width = int(rng.integers(2, 10))
        canvas[:edge_width] = canvas[-edge_width:] = third
    return canvas


def peel(rng: np.random.Generator, colours: NDArray, height: int = 128, width: int = 256) -> NDArray:
    """Return the skin of a fruit in longitude and latitude, (H, W, 3) uint8: ground, stripes, spots, sticker."""
    texture = np.empty((height, width, 3), np.float32)
    texture[:] = colours[0]
    longitude = np.linspace(0, 2 * np.pi, width, dtype=np.float32)[None, :]
    if rng.random() < 0.55:
        count = rng.integers(3, 14)
        wobble = 0.6 * noise(rng, height, width, first=4)
        stripe = np.clip(rng.uniform(1, 4) * (np.sin(count * longitude + wobble) - rng.uniform(-0.3, 0.7)), 0, 1)[
            ..., None
        ]
        texture += stripe * rng.uniform(0.3, 1.0) * (colours[1] - texture)
    if rng.random() < 0.4:
        patch = np.clip(noise(rng, height, width, first=3) * 2 - rng.uniform(0.5, 2.5), 0, 1)[..., None]
        texture += patch * (colours[2] - texture)
    texture *= 1 + rng.uniform(0.02, 0.12) * noise(rng, height, width, first=16)[..., None]
    texture = np.clip(texture, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        for _ in range(rng.integers(20, 200)):
            centre = (int(rng.integers(0, width)), int(rng.integers(0, height)))
            cv2.circle(texture, centre, int(rng.integers(1, 3)), (colours[0] * rng.uniform(0.5, 0.8)).tolist(), -1)
    if rng.random() < 0.35:
        centre = (int(rng.integers(20, width - 20)), int(rng.integers(40, height - 40)))
        cv2.circle(texture, centre, int(rng.integers(6, 16)), colours[3].tolist(), -1, cv2.LINE_AA)
        text(rng, texture, centre[0] - 8, centre[1] + 3, 0.35, colours[1], 3)
    return texture


def contents(rng: np.random.Generator, colours: NDArray, height: int = 128, width: int = 192) -> NDArray:
    """Return what lies in a tray, (H, W, 3) uint8: rows or heaps of round things, seen from above."""
    canvas = np.empty((height, width, 3), np.uint8)
    canvas[:] = colours[0] * 0.35
    radius = int(rng.integers(8, 30))
    regular = rng.random() < 0.6
    for y in range(radius // 2, height + radius, int(radius * 1.7)):
        for x in range(radius // 2, width + radius, int(radius * 1.8)):
            centre = np.array([x, y]) + (0 if regular else rng.integers(-radius // 2, radius // 2 + 1, 2))
            shade = rng.uniform(0.8, 1.1)
            for step, bright in ((1.0, 0.6), (0.85, 0.85), (0.5, 1.0)):
                ink = np.clip(colours[1] * bright * shade, 0, 255).tolist()
                cv2.circle(canvas, tuple(int(v) for v in centre), max(1, int(radius * step)), ink, -1, cv2.LINE_AA)
    return canvas
