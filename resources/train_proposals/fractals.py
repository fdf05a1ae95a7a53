"""Fractals: what a few affine maps make of themselves, as cut-outs.

An iterated function system is K maps x -> A x + b that bring points closer together. A point that is sent through maps
chosen by chance (the chaos game) soon draws the one set that all the maps together leave as it is. Such sets, a label
for each system, teach a network to see nearly as well as photos do (FractalDB: Kataoka and others, Pre-training without
Natural Images, ACCV 2020). Systems are drawn by their singular values: where the sum of s1 + 2 s2 lies between
(5 + K) / 2 and (6 + K) / 2, most sets are neither dust nor a blot (Anderson and Farrell, Improving Fractal
Pre-training, WACV 2022).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from resources.train_proposals.shapes import turned
from resources.train_proposals.surfaces import shade_of

_BURN_IN = 20  # steps until a point lies on the set, to a pixel
_WALKERS = 1200  # points that play at the same time
_MOST_STEPS = 110
_MARGIN = 7  # pixels around the set, for its soft edge
_SMALLEST = 96.0  # pixels; a smaller cut-out is drawn so large and shrunk, as a lens does


def system(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the maps (K, 2, 3) of a system of 2 to 6 maps, [A | b] each, that draws something with an extent."""
    for _ in range(100):
        maps = _any_system(rng)
        points, _ = chaos_game(rng, maps, steps=4)
        if _fills(points):
            break
    return maps


def _any_system(rng: np.random.Generator) -> NDArray[np.float64]:
    count = int(rng.integers(2, 7))
    left = rng.uniform(5 + count, 6 + count) / 2
    maps = np.empty((count, 2, 3))
    for number in range(count):
        others = count - 1 - number
        part = rng.uniform(max(0.0, left - 3 * others), min(3.0, left)) if others else min(left, 3.0)  # s1 + 2 s2
        left -= part
        second = rng.uniform(max(0.0, (part - 1) / 2), part / 3)
        values = np.minimum([part - 2 * second, second], 0.97)
        turns = [_turn(angle) for angle in rng.uniform(-np.pi, np.pi, 2)]
        maps[number, :, :2] = turns[0] @ np.diag(values) @ turns[1] @ np.diag(rng.choice([-1, 1], 2))
    maps[..., 2] = rng.uniform(-1, 1, (count, 2))
    return maps


def _turn(angle: float) -> NDArray[np.float64]:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _fills(points: NDArray) -> bool:
    """Tell whether points spread in both directions and over enough of their box."""
    low, high = np.percentile(points, [1, 99], axis=0)
    if (high - low).min() < 0.25 * (high - low).max():
        return False
    cells = np.clip((points - low) / (high - low) * 24, 0, 23).astype(int)
    return len(np.unique(cells @ [24, 1])) > 0.15 * 24**2


def chaos_game(rng: np.random.Generator, maps: NDArray, *, steps: int) -> tuple[NDArray, NDArray]:
    """Return `steps` times 1200 points (N, 2) of the system's set, and of each (N,) 0..1 by which maps it came.

    A map is chosen in proportion to its area, so that the set is drawn evenly.
    """
    areas = np.maximum(np.abs(np.linalg.det(maps[..., :2])), 0.02)
    chosen = rng.choice(len(maps), (_BURN_IN + steps, _WALKERS), p=areas / areas.sum())
    shades = np.linspace(0, 1, len(maps))
    points, shade = np.zeros((_WALKERS, 2)), np.full(_WALKERS, 0.5)
    found, shaded = np.empty((steps, _WALKERS, 2)), np.empty((steps, _WALKERS))
    for step, own in enumerate(chosen):
        each = maps[own]
        points = each[:, :, 0] * points[:, :1] + each[:, :, 1] * points[:, 1:] + each[:, :, 2]
        shade = (shade + shades[own]) / 2
        if step >= _BURN_IN:
            found[step - _BURN_IN], shaded[step - _BURN_IN] = points, shade
    return found.reshape(-1, 2), shaded.reshape(-1)


