"""Things seen from above: roofs, cars and lorries, trees, boats, tanks, aeroplanes, as cut-outs.

Such a thing is a picture and a map of heights. Both are turned by any angle; the light on its slopes and the shadow
that it throws then follow from where the sun stands, so that all things of a place agree
(`resources/train_residual/above.py`).
Lengths are parts of the half of a drawing's side; x to the right, y down, about the middle.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from resources.train_alexnet.labels import noise
from resources.train_proposals.shapes import blob, filled
from resources.train_proposals.surfaces import shade_of

_SIDE = 144  # pixels of a drawing
_HALF = 0.72 * _SIDE / 2  # room for a diagonal
_LEVELS = 6  # heights at which a shadow is cut
_TILES = np.float32([[60, 75, 140], [70, 90, 110], [90, 90, 95], [150, 160, 165], [200, 205, 205], [110, 85, 65]])
_LEAVES = np.float32([[35, 75, 50], [40, 100, 75], [50, 120, 110], [45, 95, 140], [30, 60, 60]])


@dataclass(frozen=True)
class Sun:
    """towards (2,): where shadows fall, x y, of length 1; reach: of a shadow, in heights; dark: of it, 0..1."""

    towards: NDArray[np.float64]
    reach: float
    dark: float

    @classmethod
    def any(cls, rng: np.random.Generator) -> "Sun":
        """Return a sun anywhere in the sky."""
        angle = rng.uniform(-np.pi, np.pi)
        return cls(np.array([np.cos(angle), np.sin(angle)]), rng.uniform(0.3, 1.8), rng.uniform(0.3, 0.65))


class _Drawing:
    """colour (S, S, 3) float32, alpha (S, S) and height (S, S), the latter in halves of the side."""

    def __init__(self) -> None:
        self.colour = np.zeros((_SIDE, _SIDE, 3), np.float32)
        self.alpha, self.height = np.zeros((_SIDE, _SIDE), np.float32), np.zeros((_SIDE, _SIDE), np.float32)
        self.y, self.x = (np.mgrid[0:_SIDE, 0:_SIDE].astype(np.float32) - (_SIDE - 1) / 2) / _HALF

    def mask(self, points: NDArray) -> NDArray:
        """Return the mask of a polygon (N, 2) x y."""
        return filled(np.asarray(points) * _HALF + (_SIDE - 1) / 2, _SIDE, _SIDE)

    def add(self, mask: NDArray, cover: NDArray, height: NDArray | float | None = None) -> None:
        """Lay a part over what is there; its own height, or that of what it lies on."""
        self.colour += (cover - self.colour) * mask[..., None]
        self.alpha = np.maximum(self.alpha, mask)
        if height is not None:
            self.height += (height - self.height) * mask


def _box(x1: float, y1: float, x2: float, y2: float) -> NDArray:
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])


def _oval(x: float, y: float, rx: float, ry: float, *, power: float = 2.0) -> NDArray:
    """Return an outline between an ellipse (power 2) and a box (large powers)."""
    angle = np.linspace(0, 2 * np.pi, 56, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    away = np.abs(np.stack([cos, sin], 1)) ** (2 / power) * np.sign(np.stack([cos, sin], 1))
    return away * [rx, ry] + [x, y]


def roof(rng: np.random.Generator, it: _Drawing) -> None:
    """Draw a house: one to three wings, flat, with a ridge, or sloping to all sides."""
    half = rng.uniform(0.35, 1.0)
    wings = [_box(-1, -half, 1, half)]
    if half < 0.75 and rng.random() < 0.5:
        half *= 0.6
        wings = [_box(-1, -half, 1, half)]
        for _ in range(int(rng.integers(1, 3))):
            x, reach = rng.uniform(-0.9, 0.3), rng.uniform(half, 0.95) * rng.choice([-1, 1])
            wings.append(_box(x, min(0, reach), x + rng.uniform(0.4, 0.6), max(0, reach)))
    tiles = np.clip(_TILES[rng.integers(0, len(_TILES))] * rng.uniform(0.6, 1.3) + rng.normal(0, 8, 3), 0, 255)
    grain = 1 + rng.uniform(0.02, 0.12) * noise(rng, _SIDE, _SIDE, first=12, octaves=3)
    rows = 1 + rng.uniform(0, 0.08) * np.sign(np.sin(rng.uniform(20, 60) * (it.y if rng.random() < 0.5 else it.x)))
    cover = tiles.astype(np.float32) * (grain * rows)[..., None]
    eaves, kind = rng.uniform(0.15, 0.45), rng.random()
    pitch = rng.uniform(0.35, 0.9)
    if kind < 0.35:  # flat, a wall around it, machines on it
        eaves *= 1.6
        for wing in wings:
            it.add(it.mask(wing), tiles * np.float32(0.8), eaves + 0.05)
        for wing in wings:
            middle = wing.mean(0)
            it.add(it.mask((wing - middle) * 0.93 + middle), cover, eaves)
        for _ in range(int(rng.integers(0, 7))):
            x, y, w, h = *rng.uniform(-0.7, 0.7, 2), *rng.uniform(0.05, 0.2, 2)
            it.add(it.mask(_box(x, y, x + w, y + h)) * (it.height >= eaves - 0.01), shade_of(rng), eaves + 0.12)
    elif kind < 0.65:  # ridges
        for number, wing in enumerate(wings):
            middle, across = wing.mean(0), np.ptp(wing, axis=0)
            long_x = across[0] >= across[1] if number == 0 else False
            from_ridge = np.abs(it.y - middle[1]) if long_x else np.abs(it.x - middle[0])
            slope = eaves + pitch * (across[1 if long_x else 0] / 2 - from_ridge)
            here = it.mask(wing) * (slope > it.height)
            it.add(here, cover, slope)
    else:  # the farther from an edge, the higher
        mask = np.max([it.mask(wing) for wing in wings], axis=0)
        inside = cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / _HALF
        it.add(mask, cover, eaves + pitch * inside)
    for _ in range(int(rng.integers(0, 4))):  # chimneys, windows, solar cells
        x, y, w, h = *rng.uniform(-0.8, 0.5, 2), *rng.uniform(0.05, 0.4, 2)
        cells = rng.random() < 0.5
        part = it.mask(_box(x, y, x + (w if cells else 0.12), y + (h if cells else 0.12))) * (it.alpha > 0.9)
        it.add(part, np.float32([90, 50, 35]) if cells else shade_of(rng), it.height + (0.01 if cells else 0.2))


def car(rng: np.random.Generator, it: _Drawing) -> None:
    """Draw a car, a van, a bus or a lorry, its front to the right."""
    paint = shade_of(rng) if rng.random() < 0.5 else np.float32([1, 1, 1]) * rng.uniform(20, 245)
    glass = np.float32([60, 50, 40]) * rng.uniform(0.4, 1.2)
    long = rng.random() < 0.35
    half = rng.uniform(0.17, 0.3) if long else rng.uniform(0.36, 0.5)
    if long:  # a box behind a cab, or windows all along
        load = shade_of(rng) if rng.random() < 0.5 else np.float32([1, 1, 1]) * rng.uniform(120, 250)
        cab = rng.uniform(0.55, 0.75)
        it.add(it.mask(_oval(0.5 + cab / 2, 0, 0.5 - cab / 2 + 0.02, half * 0.95, power=6)), paint, 0.3)
        it.add(it.mask(_box(0.93, -half * 0.8, 0.98, half * 0.8)), glass)
        it.add(it.mask(_box(-1, -half, cab - 0.05, half)), load, 0.42)
        for x in np.arange(-0.9, cab - 0.1, rng.uniform(0.1, 0.6)):
            it.add(it.mask(_box(x, -half * 0.95, x + 0.03, half * 0.95)), load * np.float32(0.85))
        return
    it.add(it.mask(_oval(0, 0, 1, half, power=rng.uniform(3, 6))), paint, 0.18)
    front, back = rng.uniform(0.3, 0.5), rng.uniform(-0.9, -0.45)
    it.add(it.mask(_oval((front + back) / 2, 0, (front - back) / 2, half * 0.85, power=5)), glass, 0.24)
    it.add(it.mask(_oval((front + back) / 2 - 0.03, 0, (front - back) / 2 - 0.15, half * 0.75, power=6)), paint, 0.32)
    if rng.random() < 0.2:  # open behind
        it.add(it.mask(_box(-0.95, -half * 0.8, back + 0.2, half * 0.8)), paint * np.float32(0.4), 0.12)


def tree(rng: np.random.Generator, it: _Drawing) -> None:
    """Draw the crown of a tree, or a bush: round and lumpy, or a star of fronds."""
    leaf = np.clip(_LEAVES[rng.integers(0, len(_LEAVES))] * rng.uniform(0.7, 1.6) + rng.normal(0, 8, 3), 0, 255)
    if rng.random() < 0.2:
        for angle in np.arange(0, 2 * np.pi, 2 * np.pi / rng.integers(7, 14)):
            along = np.array([np.cos(angle), np.sin(angle)]) * rng.uniform(0.75, 1)
            side = np.array([-along[1], along[0]]) * rng.uniform(0.08, 0.16)
            frond = np.stack([0 * along, 0.5 * along + side, along, 0.5 * along - side])
            it.add(it.mask(frond), leaf * np.float32(rng.uniform(0.8, 1.2)), 0.5)
        return
    outline = blob(rng, wild=rng.uniform(0.05, 0.25), waves=12, count=96)
    lumps = noise(rng, _SIDE, _SIDE, first=int(rng.integers(5, 14)), octaves=3)
    dome = 0.9 * np.sqrt(np.clip(1.05 - it.x**2 - it.y**2, 0.02, 1))
    cover = leaf.astype(np.float32) * (1 + 0.12 * noise(rng, _SIDE, _SIDE, first=24, octaves=2))[..., None]
    it.add(it.mask(outline), cover, np.maximum(dome + rng.uniform(0.03, 0.09) * lumps, 0.05))


def boat(rng: np.random.Generator, it: _Drawing) -> None:
    """Draw a boat or a ship, its bow to the right, with cabins, hatches or a mast."""
    half = rng.uniform(0.14, 0.4)
    hull = np.float32([1, 1, 1]) * rng.uniform(150, 255) if rng.random() < 0.6 else shade_of(rng)
    deck = shade_of(rng) if rng.random() < 0.6 else hull * np.float32(0.85)
    bow = rng.uniform(0.1, 0.7)
    along = np.linspace(bow, 1, 8)
    side = half * np.sqrt(np.clip(1 - ((along - bow) / (1 - bow)) ** rng.uniform(1.3, 2.5), 0, 1))
    stern = half * rng.uniform(0.6, 1)
    outline = np.array([[-1, -stern], [-0.7, -half], *np.stack([along, -side], 1), *np.stack([along, side], 1)[::-1],
                        [-0.7, half], [-1, stern]])  # fmt: skip
    it.add(it.mask(outline), hull, 0.12)
    it.add(it.mask(outline * [0.93, 0.8]), deck, 0.09)
    for _ in range(int(rng.integers(0, 5))):
        x, length = rng.uniform(-0.85, 0.3), rng.uniform(0.1, 0.5)
        part = it.mask(_oval(x + length / 2, 0, length / 2, half * rng.uniform(0.4, 0.75), power=5)) * (it.alpha > 0.9)
        it.add(part, shade_of(rng) if rng.random() < 0.5 else hull, rng.uniform(0.1, 0.3))
    if rng.random() < 0.3:
        it.add(it.mask(_box(-0.5, -0.02, 0.3, 0.02)), np.float32([230, 230, 230]), 0.5)


def tank(rng: np.random.Generator, it: _Drawing) -> None:
    """Draw a round tank or silo: a lid that floats within its wall, or a cone, with a walkway."""
    paint = np.float32([1, 1, 1]) * rng.uniform(130, 250) if rng.random() < 0.75 else shade_of(rng)
    high = rng.uniform(0.25, 0.8)
    away = np.sqrt(it.x**2 + it.y**2)
    it.add(it.mask(_oval(0, 0, 1, 1)), paint, high + 0.25 * np.maximum(1 - away, 0))
    if rng.random() < 0.5:
        lid = paint * np.float32(rng.uniform(0.5, 0.95))
        it.add(it.mask(_oval(0, 0, 0.93, 0.93)), lid, high * rng.uniform(0.5, 0.95))
        if rng.random() < 0.5:
            it.add(it.mask(_oval(0, 0, 0.6, 0.6)), lid * np.float32(0.85))
    if rng.random() < 0.6:
        it.add(it.mask(_box(-0.05, 0, 0.05, 1.0)), shade_of(rng) * np.float32(0.7), high + 0.1)
    if rng.random() < 0.4:
        it.add(it.mask(_oval(0, 0, 0.15, 0.15)), shade_of(rng), high + 0.3)


def plane(rng: np.random.Generator, it: _Drawing) -> None:
    """Draw an aeroplane, its nose to the right."""
    paint = np.float32([1, 1, 1]) * rng.uniform(140, 250) if rng.random() < 0.75 else shade_of(rng)
    wings = paint * np.float32(rng.uniform(0.7, 1.05))
    thick, swept, root = rng.uniform(0.06, 0.12), rng.uniform(0, 0.5), rng.uniform(0.2, 0.4)
    span, tip, x = rng.uniform(0.7, 1.0), rng.uniform(0.05, 0.2), rng.uniform(0.1, 0.35)
    for side in (-1, 1):
        for scale, place in ((1.0, x), (rng.uniform(0.3, 0.45), -0.75)):
            wing = np.array([[root / 2, 0], [tip - swept, span * side], [-swept, span * side], [-root / 2, 0]])
            it.add(it.mask(wing * scale + [place, 0]), wings, 0.22)
        for out in (0.3, 0.6)[: int(rng.integers(0, 3))]:
            engine = _oval(x + root / 4 - swept * out, side * span * out, 0.12, 0.05, power=4)
            it.add(it.mask(engine), shade_of(rng), 0.2)
    round_body = 0.25 + 0.1 * np.sqrt(np.clip(1 - (it.y / thick) ** 2, 0, 1))
    it.add(it.mask(_oval(0, 0, 1, thick, power=2.6)), paint, round_body)
    it.add(it.mask(_box(0.82, -thick * 0.5, 0.87, thick * 0.5)), np.float32([50, 40, 40]))
    if rng.random() < 0.5:
        it.add(it.mask(_box(-0.95, -0.02, -0.7, 0.02)), shade_of(rng), 0.5)


SEEN: tuple[Callable[[np.random.Generator, _Drawing], None], ...] = (roof, roof, car, tree, boat, tank, plane)


class Seen:
    """One thing seen from above. kind: its number in `SEEN`; family: the name of that."""

    def __init__(self, rng: np.random.Generator, kind: int | None = None) -> None:
        painter, it = SEEN[int(rng.integers(0, len(SEEN))) if kind is None else kind], _Drawing()
        self.family = painter.__name__
        painter(rng, it)
        self.picture = np.dstack([np.clip(it.colour, 0, 255), it.alpha * 255]).astype(np.uint8)
        self.heights = it.height.astype(np.float16)

    def draw(self, rng: np.random.Generator, size: float, angle: float, sun: Sun) -> tuple[NDArray, NDArray]:
        """Return a cut-out (S, S, 4) uint8 and heights (S, S) float32 in pixels, with room for the shadow.

        size: of the longer side before it is turned by `angle` radians, pixels; colours are a little new.
        """
        zoom = size / (2 * _HALF)
        reach = float(self.heights.max()) * sun.reach * size / 2
        side = int(np.ceil(1.42 * size + 2 * reach)) + 4
        cos, sin, old = np.cos(angle) * zoom, np.sin(angle) * zoom, (_SIDE - 1) / 2
        mirror = rng.choice([-1, 1])
        matrix = np.array([[cos, -sin * mirror, 0], [sin, cos * mirror, 0]])
        matrix[:, 2] = (side - 1) / 2 - matrix[:, :2].sum(1) * old
        picture, heights = self.picture, self.heights.astype(np.float32)
        if zoom < 0.7:  # as a lens does, not by leaving pixels out
            small = max(6, round(_SIDE * zoom))
            picture, heights = (cv2.resize(v, (small, small), interpolation=cv2.INTER_AREA) for v in (picture, heights))
            factor = _SIDE / small
            matrix[:, 2] += matrix[:, :2].sum(1) * (factor - 1) / 2
            matrix[:, :2] *= factor
        picture, heights = (cv2.warpAffine(v, matrix, (side, side)) for v in (picture, heights))
        heights = heights * np.float32(size / 2)
        gy, gx = np.gradient(cv2.GaussianBlur(heights, (0, 0), 0.6))
        towards = sun.towards.astype(np.float32)
        slope = (gx * towards[0] + gy * towards[1]) / np.sqrt(1 + gx**2 + gy**2)
        light = np.clip(1 + 0.45 * slope, 0.45, 1.35)  # bright is what rises with the light's way
        own = np.exp(rng.normal(0, 0.06) + rng.normal(0, 0.05, 3)).astype(np.float32) * light[..., None]
        return np.dstack([np.clip(picture[..., :3] * own, 0, 255).astype(np.uint8), picture[..., 3]]), heights


def shadow(thing: NDArray, heights: NDArray, sun: Sun) -> NDArray[np.float32]:
    """Return how dark it is on the ground around what `Seen.draw` returned, (S, S) in 0..1.

    What is higher than a level, moved along the light by that level; no gap between two levels.
    """
    side, top = len(thing), float(heights.max())
    solid, shade = thing[..., 3].astype(np.float32) / 255, np.zeros((side, side), np.float32)
    parts = max(1, int(np.ceil(top / _LEVELS * sun.reach / 1.5)))
    for level in range(1, _LEVELS + 1):
        high = solid * (heights >= top * (level - 0.5) / _LEVELS)
        for part in range(parts):
            x, y = sun.towards * sun.reach * top * (level - part / parts) / _LEVELS
            moved = cv2.warpAffine(high, np.float64([[1, 0, x], [0, 1, y]]), (side, side))
            np.maximum(shade, moved, out=shade)
    return cv2.GaussianBlur(shade, (0, 0), 0.7) * np.float32(sun.dark)


def seen(rng: np.random.Generator, size: float) -> NDArray[np.uint8]:
    """Return something seen from above that nobody has seen before, (h, w, 4) uint8, about `size` pixels long."""
    thing = Seen(rng).draw(rng, size, rng.uniform(-np.pi, np.pi), Sun.any(rng))[0]
    rows, columns = np.flatnonzero((thing[..., 3] > 25).any(1)), np.flatnonzero((thing[..., 3] > 25).any(0))
    return thing[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
