"""A pool of scenes on disk, filled once in the background and read many times with fresh windows, flips and colours.

Scene i of a pool is `make_scene(designs, seed=seed, index=i)`: which process made it, and when, does not matter. Files:
`images.u8` (N, S, S, 3) uint8, `truth.f32` (N, 16, 6) float32 (x1 y1 x2 y2 design visible,
design -1 in unused rows), `done.u8` (N,) one byte per finished scene. N is the size of the pool.
"""

import multiprocessing
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from resources.train_alexnet.products import Design
from resources.train_alexnet.scenes import SIDE, make_scene

_PRODUCTS = 16  # rows per scene; a scene has at most 13 products


class Pool:
    """Memory-mapped scenes. `folder` is made if missing; `size` scenes of `designs` designs from `first_design` on."""

    def __init__(
        self, folder: Path, *, size: int, seed: int, designs: int, first_design: int = 0, side: int = SIDE
    ) -> None:
        self.size, self.seed, self.designs, self.first_design, self.side = size, seed, designs, first_design, side
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.images = self._map("images.u8", np.uint8, (size, side, side, 3))
        self.truth = self._map("truth.f32", np.float32, (size, _PRODUCTS, 6))
        self.done = self._map("done.u8", np.uint8, (size,))

    def _map(self, name: str, dtype: type, shape: tuple[int, ...]) -> NDArray:
        path = self.folder / name
        count = int(np.prod(shape)) * np.dtype(dtype).itemsize
        if not path.exists():
            with path.open("wb") as file:
                file.truncate(count)
        if path.stat().st_size != count:
            raise ValueError(
                f"{path}: {path.stat().st_size} bytes, expected {count}: made with another size; remove the folder"
            )
        return np.memmap(path, dtype, "r+", shape=shape)

    def fill(self, start: int = 0, step: int = 1) -> None:
        """Make the scenes start, start + step, ... that are missing."""
        cv2.setNumThreads(1)
        designs = [Design(self.first_design + k) for k in range(self.designs)]
        for index in range(start, self.size, step):
            if self.done[index]:
                continue
            scene = make_scene(designs, seed=self.seed, index=index, side=self.side)
            rows = np.full((_PRODUCTS, 6), -1, np.float32)
            count = len(scene.boxes)
            rows[:count, :4], rows[:count, 4], rows[:count, 5] = scene.boxes, scene.designs, scene.visible
            self.images[index], self.truth[index] = scene.image, rows
            self.done[index] = 1

    def start(self, workers: int) -> list[multiprocessing.Process]:
        """Fill the pool from `workers` processes of their own; returns them, started (as daemons)."""
        if self.done.all():
            return []
        recipe = {
            "size": self.size,
            "seed": self.seed,
            "designs": self.designs,
            "first_design": self.first_design,
            "side": self.side,
        }
        started = [
            multiprocessing.Process(target=_fill, args=(self.folder, recipe, k, workers), daemon=True)
            for k in range(workers)
        ]
        for process in started:
            process.start()
        return started

    def wait(self, index: int) -> None:
        """Return when scene `index` is there; RuntimeError after ten minutes without it."""
        for _ in range(6000):
            if self.done[index]:
                return
            time.sleep(0.1)
        raise RuntimeError(f"{self.folder}: scene {index} did not appear within ten minutes; is a worker alive?")


def _fill(folder: Path, recipe: dict, start: int, step: int) -> None:
    Pool(folder, **recipe).fill(start, step)


def cut_window(
    rng: np.random.Generator, image: NDArray, truth: NDArray, side: int
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Cut a random window out of a scene: scale, place, flip, colour gains and gamma.

    Takes the picture (S, S, 3) uint8 and its truth rows (P, 6). Returns the window (side, side, 3) uint8, boxes (K, 4)
    float32 cut to the window, designs (K,) int64, clear (K,) bool: at least 0.7 inside and visible share at least 0.4.
    """
    full = image.shape[0]
    scale = np.exp(rng.uniform(np.log(side / full), np.log(1.3)))
    reach = full * scale - side
    left, top = rng.uniform(0, 1, 2) * max(reach, 0)
    flip = rng.random() < 0.5
    matrix = np.array([[scale, 0, -left + 0.5 * (scale - 1)], [0, scale, -top + 0.5 * (scale - 1)]])
    if flip:
        matrix[0] = [-scale, 0, side - 1 - matrix[0, 2]]
    window = cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    levels = (
        np.linspace(0, 1, 256)[:, None] ** np.exp(rng.normal(0, 0.2))
        * np.exp(rng.normal(0, 0.06, 3))
        * rng.uniform(0.75, 1.2)
    )
    window = cv2.LUT(window, np.clip(255 * levels, 0, 255).astype(np.uint8)[None])
    rows = truth[truth[:, 4] >= 0]
    rows = rows[rows[:, 5] > 0.02]
    boxes = _move(rows[:, :4], matrix)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    cut = np.clip(boxes, 0, side - 1)
    inside = (cut[:, 2] - cut[:, 0]) * (cut[:, 3] - cut[:, 1]) / np.maximum(area, 1)
    here = inside > 0.05
    clear = (inside >= 0.7) & (rows[:, 5] >= 0.4)
    return window, cut[here].astype(np.float32), rows[here, 4].astype(np.int64), clear[here]


def _move(boxes: NDArray, matrix: NDArray) -> NDArray:
    """Return (K, 4) inclusive boxes moved by a scale and shift (2, 3); pixel edges, not centres, are mapped."""
    x = np.stack([boxes[:, 0] - 0.5, boxes[:, 2] + 0.5]) * matrix[0, 0] + matrix[0, 2]
    y = np.stack([boxes[:, 1] - 0.5, boxes[:, 3] + 0.5]) * matrix[1, 1] + matrix[1, 2]
    return np.stack([x.min(0) + 0.5, y.min(0) + 0.5, x.max(0) - 0.5, y.max(0) - 0.5], 1)
