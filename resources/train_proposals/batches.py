"""The batches of a training, made ahead: by a thread for a CPU, by processes for a GPU, which wants hundreds a second.

The batch of a step is a function of (seed, step), whoever makes it. Letters: B windows, S their side.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from resources.train_proposals.pool import Pool
from resources.train_proposals.recipe import Recipe
from resources.train_proposals.windows import make_window

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


class _Steps(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Entry k is the batch of the k-th step from `start` on, as tensors."""

    def __init__(self, pool: Pool, recipe: Recipe, start: int) -> None:
        self.pool, self.recipe, self.start = pool, recipe, start

    def __len__(self) -> int:
        return self.recipe.steps - self.start

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        windows, truth = make_batch(self.pool, self.recipe, self.start + index)
        boxes, clear = padded(truth)
        return torch.from_numpy(windows), torch.from_numpy(boxes), torch.from_numpy(clear)


def batches_by_processes(
    pool: Pool, recipe: Recipe, start: int, makers: int, *, pinned: bool
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Return the same batches as tensors: windows, and boxes and clear as `padded` gives them.

    The `makers` are started by this call, not with the first batch: before anything has touched a GPU, which a forked
    process could not bear. pinned: into memory that a GPU reads by itself.
    """
    steps = _Steps(pool, recipe, start)
    return iter(DataLoader(steps, batch_size=None, num_workers=makers, prefetch_factor=3, pin_memory=pinned))
