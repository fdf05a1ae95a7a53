"""Land seen from above: meadows, fields, roads, water, car parks; a function of the generator alone."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from resources.train_alexnet.labels import noise
from resources.train_proposals.surfaces import shade_of

_GREENS = np.float32([[55, 105, 85], [75, 130, 115], [90, 150, 150], [50, 85, 75]])
_CROPS = np.float32([[50, 110, 80], [70, 140, 130], [90, 165, 190], [70, 100, 130], [60, 80, 110], [45, 90, 60]])


@dataclass(frozen=True)
class Land:
    """picture (S, S, 3) float32 BGR in 0..255; angle: along which its roads and fields run, radians."""

    picture: NDArray
    angle: float


def land(rng: np.random.Generator, side: int) -> Land:
    """Return a piece of land; what kinds of ground it shows is left to chance."""
    angle = rng.uniform(0, np.pi)
    first, second = (_earth(rng) for _ in range(2))
    mix = np.clip(0.5 + 0.4 * noise(rng, side, side, first=3, octaves=4), 0, 1)[..., None]
    picture = first + (second - first) * mix
    if rng.random() < 0.45:
        picture = _fields(rng, picture, angle)
    if rng.random() < 0.3:
        picture = _water(rng, picture)
    for _ in range(int(rng.integers(0, 3))):
        _car_park(rng, picture, angle + rng.choice([0, np.pi / 2]))
    for _ in range(int(rng.integers(0, 5))):
        _road(rng, picture, angle + rng.choice([0, np.pi / 2, rng.normal(0, 0.6)]))
    picture = picture * (1 + rng.uniform(0.02, 0.1) * noise(rng, side, side, first=40, octaves=3)[..., None])
    return Land(np.clip(picture, 0, 255).astype(np.float32), float(angle))


def _earth(rng: np.random.Generator) -> NDArray:
    """Return a colour (3,): of grass, of a pavement, or of any ground."""
    kind = rng.random()
    if kind < 0.5:
        return np.clip(_GREENS[rng.integers(0, len(_GREENS))] * rng.uniform(0.6, 1.5) + rng.normal(0, 8, 3), 0, 255)
    return np.float32([1, 1, 1]) * rng.uniform(70, 190) if kind < 0.75 else shade_of(rng)


def _fields(rng: np.random.Generator, picture: NDArray, angle: float) -> NDArray:
    """Return `picture`, some of it under crops: rows of strips, each of its own colour, with furrows."""
    side = len(picture)
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    along, across = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    rows = np.searchsorted(np.cumsum(rng.uniform(0.12, 0.7, 20)) * side - side, across)
    shifted = along + rng.uniform(0, side, 32)[rows]
    cells = rows * 64 + np.searchsorted(np.cumsum(rng.uniform(0.1, 0.8, 40)) * side - side, shifted)
    crops = _CROPS[rng.integers(0, len(_CROPS), 2048)] * rng.uniform(0.6, 1.3, (2048, 1)) + rng.normal(0, 8, (2048, 3))
    strength = rng.uniform(0, 0.12, 2048) * (rng.random(2048) < 0.6)
    furrows = 1 + strength[cells] * np.sin(2 * np.pi * across / rng.uniform(3, 9))
    planted = (rng.random(2048) < rng.uniform(0.5, 1))[cells][..., None]
    covered = np.where(planted, crops[cells] * furrows[..., None], picture)
    hedges = cv2.morphologyEx(cells.astype(np.float32), cv2.MORPH_GRADIENT, np.ones((3, 3))) > 0
    return covered * np.where(hedges, rng.uniform(0.5, 1.1), 1)[..., None]


def _water(rng: np.random.Generator, picture: NDArray) -> NDArray:
    """Return `picture` with a sea, a lake or rivers, and their shore."""
    side = len(picture)
    level = noise(rng, side, side, first=2, octaves=4, decay=0.4)
    if rng.random() < 0.4:
        level = np.abs(level) * 3 - 0.4  # a river
    deep = np.float32([110, 85, 45]) * rng.uniform(0.5, 1.5) + rng.normal(0, 10, 3)
    shore = np.clip((rng.uniform(-0.3, 0.6) - level) * 25, 0, 1)[..., None]
    sand = np.clip((rng.uniform(0, 0.12) + rng.uniform(-0.3, 0.6) - level) * 12, 0, 1)[..., None] * shore
    waves = 1 + 0.04 * noise(rng, side, side, first=32, octaves=2)[..., None]
    picture = picture + (np.float32([150, 190, 210]) - picture) * np.clip(shore - sand, 0, 1) * 0.5
    return picture + (deep * waves - picture) * np.clip(shore * 1.6 - 0.6, 0, 1)


def _line(picture: NDArray, points: NDArray, ink: NDArray, thick: float) -> None:
    fixed = [np.round(points * 16).astype(np.int32)]
    cv2.polylines(picture, fixed, False, np.clip(ink, 0, 255).tolist(), max(1, round(thick)), cv2.LINE_AA, 4)


def _road(rng: np.random.Generator, picture: NDArray, angle: float) -> None:
    """Lay a road over `picture` IN PLACE, straight or bent, with kerbs and dashes."""
    side = len(picture)
    way = np.array([np.cos(angle), np.sin(angle)])
    steps = np.linspace(-1.5, 1.5, 60)[:, None] * side
    bend = rng.uniform(0, 0.15) * side * np.sin(np.linspace(0, rng.uniform(1, 8), 60))[:, None] * (rng.random() < 0.4)
    points = rng.uniform(0, side, 2) + steps * way + bend * [-way[1], way[0]]
    width = np.exp(rng.uniform(np.log(4), np.log(50)))
    asphalt = np.float32([1, 1, 1]) * rng.uniform(55, 150) if rng.random() < 0.75 else shade_of(rng)
    if rng.random() < 0.5:
        _line(picture, points, asphalt * 1.4 + 15, width * 1.25)
    _line(picture, points, asphalt, width)
    if rng.random() < 0.6 and width > 8:
        for start in points[:-1]:  # dashes
            for part in range(3):
                here = start + way * side * 0.05 * part / 3
                _line(picture, np.stack([here, here + way * side * 0.007]), asphalt * 0 + 225, width / 20)


def _car_park(rng: np.random.Generator, picture: NDArray, angle: float) -> None:
    """Lay a paved rectangle over `picture` IN PLACE, often with marked places."""
    side = len(picture)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    middle, half = rng.uniform(0, side, 2), rng.uniform(0.08, 0.4, 2) * side
    paved = np.float32([1, 1, 1]) * rng.uniform(70, 190)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half @ turn + middle
    cv2.fillPoly(picture, [np.round(corners * 16).astype(np.int32)], paved.tolist(), cv2.LINE_AA, 4)
    place = rng.uniform(6, 24)
    for row in np.arange(-half[1], half[1] - 2 * place, 4 * place) if rng.random() < 0.6 else ():
        for x in np.arange(-half[0], half[0], place):
            _line(picture, np.array([[x, row], [x, row + 2 * place]]) @ turn + middle, paved * 0 + 230, place / 10)
