"""What is to be recognised: designs of products, of things, of cells, by formula and from above; in ever new poses.

A design is a number. Those of products turn in space (`resources/train_alexnet`). Those of things are one drawing of a
maker of `resources/train_proposals`, bent, stretched, turned, mirrored, lit and coloured anew each time. Those of cells
are a kind, of which each cell is drawn for itself; so are those by formula, fractals and contours, whose numbers waver
a little. What is seen from above turns under the sun of its place. A thing without a design is drawn once and never
again: only its family is known.

A label is the number of a design, 0 to D - 1, or D + the number of the family of a thing without one.
"""

from collections.abc import Callable
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from resources.train_alexnet.products import FAMILIES as PRODUCT_FAMILIES
from resources.train_alexnet.products import Design
from resources.train_proposals.aerial import SEEN, Seen
from resources.train_proposals.cells import Kind
from resources.train_proposals.contours import Contour
from resources.train_proposals.fractals import Fractal
from resources.train_proposals.scenes import MAKERS
from resources.train_proposals.surfaces import shade_of

_NAMES = tuple(dict.fromkeys(PRODUCT_FAMILIES))
_MAKER_NAMES = tuple(dict.fromkeys(maker.__name__ for maker in MAKERS))
FAMILIES = (*_NAMES, *_MAKER_NAMES, "cell")
"""Coarse kinds of what is drawn: bottle, carton, ..., beast, bird, person, ..., cell."""
_FORMULAS = (Fractal, Contour)
_FORMULA_NAMES = ("fractal", "contour")
_AERIAL_NAMES = tuple(dict.fromkeys(painter.__name__ for painter in SEEN))
_DRAWN = 200.0  # pixels of a design's drawing
_SEED = 501


class Designs:
    """`products` designs of products, then `things` of things, then `cells` of cells; then `formulas` of fractals and
    contours and `aerials` of things seen from above, none unless asked for. Drawings are made when needed."""

    def __init__(self, *, products: int, things: int, cells: int, formulas: int = 0, aerials: int = 0) -> None:
        self.aerials = aerials
        self._products, self._things, self._formulas = products, things, formulas
        self._named = products + things + cells  # the first design by formula
        self.count = self._named + formulas + aerials
        self._drawings: dict[int, NDArray] = {}
        self._kinds: dict[int, tuple[Kind, NDArray]] = {}
        self._by_formula: dict[int, Fractal | Contour] = {}
        self._seen: dict[int, Seen] = {}

    @cached_property
    def products(self) -> list[Design]:
        """The products."""
        return [Design(k) for k in range(self._products)]

    @cached_property
    def family_names(self) -> tuple[str, ...]:
        """The F families: `FAMILIES`, and those of designs by formula and from above where there are such."""
        more = _FORMULA_NAMES if self._formulas else ()
        return (*FAMILIES, *more, *(_AERIAL_NAMES if self.aerials else ()))

    @cached_property
    def families(self) -> NDArray[np.int64]:
        """(D + F,): the family of each label."""
        cells = self._named - self._products - self._things
        of_designs = [
            *(design.family for design in self.products),
            *(_maker_of(k).__name__ for k in range(self._things)),
            *["cell"] * cells,
            *(_FORMULA_NAMES[_formula_of(k)] for k in range(self._formulas)),
            *(SEEN[_seen_of(k)].__name__ for k in range(self.aerials)),
        ]
        numbers = {name: number for number, name in enumerate(self.family_names)}
        return np.array([*(numbers[name] for name in of_designs), *numbers.values()], np.int64)

    def product(self, rng: np.random.Generator, size: float) -> tuple[NDArray, int]:
        """Return a cut-out (h, w, 4) uint8 of any product, `size` pixels long, and its label."""
        label = int(rng.integers(0, self._products))
        return self.products[label].render(rng, size), label

    def thing(self, rng: np.random.Generator, size: float) -> tuple[NDArray, int]:
        """Return a cut-out of any thing that has a design, by formula or not, in a new pose, and its label."""
        number = int(rng.integers(0, self._things + self._formulas))
        label = self._products + number if number < self._things else self._named + number - self._things
        return self.thing_again(rng, size, label)

    def thing_again(self, rng: np.random.Generator, size: float, label: int) -> tuple[NDArray, int]:
        """Return a cut-out of the thing of that label, in a new pose, and the label."""
        if label >= self._named:
            return self._formula(label - self._named).draw(rng, size), label
        number = label - self._products
        if number not in self._drawings:
            drawn = _maker_of(number)(np.random.default_rng([_SEED, number, 1]), _DRAWN)
            self._drawings[number] = np.ascontiguousarray(drawn)
        return posed(rng, self._drawings[number], size), label

    def new_thing(self, rng: np.random.Generator, size: float) -> tuple[NDArray, int]:
        """Return a cut-out of a thing that is drawn once, and its label."""
        maker = MAKERS[rng.integers(0, len(MAKERS))]
        return maker(rng, size), self.count + FAMILIES.index(maker.__name__)

    def cell_kind(self, rng: np.random.Generator) -> tuple[Kind, NDArray, int]:
        """Return any kind of cell, the ground (3,) that it was made for, and its label."""
        first = self._products + self._things
        label = int(rng.integers(first, self._named))
        if label not in self._kinds:
            own = np.random.default_rng([_SEED, label, 2])
            base = np.clip(own.uniform(150, 250) + own.normal(0, 20, 3), 40, 255).astype(np.float32)
            if own.random() < 0.15:
                base = shade_of(own)
            self._kinds[label] = Kind(own, base), base
        return *self._kinds[label], label

    def _formula(self, number: int) -> Fractal | Contour:
        if number not in self._by_formula:
            self._by_formula[number] = _FORMULAS[_formula_of(number)](np.random.default_rng([_SEED, number, 4]))
        return self._by_formula[number]

    def aerial_group(self, rng: np.random.Generator, most: int) -> NDArray[np.int64]:
        """Return the labels of up to `most` designs from above, of one family."""
        family = self.families[self.count - self.aerials + int(rng.integers(0, self.aerials))]
        alike = np.flatnonzero(self.families[: self.count] == family)
        return rng.choice(alike, min(most, len(alike)), replace=False)

    def aerial(self, label: int) -> Seen:
        """Return the thing seen from above of that label."""
        number = label - self.count + self.aerials
        if number not in self._seen:
            self._seen[number] = Seen(np.random.default_rng([_SEED, number, 6]), _seen_of(number))
        return self._seen[number]


