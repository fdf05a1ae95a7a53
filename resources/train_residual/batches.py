"""Batches made by processes of their own, side by side, into memory that they share with the training.

Batch n is a function of (seed, n) once its scenes are there. Worker w of W makes the batches w, w + W, ...; each has
room for a few ahead. The memory is anonymous and comes through the fork, so no size of /dev/shm limits it; fork
before anything runs on a GPU.
"""

import mmap
import multiprocessing
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from resources.train_alexnet.pool import cut_window
from resources.train_alexnet.targets import make_targets, sample_rois
from resources.train_residual.pool import Pool
from resources.train_residual.recipe import Plan

AHEAD = 3  # batches of each worker
PATIENCE = 600.0  # seconds
Batch = dict[str, NDArray]


def make_batch(pool: Pool, plan: Plan, number: int, batch: Batch, *, wait: bool) -> None:
    """Fill `batch` IN PLACE. wait: for each scene that it wants; else it takes another one that is there."""
    among = min(pool.size, plan.scenes + plan.new_scenes * number)
    for slot in range(plan.windows):
        rng = np.random.default_rng([plan.seed, 2, number, slot])
        index = pool.take(rng, among, wait=wait)
        window, boxes, labels, clear = cut_window(rng, pool.images[index], pool.truth[index], plan.side)
        rois = sample_rois(rng, boxes[clear], plan.rois, plan.side)
        targets = make_targets(rois, boxes, labels, clear)
        batch["windows"][slot], batch["rois"][slot] = window, rois
        place = slice(slot * plan.rois, (slot + 1) * plan.rois)
        for name in ("label", "share", "fit", "offsets", "weight"):
            batch[name][place] = getattr(targets, name)


class Batches:
    """Batches from `start` on, up to `end`, made by `workers` processes, or, with none, when they are wanted."""

    def __init__(self, pool: Pool, plan: Plan, start: int, end: int, *, workers: int, wait: bool) -> None:
        self.pool, self.plan, self.start, self.end, self.wait = pool, plan, start, end, wait
        context = multiprocessing.get_context("fork")
        self.rooms = [[_shared(plan) for _ in range(AHEAD)] for _ in range(workers)]
        self.free = [context.Semaphore(AHEAD) for _ in range(workers)]
        self.ready = [context.Semaphore(0) for _ in range(workers)]
        self.processes = [context.Process(target=self._work, args=(k,), daemon=True) for k in range(workers)]
        for process in self.processes:
            process.start()

    def _work(self, worker: int) -> None:
        cv2.setNumThreads(1)
        for turn, number in enumerate(range(self.start + worker, self.end, len(self.rooms))):
            self.free[worker].acquire()
            make_batch(self.pool, self.plan, number, self.rooms[worker][turn % AHEAD], wait=self.wait)
            self.ready[worker].release()

    def __iter__(self) -> Iterator[Batch]:
        """Yield batch after batch; one holds until the next is asked for."""
        for count, number in enumerate(range(self.start, self.end)):
            if not self.rooms:
                own = {name: np.zeros(shape, kind) for name, (kind, shape) in self.plan.arrays().items()}
                make_batch(self.pool, self.plan, number, own, wait=self.wait)
                yield own
                continue
            turn, worker = divmod(count, len(self.rooms))
            if not self.ready[worker].acquire(timeout=PATIENCE):
                raise RuntimeError(f"batch {number} did not come within {PATIENCE:.0f} s; is a worker alive?")
            yield self.rooms[worker][turn % AHEAD]
            self.free[worker].release()

    def stop(self) -> None:
        """End the workers."""
        for process in self.processes:
            process.terminate()


def _shared(plan: Plan) -> Batch:
    """Return zeroed arrays of a batch in memory that processes forked later share."""
    found = {}
    for name, (kind, shape) in plan.arrays().items():
        size = int(np.prod(shape)) * np.dtype(kind).itemsize
        found[name] = np.frombuffer(mmap.mmap(-1, size), kind).reshape(shape)
    return found
