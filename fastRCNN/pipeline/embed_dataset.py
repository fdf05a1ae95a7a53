"""The network's numbers for all pictures of an image set: reading, computing and writing overlap.

Letters in shapes: S side of the padded square, R rows in a file, N real ROIs of a picture, D features.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fastRCNN.boxes.tiles import Tiling
from fastRCNN.engines import Engine
from fastRCNN.pipeline.cntk_inputs import CntkRecord
from fastRCNN.pipeline.seen_picture import SeenPicture
from helpers.images import read_image
from helpers.write_behind import WriteBehind

Result = TypeVar("Result")
_AHEAD = 2  # pictures that are read while one is being computed


def embed_picture(
    engine: Engine, padded: NDArray[np.uint8], rois: NDArray[np.float32], nr_rows: int | None = None
) -> NDArray[np.float32]:
    """Return (R, D) float32 for a `padded` picture (S, S, 3) and its `rois` (N, 4) x1 y1 x2 y2 in padded pixels.

    nr_rows: R, None for one row for each ROI. Rows from N on are filler: the embedding of the ROI 0 0 0 0, as the
    published step 3 wrote it.
    """
    rois = np.asarray(rois, np.float32)[:nr_rows]
    if nr_rows is None or nr_rows == len(rois):
        return engine.embed([padded], [rois])[0]
    (embedded,) = engine.embed([padded], [np.concatenate([rois, np.zeros((1, 4), np.float32)])])
    return embedded[np.minimum(np.arange(nr_rows), len(rois))]


def embed_dataset(
    records: Sequence[CntkRecord],
    outputs: Sequence[Path],
    compute: Callable[[CntkRecord, SeenPicture], Result],
    write: Callable[[Path, Result], None],
    *,
    pad_size: int,
    tiling: Tiling | None = None,
) -> Iterator[float]:
    """Do `write(output, compute(record, seen))` for each of `records`; yield the seconds each picture took.

    seen: the picture as the network sees it, cut as `tiling` says. The next pictures are decoded and the last ones are
    written while the network runs, so memory holds a few pictures however many there are.
    """
    with WriteBehind() as behind:
        start = time.perf_counter()
        of_all = computed(records, compute, pad_size=pad_size, tiling=tiling)
        for output, result in zip(outputs, of_all, strict=True):
            behind.call(write, output, result)
            yield time.perf_counter() - start
            start = time.perf_counter()


def computed(
    records: Sequence[CntkRecord],
    compute: Callable[[CntkRecord, SeenPicture], Result],
    *,
    pad_size: int,
    tiling: Tiling | None = None,
) -> Iterator[Result]:
    """Yield what `compute` (see `embed_dataset`) gives for each of `records`; the next are decoded meanwhile."""
    with ThreadPoolExecutor(1) as readers:
        first = range(min(_AHEAD, len(records)))
        ahead = deque(readers.submit(_read, records, place, pad_size, tiling) for place in first)
        for position in range(len(records)):
            if position + _AHEAD < len(records):
                ahead.append(readers.submit(_read, records, position + _AHEAD, pad_size, tiling))
            yield compute(*ahead.popleft().result())


def _read(
    records: Sequence[CntkRecord], place: int, pad_size: int, tiling: Tiling | None
) -> tuple[CntkRecord, SeenPicture]:
    return read_seen(records[place], pad_size, tiling)


def read_seen(record: CntkRecord, pad_size: int, tiling: Tiling | None = None) -> tuple[CntkRecord, SeenPicture]:
    """Return `record`, and its picture as the network sees it."""
    return record, SeenPicture.of(read_image(record.image_path), pad_size, tiling)
