"""A pool of named scenes on disk or in memory (a folder in /dev/shm), drawn in the background by several processes.

Scene i is the same whoever draws it and when. Files: `images.u8` (N, S, S, 3) uint8, `truth.f32` (N, 60, 6) float32
(x1 y1 x2 y2 label visible; label -1 in rows that are not used), `done.u8` (N,) one byte per finished scene.
"""

import multiprocessing
import os
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from resources.train_proposals.scenes import MOST, SIDE
from resources.train_residual.designs import Designs
from resources.train_residual.scenes import NamedScenes


class Pool:
    """Scenes 0 to `size` - 1 of `seed` in `folder`, which is made where it is missing."""

    def __init__(self, folder: Path, designs: Designs, *, size: int, seed: int) -> None:
        self.folder, self.designs, self.size, self.seed = folder, designs, size, seed
        folder.mkdir(parents=True, exist_ok=True)
        self.images = self._map("images.u8", np.uint8, (size, SIDE, SIDE, 3))
        self.truth = self._map("truth.f32", np.float32, (size, MOST, 6))
        self.done = self._map("done.u8", np.uint8, (size,))

    def _map(self, name: str, dtype: type, shape: tuple[int, ...]) -> NDArray:
        path, count = self.folder / name, int(np.prod(shape)) * np.dtype(dtype).itemsize
        if not path.exists():
            with path.open("wb") as file:
                file.truncate(count)
        if path.stat().st_size != count:
            raise ValueError(f"{path}: {path.stat().st_size} bytes, expected {count}: made with another size")
        return np.memmap(path, dtype, "r+", shape=shape)

    def fill(self, start: int = 0, step: int = 1) -> None:
        """Make the scenes start, start + step, ... that are missing."""
        cv2.setNumThreads(1)
        make = NamedScenes(self.designs, self.seed)
        for index in range(start, self.size, step):
            if not self.done[index]:
                scene, rows = make.scene(index), np.full((MOST, 6), -1, np.float32)
                count = min(MOST, len(scene.boxes))
                rows[:count, :4], rows[:count, 5] = scene.boxes[:count], scene.visible[:count]
                rows[:count, 4] = scene.labels[:count]
                self.images[index], self.truth[index] = scene.image, rows
                self.done[index] = 1

    def start(self, workers: int) -> list[multiprocessing.Process]:
        """Fill the pool from `workers` forked processes; returns them, started (as daemons)."""
        if self.done.all():
            return []
        context = multiprocessing.get_context("fork")
        started = [context.Process(target=self._behind, args=(k, workers), daemon=True) for k in range(workers)]
        for process in started:
            process.start()
        return started  # type: ignore[return-value]

    def _behind(self, start: int, step: int) -> None:
        os.nice(5)  # windows out of scenes that are there come first
        self.fill(start, step)

    def take(self, rng: np.random.Generator, among: int, *, wait: bool) -> int:
        """Return any of the first `among` scenes; where it is not there: wait for it, or take one that is.

        RuntimeError after ten minutes without it.
        """
        index = int(rng.integers(0, among))
        for _ in range(60000):
            if self.done[index]:
                return index
            if wait or index == 0:
                time.sleep(0.01)
            else:
                index = int(rng.integers(0, index))
        raise RuntimeError(f"{self.folder}: scene {index} did not appear within ten minutes; is a worker alive?")
