"""The embeddings of all pictures of an image set: reading, computing and writing overlap.

Letters in shapes: R rows in a file, N real ROIs of a picture, D features.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fastRCNN.engines import Engine
from fastRCNN.pipeline.cntk_inputs import CntkRecord
from fastRCNN.pipeline.embeddings import write_embeddings
from helpers.images import pad_to_square, read_image

_AHEAD = 2  # pictures that are read while one is being computed
_BEHIND = 2  # pictures that are written meanwhile: most of that is waiting until the disk has them


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
    engine: Engine,
    records: Sequence[CntkRecord],
    outputs: Sequence[Path],
    *,
    pad_size: int,
    nr_rows: int | None = None,
    write: Callable[[Path, NDArray[np.float32]], None] = write_embeddings,
) -> Iterator[float]:
    """Write the embeddings of each of `records` to its file in `outputs`; yield the seconds each picture took.

    nr_rows: see `embed_picture`.

    The next pictures are decoded and the last ones are written while the network runs, so memory holds a few pictures
    however many there are.
    """
    with ThreadPoolExecutor(1) as readers, ThreadPoolExecutor(_BEHIND) as writers:
        ahead = [readers.submit(_read_padded, record.image_path, pad_size) for record in records[:_AHEAD]]
        writing: deque[Future[None]] = deque()
        for position, record in enumerate(records):
            start = time.perf_counter()
            if position + _AHEAD < len(records):
                ahead.append(readers.submit(_read_padded, records[position + _AHEAD].image_path, pad_size))
            rows = embed_picture(engine, ahead.pop(0).result(), record.absolute_rois(pad_size), nr_rows)
            if len(writing) == _BEHIND:
                writing.popleft().result()  # raises what went wrong in writing, and bounds the memory
            writing.append(writers.submit(write, outputs[position], rows))
            yield time.perf_counter() - start
        for written in writing:
            written.result()


def _read_padded(path: Path, pad_size: int) -> NDArray[np.uint8]:
    return pad_to_square(read_image(path), pad_size)[0]
