"""Contours: polygons around each other whose radius wavers, as cut-outs.

A set of such rings, a label for each choice of their numbers, teaches a network to see as well as fractals do: what
counts is the outline (RCDB, radial contours: Kataoka and others, Replacing Labeled Real-image Datasets with
Auto-generated Contours, CVPR 2022). As there: how many corners, how many rings, how thick a line, how far a corner
strays from the circle, and how a ring differs from the next.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from resources.train_proposals.shapes import turned
from resources.train_proposals.surfaces import shade_of, surface

_BITS = 4  # behind the point in OpenCV's coordinates
_SMALLEST = 120.0  # pixels; a smaller cut-out is drawn so large and shrunk, as a lens does


class Contour:
    """One choice of numbers and colours; each drawing of it is a little different."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.corners = int(np.exp(rng.uniform(np.log(3), np.log(160))))
        self.rings = int(np.exp(rng.uniform(0, np.log(40))))
        waves = int(rng.integers(2, 9))
        strength = np.exp(rng.uniform(np.log(0.05), np.log(0.6)))
        self.waves = strength * rng.normal(0, 1, (waves, 2)) / np.arange(1, waves + 1)[:, None] ** 0.7  # cosine, sine
        self.drift = rng.normal(0, 0.5, waves) * (rng.random() < 0.7)  # of phases, from ring to ring
        self.jagged = rng.uniform(0, 0.12) * (rng.random() < 0.4)
        self.corner_noise = rng.normal(0, 1, self.corners)
        self.twist = rng.normal(0, 0.6) * (rng.random() < 0.5)
        self.innermost = rng.uniform(0.02, 0.6)
        self.stretch = float(np.exp(rng.uniform(np.log(0.45), 0)))
        self.line = float(np.exp(rng.uniform(np.log(0.005), np.log(0.035))))  # in parts of the longer side
        self.inks = np.stack([shade_of(rng) for _ in range(2)])  # of the outermost ring and the innermost
        self.ground: NDArray | None = None  # what fills it; nothing: one sees through
        if rng.random() < 0.65:
            self.ground = surface(rng, 96, 96) if rng.random() < 0.5 else np.full((96, 96, 3), shade_of(rng))
        elif self.rings < 4:  # a few hairlines alone are no thing
            self.line = max(self.line, 0.02)

    def outlines(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return the rings (rings, corners, 2) about 0 within 1, from the outermost: numbers a little new."""
        angle = np.linspace(0, 2 * np.pi, self.corners, endpoint=False)
        inward = np.linspace(0, 1, self.rings)[:, None]  # 0 at the outermost ring
        waves = self.waves + 0.12 * np.abs(self.waves) * rng.normal(0, 1, self.waves.shape)
        radius = np.ones((self.rings, self.corners))
        for number, (cosine, sine) in enumerate(waves, 1):
            phase = number * angle + 2 * np.pi * self.drift[number - 1] * inward
            radius += cosine * np.cos(phase) + sine * np.sin(phase)
        radius = np.maximum(radius + self.jagged * self.corner_noise, 0.1) * (1 - (1 - self.innermost) * inward)
        around = angle + self.twist * inward
        rings = np.stack([radius * np.cos(around), radius * np.sin(around)], axis=2)
        turn = rng.normal(0, 0.4) if rng.random() < 0.7 else rng.uniform(-np.pi, np.pi)
        stretch = self.stretch * float(np.exp(rng.normal(0, 0.1)))
        rings = turned(turned(rings * [rng.choice([-1, 1]), 1], 0.0, stretch), turn)
        low, high = rings.min((0, 1)), rings.max((0, 1))
        return (rings - (low + high) / 2) / ((high - low).max() / 2)

    def draw(self, rng: np.random.Generator, size: float) -> NDArray[np.uint8]:
        """Return a cut-out (h, w, 4) uint8, its longer side about `size` pixels."""
        side = max(size, _SMALLEST)
        rings = self.outlines(rng)
        thick = max(1, round(self.line * side * float(np.exp(rng.normal(0, 0.15)))))
        half = np.abs(rings).max((0, 1)) * (side - 2 * thick - 2) / 2 / np.abs(rings).max()
        width, height = (int(v) for v in np.ceil(2 * half) + 2 * thick + 2)
        middle = np.array([width - 1, height - 1]) / 2
        fixed = np.round((rings * half.max() + middle) * 2**_BITS).astype(np.int32)
        inks = self.inks * np.exp(rng.normal(0, 0.1, 3)) + rng.normal(0, 6, 3)
        colour, alpha = np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.uint8)
        colour[:] = np.clip(inks[0], 0, 255)
        if self.ground is not None:
            lit = np.clip(self.ground * np.exp(rng.normal(0, 0.12)), 0, 255).astype(np.uint8)
            colour = cv2.resize(lit, (width, height), interpolation=cv2.INTER_CUBIC)
            cv2.fillPoly(alpha, [fixed[0]], 255, cv2.LINE_AA, _BITS)
        for ring, inward in zip(fixed, np.linspace(0, 1, self.rings), strict=True):
            ink = np.clip(inks[0] + (inks[1] - inks[0]) * inward, 0, 255).tolist()
            cv2.polylines(colour, [ring], True, ink, thick, cv2.LINE_AA, _BITS)
            cv2.polylines(alpha, [ring], True, 255, thick, cv2.LINE_AA, _BITS)
        whole = np.dstack([colour, alpha])
        shrink = size / side
        return whole if shrink == 1 else cv2.resize(whole, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)


def contour(rng: np.random.Generator, size: float) -> NDArray[np.uint8]:
    """Return a set of rings that nobody has seen before, (h, w, 4) uint8, its longer side about `size` pixels."""
    return Contour(rng).draw(rng, size)
