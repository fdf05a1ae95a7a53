"""Scenes of all kinds whose things are known by name: the makers of `resources/train_proposals`, and its products.

Scene i of a seed is a function of (seed, i). Boxes are x1 y1 x2 y2, 0-based, inclusive; K things. Labels: `designs.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from resources.train_alexnet import scenes as products
from resources.train_alexnet.labels import noise
from resources.train_proposals import scenes as unnamed
from resources.train_proposals.scenes import MOST, SIDE, Canvas, SceneMaker
from resources.train_proposals.surfaces import ground
from resources.train_residual.above import from_above
from resources.train_residual.designs import Designs

Drawn = tuple[NDArray, int]  # a cut-out and its label
FROM_ABOVE = 0.15
"""Share of the scenes that are seen from above, where there are designs of that kind."""


@dataclass(frozen=True)
class Scene:
    """image (S, S, 3) uint8 BGR, boxes (K, 4) int16, labels (K,) int64, visible (K,) float32 in 0..1."""

    image: NDArray
    boxes: NDArray
    labels: NDArray
    visible: NDArray


class NamedScenes(SceneMaker):
    """Draws scenes of a seed. What stands where is as in `SceneMaker`; here, what each thing is comes along."""

    def __init__(self, designs: Designs, seed: int, *, side: int = SIDE) -> None:
        self.seed, self.side, self.known = seed, side, designs

    def scene(self, index: int) -> Scene:
        """Return scene number `index`; the same arguments always give the same bytes."""
        rng = np.random.default_rng([self.seed, index, 3])
        if self.known.aerials and np.random.default_rng([self.seed, index, 4]).random() < FROM_ABOVE:
            canvas, labels = from_above(rng, self.side, self.known)
            return _named(canvas.finished(rng), labels)
        kinds: Sequence[tuple[float, Callable[[np.random.Generator, Canvas, list[int]], None]]] = (
            (0.28, self._some), (0.26, self._big), (0.14, self._same), (0.16, self._under_a_lens),
        )  # fmt: skip
        draw = rng.random()
        for share, lay in kinds:
            if draw < share:
                canvas, labels = Canvas(self._place_for(rng, lay)), []
                lay(rng, canvas, labels)
                return _named(canvas.finished(rng), labels)
            draw -= share
        shelf = products.make_scene(self.known.products, seed=self.seed, index=index, side=self.side)
        return Scene(shelf.image, shelf.boxes, shelf.designs.astype(np.int64), shelf.visible)

    def _place_for(self, rng: np.random.Generator, lay: Callable) -> NDArray:
        if lay != self._under_a_lens:
            return ground(rng, self.side)
        self._first = self.known.cell_kind(rng)
        base = self._first[1] + rng.normal(0, 6, 3).astype(np.float32)
        picture = base + rng.uniform(1, 9) * noise(rng, self.side, self.side, first=4, octaves=5)[..., None]
        return np.clip(picture, 0, 255).astype(np.uint8)

    def _any(self, rng: np.random.Generator, size: float) -> Drawn:
        """Return something of about `size` pixels; small ones are drawn larger and shrunk, as a lens does."""
        drawn, chance = max(size, 40.0), rng.random()
        make = self.known.thing if chance < 0.5 else self.known.new_thing if chance < 0.8 else self.known.product
        sprite, label = make(rng, drawn)
        return _resized(sprite, size), label

    def _add(self, canvas: Canvas, labels: list[int], drawn: Drawn, lay: Callable[[NDArray], None]) -> None:
        """Lay what was drawn; its label is kept when it found a place."""
        before = len(canvas.drawn)
        lay(drawn[0])
        if len(canvas.drawn) > before:
            labels.append(drawn[1])

    def _some(self, rng: np.random.Generator, canvas: Canvas, labels: list[int]) -> None:
        largest = np.exp(rng.uniform(np.log(40), np.log(260)))
        sizes = np.sort(np.exp(rng.uniform(np.log(max(16, largest / 8)), np.log(largest), int(rng.integers(2, 14)))))
        for size in sizes if rng.random() < 0.5 else rng.permutation(sizes):
            crowded = rng.random() < 0.3
            self._add(canvas, labels, self._any(rng, size), lambda s, c=crowded: self._place(rng, canvas, s, crowded=c))
        self._before(rng, canvas)

    def _big(self, rng: np.random.Generator, canvas: Canvas, labels: list[int]) -> None:
        for _ in range(int(rng.choice([0, 0, 2, 5]))):  # small ones behind
            drawn = self._any(rng, rng.uniform(20, 90))
            self._add(canvas, labels, drawn, lambda s: self._place(rng, canvas, s))
        for _ in range(int(rng.choice([1, 1, 1, 2, 2, 3]))):
            drawn = self._any(rng, self.side * rng.uniform(0.35, 1.1))
            reach = 0.12 if rng.random() < 0.5 else 0.3
            x, y = (
                int(rng.uniform(-reach * d, max(self.side - d + reach * d, 1))) for d in drawn[0].shape[1::-1]
            )  # fmt: skip
            self._add(canvas, labels, drawn, lambda s, p=(x, y): self._shadowed(rng, canvas, s, *p))
        self._before(rng, canvas)

    def _same(self, rng: np.random.Generator, canvas: Canvas, labels: list[int]) -> None:
        """Several of each of a few designs: herds, heaps, shelves."""
        size = np.exp(rng.uniform(np.log(24), np.log(150)))
        count = int(min(MOST - 2, rng.integers(4, 12) * max(1.0, (90 / size) ** 1.2)))
        models = [self.known.thing(rng, 40.0)[1] for _ in range(int(rng.integers(1, 5)))]
        for _ in range(count):
            own = size * rng.uniform(0.75, 1.2)
            sprite, label = self.known.thing_again(rng, max(own, 40.0), int(rng.choice(models)))
            drawn = _resized(sprite, own), label
            self._add(canvas, labels, drawn, lambda s: self._place(rng, canvas, s, crowded=True))

    def _under_a_lens(self, rng: np.random.Generator, canvas: Canvas, labels: list[int]) -> None:
        common = np.exp(rng.uniform(np.log(26), np.log(120)))
        plans = [(self._first, common, int(min(40, rng.integers(5, 28) * max(1.0, 70 / common))))]
        for _ in range(int(rng.integers(0, 4))):
            size = common * np.exp(rng.uniform(np.log(0.3), np.log(2.4)))
            plans.append((self.known.cell_kind(rng), max(size, 14.0), int(rng.integers(1, 5))))
        hide = 0.25 if rng.random() < 0.6 else 0.05
        for (kind, _, label), size, count in plans:
            for _ in range(count):
                drawn = kind.draw(rng, size * rng.uniform(0.85, 1.15)), label
                lay = lambda s: self._place(rng, canvas, s, crowded=hide > 0.1, hide=hide)  # noqa: E731
                self._add(canvas, labels, drawn, lay)


def _named(found: unnamed.Scene, labels: list[int]) -> Scene:
    return Scene(found.image, found.boxes, np.array(labels, np.int64), found.visible)


def _resized(sprite: NDArray, size: float) -> NDArray:
    factor = size / max(sprite.shape[:2])
    wanted = (max(3, round(sprite.shape[1] * factor)), max(3, round(sprite.shape[0] * factor)))
    return cv2.resize(sprite, wanted, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
