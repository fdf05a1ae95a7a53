"""A pool of scenes on disk, made once in the background; scene i is the same whoever makes it and when.

Files: `images.u8` (N, S, S, 3) uint8, `truth.f32` (N, 60, 5) float32 (x1 y1 x2 y2 visible; visible -1 in rows that are
not used), `done.u8` (N,) one byte per finished scene.
"""

import multiprocessing
import time
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from resources.train_proposals.scenes import MOST, SIDE, SceneMaker


class Pool:
    """Scenes 0 to `size` - 1 of `seed` in `folder`, which is made where it is missing."""

    def __init__(self, folder: Path, *, size: int, seed: int) -> None:
        self.folder, self.size, self.seed = folder, size, seed
        folder.mkdir(parents=True, exist_ok=True)
        self.images = self._map("images.u8", np.uint8, (size, SIDE, SIDE, 3))
        self.truth = self._map("truth.f32", np.float32, (size, MOST, 5))
        self.done = self._map("done.u8", np.uint8, (size,))

    def _map(self, name: str, dtype: type, shape: tuple[int, ...]) -> NDArray:
        path, count = self.folder / name, int(np.prod(shape)) * np.dtype(dtype).itemsize
        if not path.exists():
            with path.open("wb") as file:
                file.truncate(count)
        if path.stat().st_size != count:
            raise ValueError(f"{path}: {path.stat().st_size} bytes, expected {count}: made with another size")
        return np.memmap(path, dtype, "r+", shape=shape)

    def __reduce__(self) -> tuple[partial["Pool"], tuple[()]]:
        """Pickle as where it lies: another process opens the same files."""
        return partial(Pool, self.folder, size=self.size, seed=self.seed), ()

    def fill(self, start: int = 0, step: int = 1) -> None:
        """Make the scenes start, start + step, ... that are missing."""
        cv2.setNumThreads(1)
        make = SceneMaker(self.seed)
        for index in range(start, self.size, step):
            if not self.done[index]:
                scene, rows = make(index), np.full((MOST, 5), -1, np.float32)
                count = min(MOST, len(scene.boxes))
                rows[:count, :4], rows[:count, 4] = scene.boxes[:count], scene.visible[:count]
                self.images[index], self.truth[index] = scene.image, rows
                self.done[index] = 1

    def start(self, workers: int) -> list[multiprocessing.Process]:
        """Fill the pool from `workers` processes; returns them, started (as daemons)."""
        if self.done.all():
            return []
        arguments = [(self.folder, self.size, self.seed, k, workers) for k in range(workers)]
        started = [multiprocessing.Process(target=_fill, args=each, daemon=True) for each in arguments]
        for process in started:
            process.start()
        return started

    def wait(self, index: int) -> None:
        """Return when scene `index` is there; RuntimeError after an hour without it."""
        for _ in range(36000):
            if self.done[index]:
                return
            time.sleep(0.1)
        raise RuntimeError(f"{self.folder}: scene {index} did not appear; is a worker alive?")


def _fill(folder: Path, size: int, seed: int, start: int, step: int) -> None:
    Pool(folder, size=size, seed=seed).fill(start, step)
