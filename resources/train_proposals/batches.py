"""The batches of a training, made ahead: by a thread for a CPU, by processes for a GPU, which wants hundreds a second.

The batch of a step is a function of (seed, step), whoever makes it. Letters: B windows, S their side.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import Pipe, Process, Semaphore
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from resources.train_proposals.pool import Pool
from resources.train_proposals.recipe import Recipe
from resources.train_proposals.windows import SIDE, make_window

PATIENCE = 30.0  # seconds without a batch, after which it is asked whether its process lives
Truth = list[tuple[NDArray, NDArray]]  # boxes and clear of each window


def make_batch(pool: Pool, recipe: Recipe, step: int) -> tuple[NDArray, Truth]:
    """Return windows (B, S, S, 3) uint8 of one `step`, and boxes and clear of each."""
    images, truth = [], []
    for slot in range(recipe.windows):
        rng = np.random.default_rng([recipe.seed, 2, step, slot])
        indices = rng.integers(0, recipe.scenes_at(step), 4)
        for index in indices:
            pool.wait(int(index))
        window = make_window(rng, pool.images, pool.truth, indices)
        images.append(window.image)
        truth.append((window.boxes, window.clear))
    return np.stack(images), truth


def batches(pool: Pool, recipe: Recipe, start: int) -> Iterator[tuple[NDArray, Truth]]:
    """Yield the batches of the steps from `start` on, the next two made ahead in a thread."""
    with ThreadPoolExecutor(1) as executor:
        ahead = [executor.submit(make_batch, pool, recipe, step) for step in range(start, min(start + 2, recipe.steps))]
        for step in range(start, recipe.steps):
            batch = ahead.pop(0).result()
            if step + 2 < recipe.steps:
                ahead.append(executor.submit(make_batch, pool, recipe, step + 2))
            yield batch


def padded(truth: Truth) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the boxes (B, G, 4) and clear (B, G) of all windows; rows beyond a window's own are boxes -1 -1 -2 -2."""
    most = max(1, *(len(boxes) for boxes, _ in truth))
    boxes = np.tile(np.float32([-1, -1, -2, -2]), (len(truth), most, 1))
    clear = np.zeros((len(truth), most), bool)
    for k, (own, counts) in enumerate(truth):
        boxes[k, : len(own)], clear[k, : len(own)] = own, counts
    return boxes, clear


class Makers:
    """Processes that make batches, each every so manieth step, into places of a file that all have mapped.

    They start with the object, not with the first batch: before anything has touched a GPU, which a forked process
    could not bear. A file, since the memory that PyTorch shares between processes is 64 MB in many a container.
    """

    PLACES = 2  # of each process: one is filled while the other is learnt from

    def __init__(self, pool: Pool, recipe: Recipe, start: int, makers: int, file: Path) -> None:
        shape = (makers * self.PLACES, recipe.windows, SIDE, SIDE, 3)
        self.windows = np.memmap(file, np.uint8, "w+", shape=shape)
        self.free = [Semaphore(self.PLACES) for _ in range(makers)]
        ends = [Pipe(duplex=False) for _ in range(makers)]
        self.told = [here for here, _ in ends]
        self.steps = range(start, recipe.steps)
        self.processes = []
        for k in range(makers):
            arguments = (pool, recipe, self.steps[k::makers], (file, shape, k), self.free[k], ends[k][1])
            self.processes.append(Process(target=_make, args=arguments, daemon=True))
        for process in self.processes:
            process.start()

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield the batches in order: windows (B, S, S, 3), and boxes and clear as `padded` gives them. A batch is
        valid until the next is asked for."""
        for step in self.steps:
            turn, maker = divmod(step - self.steps.start, len(self.told))
            boxes, clear = self._truth(maker, step)
            windows = self.windows[maker * self.PLACES + turn % self.PLACES]
            yield torch.from_numpy(windows), torch.from_numpy(boxes), torch.from_numpy(clear)
            self.free[maker].release()

    def _truth(self, maker: int, step: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        try:
            while not self.told[maker].poll(PATIENCE):
                if not self.processes[maker].is_alive():
                    raise EOFError
            boxes, clear = self.told[maker].recv()
            return boxes, clear
        except EOFError:
            raise RuntimeError(f"the process that makes the batch of step {step} has died") from None

    def stop(self) -> None:
        """End the processes."""
        for process in self.processes:
            process.terminate()


def _make(
    pool: Pool, recipe: Recipe, steps: range, place: tuple[Path, tuple[int, ...], int], free: Any, tell: Connection
) -> None:
    file, shape, maker = place
    windows = np.memmap(file, np.uint8, "r+", shape=shape)
    cv2.setNumThreads(1)
    for turn, step in enumerate(steps):
        free.acquire()
        images, truth = make_batch(pool, recipe, step)
        windows[maker * Makers.PLACES + turn % Makers.PLACES] = images
        tell.send(padded(truth))