def _formula_of(number: int) -> int:
    return int(np.random.default_rng([_SEED, number, 3]).integers(0, len(_FORMULAS)))


def _seen_of(number: int) -> int:
    return int(np.random.default_rng([_SEED, number, 5]).integers(0, len(SEEN)))


def _maker_of(number: int) -> Callable[[np.random.Generator, float], NDArray]:
    return MAKERS[np.random.default_rng([_SEED, number]).integers(0, len(MAKERS))]


def posed(rng: np.random.Generator, drawing: NDArray, size: float) -> NDArray:
    """Return `drawing` (h, w, 4) uint8 in another pose, light and colours, its longer side about `size` pixels.

    Mirrored half of the time; stretched, slanted and bent a little; turned a little, at times by any angle.
    """
    longer = max(drawing.shape[:2])
    if size < 0.7 * longer:  # as a lens does, not by leaving pixels out
        factor = size / longer
        wanted = (max(3, round(drawing.shape[1] * factor)), max(3, round(drawing.shape[0] * factor)))
        drawing = cv2.resize(drawing, wanted, interpolation=cv2.INTER_AREA)
    height, width = drawing.shape[:2]
    angle = rng.normal(0, 0.25) if rng.random() < 0.8 else rng.uniform(-np.pi, np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = np.diag(np.exp(rng.normal(0, 0.13, 2))) @ np.array([[1, rng.normal(0, 0.12)], [0, 1]])
    if rng.random() < 0.5:
        stretch = stretch @ np.diag([-1.0, 1.0])
    forth = turn @ stretch
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [width / 2, height / 2] @ forth.T
    extent = 2 * np.abs(corners).max(axis=0)
    zoom = size / extent.max()
    out_width, out_height = (max(3, int(np.ceil(v * zoom)) + 2) for v in extent)
    x, y = np.meshgrid(np.arange(out_width) - (out_width - 1) / 2, np.arange(out_height) - (out_height - 1) / 2)
    back = np.linalg.inv(forth * zoom)
    source_x, source_y = back[0, 0] * x + back[0, 1] * y, back[1, 0] * x + back[1, 1] * y
    bend = rng.normal(0, 0.03 * max(height, width), (2, 4, 4)).astype(np.float32)
    moved = [cv2.resize(each, (out_width, out_height), interpolation=cv2.INTER_CUBIC) for each in bend]
    source_x, source_y = (
        (source + move + (side - 1) / 2).astype(np.float32)
        for source, move, side in zip((source_x, source_y), moved, (width, height), strict=True)
    )
    sprite = cv2.remap(drawing, source_x, source_y, cv2.INTER_LINEAR, borderValue=(0, 0, 0, 0))
    light = np.exp(rng.normal(0, 0.2, (2, 2)).astype(np.float32) + rng.normal(0, 0.15))
    light = cv2.resize(light.astype(np.float32), (out_width, out_height), interpolation=cv2.INTER_LINEAR)
    colours = np.exp(rng.normal(0, 0.08, 3)).astype(np.float32)
    lit = sprite[..., :3] * (light[..., None] * colours) + np.float32(rng.normal(0, 6))
    return np.dstack([np.clip(lit, 0, 255).astype(np.uint8), sprite[..., 3]])
