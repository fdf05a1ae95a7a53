"""Outlines, limbs and light: what drawn things are made of. A mask is (H, W) float32 in 0..1, its edge a soft pixel."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from resources.train_proposals.surfaces import streaks, surface

_FRACTION = 4  # bits behind the point in OpenCV's coordinates


def filled(points: NDArray, height: int, width: int) -> NDArray:
    """Return the mask of the polygon `points` (N, 2) x y in pixels."""
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.round(points * 2**_FRACTION).astype(np.int32)], 255, cv2.LINE_AA, _FRACTION)
    return mask.astype(np.float32) / 255


def limb(points: NDArray, widths: Sequence[float], height: int, width: int) -> NDArray:
    """Return the mask of a bent tube through `points` (N, 2) x y whose radius goes from the first to the last width."""
    mask = np.zeros((height, width), np.uint8)
    steps = max(2, int(np.hypot(*np.diff(points, axis=0).T).sum() / max(1.0, min(widths) * 0.5)))
    along = np.linspace(0, len(points) - 1, min(steps, 160))
    x, y = (np.interp(along, np.arange(len(points)), points[:, k]) for k in (0, 1))
    radii = np.interp(along, np.linspace(0, len(points) - 1, len(widths)), widths)
    for each in np.round(np.stack([x, y, np.maximum(radii, 0.7)], 1) * 2**_FRACTION).astype(int):
        cv2.circle(mask, (int(each[0]), int(each[1])), int(each[2]), 255, -1, cv2.LINE_AA, _FRACTION)
    return mask.astype(np.float32) / 255


def blob(rng: np.random.Generator, *, wild: float = 0.25, waves: int = 6, count: int = 72) -> NDArray:
    """Return a closed outline (N, 2) about 0 within about 1: a circle whose radius is changed by a few waves."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    radius = np.ones(count)
    for wave in range(1, waves + 1):
        radius += wild * rng.normal() / wave * np.cos(wave * angle + rng.uniform(0, 2 * np.pi))
    radius = np.maximum(radius, 0.15)
    return _within_one(np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1))


def superformula(rng: np.random.Generator, count: int = 120) -> NDArray:
    """Return an outline (N, 2) within 1: flowers, stars, shells, rounded polygons (Gielis, 2003)."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    m, (n1, n2, n3) = int(rng.integers(2, 11)), np.exp(rng.uniform(np.log(0.4), np.log(9), 3))
    inner = np.abs(np.cos(m * angle / 4)) ** n2 + np.abs(np.sin(m * angle / 4)) ** n3
    radius = np.clip((inner + 1e-6) ** (-1 / n1), 0.05, 20)
    return _within_one(np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1))


def corners(rng: np.random.Generator) -> NDArray:
    """Return a polygon (N, 2) within 1, convex or not, of 3 to 9 corners."""
    count = int(rng.integers(3, 10))
    angle = np.sort(rng.uniform(0, 2 * np.pi, count)) if rng.random() < 0.5 else np.linspace(0, 2 * np.pi, count, False)
    radius = rng.uniform(rng.uniform(0.3, 1), 1, count)
    return _within_one(np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1))


def turned(points: NDArray, angle: float, stretch: float = 1.0) -> NDArray:
    """Return `points` (N, 2) stretched along y, then turned by `angle` radians."""
    sin, cos = np.sin(angle), np.cos(angle)
    return (points * [1, stretch]) @ np.array([[cos, sin], [-sin, cos]])


def relief(rng: np.random.Generator, mask: NDArray) -> NDArray:
    """Return (H, W) float32 factors that light a round body of that outline from one side."""
    side = max(mask.shape)
    small = cv2.resize(mask, None, fx=min(1, 96 / side), fy=min(1, 96 / side), interpolation=cv2.INTER_AREA)
    height = np.sqrt(cv2.GaussianBlur(small, (0, 0), max(1.0, 0.12 * max(small.shape))))
    gy, gx = np.gradient(height * max(small.shape) * 0.5)
    light = rng.normal(0, 1, 2) - [0, 0.8]
    lambert = (gx * light[0] + gy * light[1]) / np.sqrt(gx**2 + gy**2 + 1) / max(1.0, np.hypot(*light))
    factors = (1 - rng.uniform(0, 0.2) - rng.uniform(0, 0.55) * lambert).astype(np.float32)
    return cv2.resize(factors, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)


class Figure:
    """A thing in the making, of `height` x `width` pixels: parts are laid over each other, then it is lit."""

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = max(4, int(height)), max(4, int(width))
        self.colour = np.zeros((self.height, self.width, 3), np.float32)
        self.alpha = np.zeros((self.height, self.width), np.float32)

    def add(self, mask: NDArray, cover: NDArray) -> None:
        """Lay a part over what is there: `cover` is a colour (3,) or a picture (H, W, 3)."""
        self.colour += (cover - self.colour) * mask[..., None]
        self.alpha = np.maximum(self.alpha, mask)

    def covered(self, rng: np.random.Generator) -> NDArray:
        """Return a new surface of the figure's size."""
        return surface(rng, self.height, self.width)

    def outline(self, points: NDArray) -> NDArray:
        """Return the mask of an outline whose coordinates go from 0 to 1 over the figure."""
        return filled(points * [self.width - 1, self.height - 1], self.height, self.width)

    def tube(self, points: NDArray, widths: Sequence[float]) -> NDArray:
        """Return the mask of a limb, points from 0 to 1 over the figure, radii in parts of its longer side."""
        side = max(self.height, self.width)
        return limb(points * [self.width - 1, self.height - 1], [w * side for w in widths], self.height, self.width)

    def sprite(self, rng: np.random.Generator, *, lit: bool = True) -> NDArray:
        """Return the cut-out (h, w, 4) uint8 BGR and alpha, trimmed to what is drawn."""
        colour = self.colour * relief(rng, self.alpha)[..., None] if lit else self.colour
        if lit and rng.random() < 0.4:
            colour, self.alpha = self._ragged(rng, colour)
        whole = np.dstack([np.clip(colour, 0, 255), self.alpha * 255]).astype(np.uint8)
        rows, columns = np.flatnonzero((self.alpha > 0.1).any(1)), np.flatnonzero((self.alpha > 0.1).any(0))
        if len(rows) == 0:
            return whole
        return whole[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]

    def _ragged(self, rng: np.random.Generator, colour: NDArray) -> tuple[NDArray, NDArray]:
        """Return `colour` and an alpha whose edge is of fur or feathers."""
        reach = rng.uniform(0.005, 0.02) * max(self.height, self.width) + 0.5
        soft = cv2.GaussianBlur(self.alpha, (0, 0), reach)
        weighted = cv2.GaussianBlur(colour * self.alpha[..., None], (0, 0), reach)
        colour = np.where(self.alpha[..., None] > 0.5, colour, weighted / np.maximum(soft, 1e-3)[..., None])
        hairs = streaks(rng, self.height, self.width)
        return colour, np.clip((soft - 0.5 + 0.15 * hairs) * max(1.0, reach) + 0.5, 0, 1) * (soft > 0.05)


def _within_one(points: NDArray) -> NDArray:
    points = points - (points.max(0) + points.min(0)) / 2
    return points / (np.abs(points).max() + 1e-9)
