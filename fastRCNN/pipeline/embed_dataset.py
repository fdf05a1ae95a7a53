"""The network's numbers for all pictures of an image set: reading, computing and writing overlap.

On a CPU the network is what takes the time, so one thread reads ahead and two write behind. A GPU is faster than they
are: it takes several pictures in each call, while the next call is made ready and results come back in a second thread,
and several threads decode pictures and write files (`Pace`).

Letters in shapes: S side of the padded square, R rows in a file, N real ROIs of a picture, D features.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fastRCNN.boxes.tiles import Tiling
from fastRCNN.engines import Engine
from fastRCNN.pipeline.cntk_inputs import CntkRecord
from fastRCNN.pipeline.seen_picture import SeenPicture
from helpers.images import read_image
from helpers.in_order import in_order
from helpers.write_behind import WRITERS, WriteBehind

Item = TypeVar("Item")
Result = TypeVar("Result")
Read = tuple[CntkRecord, SeenPicture]
_AHEAD = 2  # calls whose pictures are read while one is being computed
_READING = 4  # threads at most: half of what they do holds Python's lock, and more of them wait for it only
_COMPUTING = 2  # calls under way on a GPU: it works on one while results of the other come back


@dataclass(frozen=True)
class Pace:
    """How much goes on at once. The defaults are those of a CPU.

    at_once: pictures in a call of what computes. computing: calls under way, each in a thread of its own that calls
    `begin` first; 0: one, in the caller's thread. reading, writing: threads that decode pictures, and write files.
    """

    at_once: int = 1
    computing: int = 0
    reading: int = 1
    writing: int = WRITERS
    begin: Callable[[], None] | None = None

    @classmethod
    def of(cls, engine: Engine, threads: int | None = None) -> "Pace":
        """Return what suits `engine`, where `threads` (None: as many as there are cores) may be used."""
        if engine.at_once == 1:
            return cls()
        cores = threads or os.cpu_count() or 1
        return cls(engine.at_once, _COMPUTING, min(cores, _READING), max(WRITERS, cores // 2), engine.begin_thread)


def embed_pictures(
    engine: Engine,
    padded: Sequence[NDArray[np.uint8]],
    rois: Sequence[NDArray[np.float32]],
    nr_rows: int | None = None,
) -> list[NDArray[np.float32]]:
    """Return (R, D) float32 for each `padded` picture (S, S, 3) and its `rois` (N, 4) x1 y1 x2 y2 in padded pixels.

    nr_rows: R, None for one row for each ROI. Rows from N on are filler: the embedding of the ROI 0 0 0 0, as the
    published step 3 wrote it.
    """
    real = [np.asarray(each, np.float32)[:nr_rows] for each in rois]
    filler = [np.zeros((int(nr_rows is not None and len(each) < nr_rows), 4), np.float32) for each in real]
    found = engine.embed(padded, [np.concatenate(pair) for pair in zip(real, filler, strict=True)])
    return [
        rows[np.minimum(np.arange(nr_rows or 0), len(each))] if len(more) else rows
        for rows, each, more in zip(found, real, filler, strict=True)
    ]


def embed_picture(
    engine: Engine, padded: NDArray[np.uint8], rois: NDArray[np.float32], nr_rows: int | None = None
) -> NDArray[np.float32]:
    """Return what `embed_pictures` does for one picture."""
    return embed_pictures(engine, [padded], [rois], nr_rows)[0]


def embed_dataset(
    records: Sequence[CntkRecord],
    outputs: Sequence[Path],
    compute: Callable[[Sequence[Read]], Sequence[Result]],
    write: Callable[[Path, Result], None],
    *,
    pad_size: int,
    tiling: Tiling | None = None,
    pace: Pace = Pace(),
) -> Iterator[float]:
    """Do `write(output, result)` with what `compute` returns for each of `records`; yield the seconds each took.

    compute: gets records, each with the picture as the network sees it, cut as `tiling` says, as many as `pace` says.
    The next pictures are decoded and the last ones are written while the network runs, so memory holds a few pictures
    however many there are.
    """
    with WriteBehind(pace.writing) as behind:
        start = time.perf_counter()
        of_all = computed(records, compute, pad_size=pad_size, tiling=tiling, pace=pace)
        for output, result in zip(outputs, of_all, strict=True):
            behind.call(write, output, result)
            yield time.perf_counter() - start
            start = time.perf_counter()


def computed(
    records: Sequence[CntkRecord],
    compute: Callable[[Sequence[Read]], Sequence[Result]],
    *,
    pad_size: int,
    tiling: Tiling | None = None,
    pace: Pace = Pace(),
) -> Iterator[Result]:
    """Yield what `compute` (see `embed_dataset`) gives for each of `records`; the next are decoded meanwhile."""

    def read(place: int) -> Read:
        return read_seen(records[place], pad_size, tiling)

    ahead = _AHEAD * pace.at_once * max(1, pace.computing)
    calls = _batches(in_order(read, range(len(records)), threads=pace.reading, ahead=ahead), pace.at_once)
    found = in_order(compute, calls, threads=pace.computing, ahead=pace.computing, begin=pace.begin)
    yield from chain.from_iterable(found)


def _batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def read_seen(record: CntkRecord, pad_size: int, tiling: Tiling | None = None) -> Read:
    """Return `record`, and its picture as the network sees it."""
    return record, SeenPicture.of(read_image(record.image_path), pad_size, tiling)
