"""Scenes of all kinds: what stands where, with the exact box of what is visible of each thing.

Scene i of a seed is a function of (seed, i). Kinds: a crowd of mixed things, one or two large ones (up to the whole
picture and beyond its edge), many alike (herds, heaps), cells under a lens, cards on a table, products on shelves
(`resources/train_alexnet`). Boxes are x1 y1 x2 y2, 0-based, inclusive.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from resources.train_alexnet import scenes
from resources.train_alexnet.cutouts import tilted
from resources.train_alexnet.labels import noise
from resources.train_alexnet.products import Design
from resources.train_proposals.cells import Kind
from resources.train_proposals.creatures import beast, bird, person, sitting
from resources.train_proposals.machines import card, implement, vehicle
from resources.train_proposals.surfaces import ground, shade_of
from resources.train_proposals.things import thing

SIDE = 448
MOST = 60  # things in a scene
MAKERS: tuple[Callable[[np.random.Generator, float], NDArray], ...] = (
    beast, beast, sitting, sitting, bird, person, vehicle, implement, card, thing, thing, thing,
)  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """A picture and what is in it: image (S, S, 3) uint8 BGR, boxes (K, 4) int16, visible (K,) float32 in 0..1."""

    image: NDArray
    boxes: NDArray
    visible: NDArray


class Canvas:
    """A picture in the making. `owner` (S, S) uint8 says which thing is on top, 0 none."""

    def __init__(self, image: NDArray) -> None:
        self.image = image
        self.owner = np.zeros(image.shape[:2], np.uint8)
        self.drawn: list[int] = []  # pixels of each thing, what is hidden or outside included
        self.seen_through: dict[int, tuple[int, int, int, int]] = {}  # thing -> its box, where others hide none of it

    def paste(
        self, sprite: NDArray, x: int, y: int, *, blur: float = 0.0, counts: bool = True, clear: bool = False
    ) -> None:
        """Lay `sprite` (h, w, 4) with its top left at x, y; a thing that does not count hides others, no more.

        clear: what lies over it later will be translucent, so that its whole outline stays in sight."""
        if blur > 0:
            margin = int(3 * blur) + 1
            sprite = cv2.copyMakeBorder(sprite, *[margin] * 4, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0))
            alpha = sprite[..., 3:].astype(np.float32)
            both = cv2.GaussianBlur(np.dstack([sprite[..., :3] * (alpha / 255), alpha]), (0, 0), blur)
            colour = both[..., :3] / np.maximum(both[..., 3:] / 255, 1e-3)
            sprite, x, y = np.dstack([np.clip(colour, 0, 255), both[..., 3]]).astype(np.uint8), x - margin, y - margin
        side, (h, w) = len(self.image), sprite.shape[:2]
        solid = sprite[..., 3] >= 0.45 * max(1, int(sprite[..., 3].max()))
        if counts:
            self.drawn.append(int(solid.sum()))
        x1, y1, x2, y2 = max(x, 0), max(y, 0), min(x + w, side), min(y + h, side)
        if x1 >= x2 or y1 >= y2:
            return
        part = sprite[y1 - y : y2 - y, x1 - x : x2 - x]
        region = self.image[y1:y2, x1:x2]
        alpha = part[..., 3:].astype(np.float32) / 255
        region[:] = (region + alpha * (part[..., :3].astype(np.float32) - region) + 0.5).astype(np.uint8)
        number = len(self.drawn) if counts else 0
        inside = solid[y1 - y : y2 - y, x1 - x : x2 - x]
        if clear and inside.any():
            rows, columns = np.flatnonzero(inside.any(1)) + y1, np.flatnonzero(inside.any(0)) + x1
            self.seen_through[number - 1] = columns[0], rows[0], columns[-1], rows[-1]
        self.owner[y1:y2, x1:x2][inside] = number

    def finished(self, rng: np.random.Generator) -> Scene:
        """Light the picture as a lamp and a camera do, and find the boxes."""
        boxes, visible = scenes.visible_boxes(self.owner, self.drawn)
        for number, box in self.seen_through.items():
            if visible[number] > 0:
                boxes[number] = box
        return Scene(scenes.lighting(rng, self.image), boxes, visible)


class SceneMaker:
    """Draws scenes of a seed; making one builds the product designs once."""

    def __init__(self, seed: int, *, designs: int = 150, side: int = SIDE) -> None:
        self.seed, self.side = seed, side
        self.designs = [Design(k) for k in range(designs)]

    def __call__(self, index: int) -> Scene:
        """Return scene number `index`; the same arguments always give the same bytes."""
        rng = np.random.default_rng([self.seed, index])
        kinds: Sequence[tuple[float, Callable[[np.random.Generator], Scene]]] = (
            (0.25, self._crowd), (0.27, self._large), (0.09, self._alike), (0.18, self._cells), (0.04, self._cards),
        )  # fmt: skip
        draw = rng.random()
        for share, make in kinds:
            if draw < share:
                return make(rng)
            draw -= share
        scene = scenes.make_scene(self.designs, seed=self.seed + 1, index=index, side=self.side)
        return Scene(scene.image, scene.boxes, scene.visible)

    def _sprite(self, rng: np.random.Generator, size: float) -> NDArray:
        """Return any thing; small ones are drawn larger and shrunk, as a lens does."""
        drawn = max(size, 40.0)
        if rng.random() < 0.15:
            sprite = self.designs[int(rng.integers(0, len(self.designs)))].render(rng, drawn)
        else:
            sprite = MAKERS[rng.integers(0, len(MAKERS))](rng, drawn)
        if rng.random() < 0.2:
            sprite = tilted(np.ascontiguousarray(sprite), float(rng.normal(0, 25)))
        factor = size / max(sprite.shape[:2])
        wanted = (max(3, round(sprite.shape[1] * factor)), max(3, round(sprite.shape[0] * factor)))
        return cv2.resize(sprite, wanted, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)

    def _crowd(self, rng: np.random.Generator) -> Scene:
        canvas = Canvas(ground(rng, self.side))
        largest = np.exp(rng.uniform(np.log(40), np.log(260)))
        sizes = np.sort(np.exp(rng.uniform(np.log(max(12, largest / 8)), np.log(largest), int(rng.integers(2, 14)))))
        for size in sizes if rng.random() < 0.5 else rng.permutation(sizes):
            self._place(rng, canvas, self._sprite(rng, size), crowded=rng.random() < 0.3)
        self._before(rng, canvas)
        return canvas.finished(rng)

    def _large(self, rng: np.random.Generator) -> Scene:
        canvas = Canvas(ground(rng, self.side))
        for _ in range(int(rng.choice([0, 0, 2, 5]))):  # small ones behind
            self._place(rng, canvas, self._sprite(rng, rng.uniform(20, 90)))
        for _ in range(int(rng.choice([1, 1, 1, 2, 2, 3]))):
            size = self.side * rng.uniform(0.35, 1.15)
            sprite = self._sprite(rng, size)
            h, w = sprite.shape[:2]
            reach = 0.12 if rng.random() < 0.5 else 0.3
            x, y = (int(rng.uniform(-reach * d, max(self.side - d + reach * d, 1))) for d in (w, h))
            self._shadowed(rng, canvas, sprite, x, y)
        self._before(rng, canvas)
        return canvas.finished(rng)

    def _alike(self, rng: np.random.Generator) -> Scene:
        """Many of one make: a herd, a heap, a shelf."""
        canvas = Canvas(ground(rng, self.side))
        make, size = MAKERS[rng.integers(0, len(MAKERS))], np.exp(rng.uniform(np.log(24), np.log(140)))
        count = int(min(MOST - 2, rng.integers(4, 12) * max(1.0, (90 / size) ** 1.2)))
        models = [make(rng, max(size, 40)) for _ in range(int(rng.integers(1, 4)))]
        for _ in range(count):
            model = models[rng.integers(0, len(models))]
            factor = size * rng.uniform(0.7, 1.2) / max(model.shape[:2])
            if rng.random() < 0.5:
                model = tilted(np.ascontiguousarray(model), float(rng.normal(0, 12)))
            wanted = (max(3, round(model.shape[1] * factor)), max(3, round(model.shape[0] * factor)))
            sprite = cv2.resize(model, wanted, interpolation=cv2.INTER_AREA)
            self._place(rng, canvas, sprite if rng.random() < 0.5 else sprite[:, ::-1], crowded=True)
        return canvas.finished(rng)

    def _cells(self, rng: np.random.Generator) -> Scene:
        base = np.clip(rng.uniform(150, 250) + rng.normal(0, 20, 3), 40, 255).astype(np.float32)
        if rng.random() < 0.15:
            base = shade_of(rng)
        picture = base + rng.uniform(1, 9) * noise(rng, self.side, self.side, first=4, octaves=5)[..., None]
        canvas = Canvas(np.clip(picture, 0, 255).astype(np.uint8))
        common = np.exp(rng.uniform(np.log(26), np.log(110)))
        plans = [(Kind(rng, base), common, int(min(50, rng.integers(6, 34) * max(1.0, 80 / common))))]
        for _ in range(int(rng.integers(0, 3))):
            other, size = Kind(rng, base), common * np.exp(rng.uniform(np.log(0.3), np.log(2.4)))
            plans.append((other, size, int(rng.integers(1, 5))))
        crowded, clumped = rng.random() < 0.6, rng.choice([0.0, 0.0, 0.4, 0.75])
        for kind, size, count in plans:
            middles: list[NDArray] = []
            for _ in range(count):
                sprite = kind.draw(rng, size * rng.uniform(0.85, 1.15))
                if clumped:
                    self._beside(rng, canvas, sprite, middles, size if rng.random() < clumped else 0.0,
                                 clear=max(each.density for each, _, _ in plans) < 0.8)  # fmt: skip
                else:
                    self._place(rng, canvas, sprite, crowded=crowded, hide=0.25 if crowded else 0.05)
        return canvas.finished(rng)

    def _beside(
        self,
        rng: np.random.Generator,
        canvas: Canvas,
        sprite: NDArray,
        middles: list[NDArray],
        size: float,
        *,
        clear: bool,
    ) -> None:
        """Paste `sprite`, of that `size`, beside one of `middles` or half over it, or with size 0 anywhere; `middles`
        get its own. Nowhere where it would hide too much. clear: see `Canvas.paste`."""
        h, w = sprite.shape[:2]
        middle = rng.uniform(-0.05, 1.05, 2) * self.side
        if middles and size:
            turn = rng.uniform(0, 2 * np.pi)
            away = size * rng.uniform(0.5, 1.05) * np.array([np.cos(turn), np.sin(turn)])
            middle = middles[rng.integers(0, len(middles))] + away
        x, y = round(middle[0] - w / 2), round(middle[1] - h / 2)
        under = canvas.owner[max(0, y) : max(0, y + h), max(0, x) : max(0, x + w)]
        if under.size and (under > 0).mean() < 0.55:
            middles.append(middle)
            canvas.paste(sprite, x, y, blur=float(rng.uniform(0.4, 1.2)), clear=clear)

    def _cards(self, rng: np.random.Generator) -> Scene:
        canvas = Canvas(ground(rng, self.side))
        size = self.side * rng.uniform(0.15, 0.7)
        for _ in range(int(rng.integers(1, 8))):
            self._place(rng, canvas, card(rng, size * rng.uniform(0.85, 1.15)), crowded=True, hide=0.5)
        return canvas.finished(rng)

    def _place(
        self, rng: np.random.Generator, canvas: Canvas, sprite: NDArray, *, crowded: bool = False, hide: float = 0.1
    ) -> None:
        """Paste `sprite` where it hides little of what is there; nowhere when no such place is found."""
        h, w = sprite.shape[:2]
        hide = max(hide, 0.3) if crowded and hide == 0.1 else hide
        for _ in range(8):
            x, y = (int(rng.uniform(-0.2 * d, self.side - 0.8 * d)) for d in (w, h))
            under = canvas.owner[max(0, y) : max(0, y + h), max(0, x) : max(0, x + w)]
            if under.size and (under > 0).mean() <= hide:
                self._shadowed(rng, canvas, sprite, x, y)
                return

    def _shadowed(self, rng: np.random.Generator, canvas: Canvas, sprite: NDArray, x: int, y: int) -> None:
        """Paste with a soft shadow at times, and as sharp or blurred as chance wants."""
        h, w = sprite.shape[:2]
        if rng.random() < 0.35 and min(h, w) > 12:
            shadow = np.zeros((h, w, 4), np.uint8)
            shadow[..., 3] = sprite[..., 3] * rng.uniform(0.2, 0.6)
            moved = (int(x + rng.normal(0, 0.06) * w), int(y + rng.uniform(0.02, 0.12) * h))
            canvas.paste(shadow, *moved, blur=float(rng.uniform(0.02, 0.06)) * max(h, w), counts=False)
        blur = float(np.exp(rng.uniform(np.log(0.4), np.log(1 + 0.015 * max(h, w))))) if rng.random() < 0.6 else 0.0
        canvas.paste(sprite, x, y, blur=blur)

    def _before(self, rng: np.random.Generator, canvas: Canvas) -> None:
        """Twigs, bars or leaves between the things and the eye."""
        if rng.random() > 0.25:
            return
        ink = shade_of(rng)
        bars = np.zeros((self.side, self.side, 4), np.uint8)
        for _ in range(int(rng.integers(1, 7))):
            ends = [tuple(int(v) for v in rng.integers(-40, self.side + 40, 2)) for _ in range(2)]
            shade = np.clip(ink * rng.uniform(0.6, 1.3), 0, 255).tolist()
            cv2.line(bars, *ends, (*shade, 255), int(rng.integers(2, 14)), cv2.LINE_AA)
        canvas.paste(bars, 0, 0, blur=float(rng.uniform(0.5, 3)), counts=False)