class Fractal:
    """One system and its colours; each drawing of it is a little different."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.maps = system(rng)
        self.inks = np.stack([shade_of(rng) for _ in range(3)])  # of the first map, of the middle, of the last
        self.body = shade_of(rng) if rng.random() < 0.5 else None  # what lies under the points
        self.gain = float(np.exp(rng.uniform(np.log(0.4), np.log(3))))

    def draw(self, rng: np.random.Generator, size: float) -> NDArray[np.uint8]:
        """Return a cut-out (h, w, 4) uint8, its longer side about `size` pixels: maps, turn, colours a little new."""
        side = max(size, _SMALLEST)
        steps = int(np.clip(2.5 * side**2 / _WALKERS, 10, _MOST_STEPS))
        points, shade = chaos_game(rng, self._nearly(rng), steps=steps)
        angle = rng.normal(0, 0.4) if rng.random() < 0.7 else rng.uniform(-np.pi, np.pi)
        points = turned(points * [rng.choice([-1, 1]), 1], angle, float(np.exp(rng.normal(0, 0.15))))
        low, high = np.percentile(points, [0.1, 99.9], axis=0)
        zoom = (side - 2 * _MARGIN - 1) / max(high - low)
        columns, rows = np.round((points - low) * zoom + _MARGIN).astype(int).T
        width, height = (int(v) for v in np.ceil((high - low) * zoom) + 2 * _MARGIN + 1)
        inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
        places = (rows * width + columns)[inside]
        hits, shades = (
            np.bincount(places, weights, height * width).reshape(height, width).astype(np.float32)
            for weights in (None, shade[inside])
        )
        soft = max(0.5, 0.7 * zoom / 60)
        hits, shades = (cv2.GaussianBlur(each, (0, 0), soft) for each in (hits, shades))
        return self._painted(rng, hits, shades / np.maximum(hits, 1e-4), size / side)

    def _nearly(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return the maps, changed a little, still bringing points together."""
        maps = self.maps + rng.normal(0, 0.025, self.maps.shape)
        largest = np.linalg.svd(maps[..., :2], compute_uv=False)[:, 0]
        maps[..., :2] *= np.minimum(1, 0.97 / largest)[:, None, None]
        return maps

    def _painted(self, rng: np.random.Generator, hits: NDArray, shade: NDArray, shrink: float) -> NDArray[np.uint8]:
        inks = self.inks * np.exp(rng.normal(0, 0.1, 3)) + rng.normal(0, 6, 3)
        typical = float(np.median(hits[hits > 0.02])) if (hits > 0.02).any() else 1.0
        alpha = 1 - np.exp(-1.5 * self.gain * hits / typical)
        colour = np.stack([np.interp(shade, [0, 0.5, 1], inks[:, k]) for k in range(3)], axis=2)
        colour *= np.clip(0.75 + 0.25 * np.log1p(hits / typical), 0.5, 1.3)[..., None]
        if self.body is not None:
            under = np.clip(cv2.GaussianBlur((hits > 0.05 * typical).astype(np.float32), (0, 0), 3) * 4 - 1, 0, 1)
            colour = self.body + (colour - self.body) * alpha[..., None]
            alpha = np.maximum(alpha, under)
        whole = np.dstack([np.clip(colour, 0, 255), np.clip(alpha, 0, 1) * 255]).astype(np.uint8)
        if shrink < 1:
            whole = cv2.resize(whole, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        rows, columns = np.flatnonzero((whole[..., 3] > 25).any(1)), np.flatnonzero((whole[..., 3] > 25).any(0))
        return whole[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if len(rows) else whole


def fractal(rng: np.random.Generator, size: float) -> NDArray[np.uint8]:
    """Return a fractal that nobody has seen before, (h, w, 4) uint8, its longer side about `size` pixels."""
    return Fractal(rng).draw(rng, size)
