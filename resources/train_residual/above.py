"""A place seen from above: many small things, alike, in rows or strewn about, under one sun.

Groups of a few designs of one family (`resources/train_proposals/aerial.py`) stand in rows along the roads and fields,
as houses, parked cars, boats, tanks and orchards do, or anywhere, at any angle. All shadows fall one way.
"""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from resources.train_proposals.aerial import Sun, shadow
from resources.train_proposals.aerial_grounds import land
from resources.train_proposals.scenes import MOST, Canvas
from resources.train_residual.designs import Designs

_ROOM = 60.0  # pixels; so large a thing takes as much room as a group should


def from_above(rng: np.random.Generator, side: int, designs: Designs) -> tuple[Canvas, list[int]]:
    """Return a picture of `side` pixels in the making, and the label of each thing in it."""
    ground, sun = land(rng, side), Sun.any(rng)
    canvas, labels = Canvas(ground.picture.astype(np.uint8)), []
    sizes = np.sort(np.exp(rng.uniform(np.log(14), np.log(160), int(rng.integers(2, 7)))))[::-1]
    blur = float(rng.uniform(0.3, 0.9))
    for size in sizes:
        models = designs.aerial_group(rng, int(rng.integers(1, 5)))
        most = int(rng.integers(4, 14) * np.clip(_ROOM / size, 0.3, 3))
        strewn = rng.random() < 0.3
        turned = ground.angle + rng.choice([0, np.pi / 2]) + (rng.normal(0, 0.1) if rng.random() < 0.3 else 0)
        laid = 0
        for place in _anywhere(rng, side) if strewn else _rows(rng, side, size, turned):
            if laid == most or len(labels) >= MOST - 2:
                break
            if _taken(canvas.owner, place):
                continue
            angle = rng.uniform(-np.pi, np.pi) if strewn else turned + rng.choice([0, np.pi]) + rng.normal(0, 0.03)
            label = int(rng.choice(models))
            thing, heights = designs.aerial(label).draw(rng, size * rng.uniform(0.9, 1.1), angle, sun)
            x, y = (round(v - len(thing) / 2) for v in place)
            if _free(canvas.owner, thing, x, y):
                _darken(canvas.image, shadow(thing, heights, sun), x, y)
                canvas.paste(thing, x, y, blur=blur)
                labels.append(label)
                laid += 1
    canvas.image = cv2.convertScaleAbs(canvas.image, alpha=rng.uniform(1.1, 1.6))  # by daylight, not under a lamp
    return canvas, labels


def _anywhere(rng: np.random.Generator, side: int) -> Iterator[NDArray]:
    for _ in range(80):
        yield rng.uniform(-0.02, 1.02, 2) * side


def _rows(rng: np.random.Generator, side: int, size: float, angle: float) -> Iterator[NDArray]:
    """Yield places in rows along `angle` from a corner on, close together or far apart, some left out."""
    way = np.array([np.cos(angle), np.sin(angle)])
    aside = np.array([-way[1], way[0]])
    if rng.random() < 0.5:  # beside each other, as parked
        way, aside = aside, way
    gap, street = size * np.exp(rng.uniform(np.log(0.55), np.log(1.7), 2))
    start = rng.uniform(0.05, 0.5, 2) * side
    width, full = int(rng.integers(3, 14)), rng.uniform(0.6, 1)
    for number in range(80):
        row, column = divmod(number, width)
        if rng.random() < full:
            yield start + way * (column * gap) + aside * (row * street) + rng.normal(0, 0.03 * size, 2)


def _part(side: int, sprite: NDArray, x: int, y: int) -> tuple[slice, slice, NDArray]:
    """Return rows and columns of a picture of `side` pixels that `sprite` at x, y covers, and its part there."""
    h, w = sprite.shape[:2]
    rows, columns = slice(max(y, 0), max(0, min(y + h, side))), slice(max(x, 0), max(0, min(x + w, side)))
    return rows, columns, sprite[max(-y, 0) : max(0, side - y), max(-x, 0) : max(0, side - x)]


def _taken(owner: NDArray, place: NDArray) -> bool:
    """Tell whether `place`, x y, is outside or on a thing: then none need be drawn to see that it has no room there."""
    x, y = np.round(place).astype(int)
    return not (0 <= x < len(owner) and 0 <= y < len(owner)) or bool(owner[y, x])


def _free(owner: NDArray, thing: NDArray, x: int, y: int) -> bool:
    """Tell whether enough of `thing` at x, y lies within the picture, and next to nothing is under it."""
    rows, columns, part = _part(len(owner), thing, x, y)
    solid = part[..., 3] > 127
    inside = int(solid.sum())
    if inside < 0.3 * max(1, int((thing[..., 3] > 127).sum())):
        return False
    return bool((owner[rows, columns][solid] > 0).mean() < 0.04)


def _darken(image: NDArray, shade: NDArray, x: int, y: int) -> None:
    """Throw a shadow on `image` IN PLACE, on things as well; unlike something that is pasted, it hides nothing."""
    rows, columns, part = _part(len(image), shade, x, y)
    image[rows, columns] = (image[rows, columns] * (1 - part[..., None])).astype(np.uint8)
