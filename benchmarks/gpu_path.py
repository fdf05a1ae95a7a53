"""benchmarks/gpu.py: step 3 from JPEG files to npz files, whole and with parts left out."""

import contextlib
import dataclasses
import itertools
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from benchmarks.gpu_setting import CLASSES, Setting, wait
from fastRCNN.engines.torch_engine import _different
from fastRCNN.network.pooling import pooling_keys
from fastRCNN.pipeline import embed_dataset
from fastRCNN.pipeline.cntk_inputs import Chosen
from fastRCNN.pipeline.embed_dataset import Pace, read_seen
from fastRCNN.pipeline.embeddings import write_embeddings
from fastRCNN.pipeline.half_floats import narrowed
from fastRCNN.pipeline.picture_network import Found, NetworkRun, PictureNetwork
from fastRCNN.run_context import RunContext
from helpers.images import pad_to_square, read_image
from helpers.in_order import in_order

HEADERS = ["what", "precision", "pictures in a call", "pictures a second", "TFLOP/s", "of the limit", "npz, GB/s"]
_MOST = 100_000  # pictures of a measure
_FILES = 100  # for memory, which may be small
_MEMORY = Path("/dev/shm")
_ROOM = 4 << 30  # bytes


def threads(setting: Setting) -> Iterator[list[Any]]:
    """Rows of pictures through all threads against those of one call after the other on the same device."""
    yield ["precision", "pictures", "largest difference", "largest number"]
    count = min(len(setting.records), 48)
    for precision in ("float32", "bfloat16"):
        with PictureNetwork(_run(setting, precision)) as network:
            network.engine.at_once = _at_once(setting)
            options: Any = {"pad_size": setting.side, "pace": network.pace}
            found = list(embed_dataset.computed(setting.records[:count], network.compute, **options))
            read = [read_seen(setting.records[place], setting.side) for place in range(count)]
            size = network.engine.at_once
            expected = [one for start in range(0, count, size) for one in network.compute(read[start : start + size])]
        apart = [np.abs(a - b).max() for (_, a), (_, b) in zip(found, expected, strict=True)]
        yield [precision, count, f"{max(apart):.1e}", f"{max(rows.max() for _, rows in expected):.1e}"]


def path(setting: Setting) -> Iterator[list[Any]]:
    """One picture at a time against the default number."""
    yield HEADERS
    for precision in ("bfloat16", "float32"):
        for at_once in (_at_once(setting), 1):
            yield _row(setting, "from disk to disk", precision, at_once)


def other_numbers(setting: Setting) -> Iterator[list[Any]]:
    """Other numbers of pictures in a call."""
    yield HEADERS
    for at_once in (4, 32) if setting.device.type == "cuda" else (2,):
        yield _row(setting, "from disk to disk", "bfloat16", at_once)
    for reading in (2, 8):
        yield _row(setting, f"{reading} threads read, nothing written", "bfloat16", _at_once(setting), writes=False,
                   reading=reading)  # fmt: skip
    for writing in (4, 16):
        yield _row(setting, f"{writing} threads write", "bfloat16", _at_once(setting), writing=writing)


def without(setting: Setting) -> Iterator[list[Any]]:
    """Parts left out in turn."""
    at_once, precision = _at_once(setting), "bfloat16"
    in_memory = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM and setting.device.type == "cuda"
    yield HEADERS
    with _decoded_before(setting):
        yield _row(setting, "decoded before, nothing written", precision, at_once, writes=False)
        yield _row(setting, "decoded before", precision, at_once)
    yield _row(setting, "nothing written", precision, at_once, writes=False)
    if in_memory:
        folder = _MEMORY / f"gpu-{os.getpid()}"
        try:
            yield _row(setting, "files in memory (/dev/shm)", precision, at_once, folder=folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    with _decoded_before(setting):
        yield _row(setting, "decoded before, nothing written", "float32", at_once, writes=False)


def readers(setting: Setting) -> Iterator[list[Any]]:
    """Reading alone, by threads that share Python's lock: records, pictures, and both as step 3 reads them."""
    yield ["what is read", "threads", "pictures a second", "cores busy", "of them in the system"]
    paths = [record.image_path for record in setting.records[:32]] * (len(setting.records) // 32 + 1)
    parts: dict[str, Callable[[int], object]] = {
        "records and pictures": lambda place: read_seen(setting.records[place], setting.side),
        "pictures": lambda place: read_image(paths[place]),
        "records": lambda place: setting.records[place],
    }
    for name, read in parts.items():
        for threads in (0, 1, 2, 3, 4, 8, 16) if read is parts["records and pictures"] else (1, 4, 16):
            found, count = in_order(read, _around(len(setting.records)), threads=threads, ahead=64), 0
            next(found)
            start, before = time.perf_counter(), os.times()
            with contextlib.closing(found):
                while time.perf_counter() - start < setting.seconds / 4:
                    next(found)
                    count += 1
                passed, after = time.perf_counter() - start, os.times()
            busy = [(after[i] - before[i]) / passed for i in (0, 1)]
            yield [name, threads, f"{count / passed:.0f}", f"{sum(busy):.1f}", f"{busy[1]:.1f}"]


def _around(count: int) -> Iterator[int]:
    return (number % count for number in itertools.count())


def host(setting: Setting) -> Iterator[list[Any]]:
    """What one core does for a picture, each part by itself; and all writers together."""
    record, spec = setting.records[0], setting.network.spec
    image = read_image(record.image_path)
    rois = record.absolute_rois(setting.side)
    rows = np.random.default_rng(0).random((setting.rois, spec.feature_dimension), np.float32)
    halves, file = narrowed(rows), setting.folder / "host.npz"
    parts: dict[str, Callable[[], object]] = {
        "read ROIs from step 2's files": lambda: setting.records[0],
        "decode the JPEG": lambda: read_image(record.image_path),
        "scale and pad it": lambda: pad_to_square(image, setting.side),
        "find the different ROIs": lambda: _different(pooling_keys(spec, rois)),
        "float32 to float16": lambda: narrowed(rows),
        "write the npz": lambda: write_embeddings(file, halves),
    }
    yield ["what", "one core", "unit"]
    for name, call in parts.items():
        yield [name, f"{1000 * _mean(call, setting.seconds / 8):.2f}", "ms"]
    writers = Pace.of(_Several(), setting.jobs).writing
    for what, write in (
        ("npz files", lambda path: write_embeddings(path, halves)),
        ("plain files, flushed", lambda path: _write_plainly(path, halves)),
        ("plain files, not flushed", lambda path: path.write_bytes(halves.data)),
    ):
        rate = _rate_of_writers(write, setting.folder, writers, setting.seconds / 2) * halves.nbytes / 1e9
        yield [f"{what}, written by {writers} threads", f"{rate:.2f}", "GB/s"]


def _rate_of_writers(write: Callable[[Path], object], folder: Path, writers: int, seconds: float) -> float:
    """Return how many files a second so many threads write that call `write`, eight names each."""
    end = time.perf_counter() + seconds

    def some(number: int) -> int:
        count = 0
        while time.perf_counter() < end:
            write(folder / f"host-{number}-{count % 8}.npz")
            count += 1
        return count

    start = time.perf_counter()
    with ThreadPoolExecutor(writers) as pool:
        done = sum(pool.map(some, range(writers)))
    passed = time.perf_counter() - start
    for left in folder.glob("host*.npz"):
        left.unlink()
    return done / passed


def _write_plainly(path: Path, array: NDArray[Any]) -> None:
    """Write the numbers alone, and wait for the disk."""
    with path.open("wb") as file:
        file.write(array.data)
        file.flush()
        os.fsync(file.fileno())


class _Several:
    """What `Pace.of` asks of an engine that takes several pictures."""

    at_once = 2

    def begin_thread(self) -> None:
        """Nothing to do."""


def _at_once(setting: Setting) -> int:
    return 16 if setting.device.type == "cuda" else 4


def _run(setting: Setting, precision: str) -> NetworkRun:
    context = RunContext(device=setting.device.type, threads=setting.jobs, pad_size=setting.side, precision=precision)
    return NetworkRun(setting.artifacts, "svm", CLASSES, context, kind="float16")


def _row(
    setting: Setting,
    what: str,
    precision: str,
    at_once: int,
    *,
    writes: bool = True,
    folder: Path | None = None,
    **changes: int,
) -> list[Any]:
    """Run step 3's part for `setting.seconds` behind its start; changes: of its `Pace`."""
    total = len(setting.records)
    files = min(total, _FILES) if folder else total
    target = folder or setting.folder / "written"
    places = [number % total for number in range(_MOST)]
    outputs = [target / f"{number % files}.dat.npz" for number in range(_MOST)]
    count, bytes_of_one = 0, setting.rois * setting.network.spec.feature_dimension * 2
    with PictureNetwork(_run(setting, precision)) as network:
        network.engine.at_once = at_once
        pace = dataclasses.replace(network.pace, **changes)

        def write(output: Path, found: Found) -> None:
            if writes:
                network.write((output,), found)

        done = embed_dataset.embed_dataset(
            Chosen(setting.records, places), outputs, network.compute, write, pad_size=setting.side, pace=pace
        )
        started = None
        with contextlib.closing(done):
            for number, _ in enumerate(done):
                now = time.perf_counter()
                if started is None and (number + 1) % at_once == 0 and number + 1 >= max(8, 4 * at_once):
                    started = now
                elif started is not None:
                    count += 1
                    if now - started > setting.seconds and count % at_once == 0:
                        break
        wait(setting.device)
        assert started is not None
        rate = count / (now - started)
    flop = setting.flop_of(rate)
    return [what, precision, at_once, f"{rate:.1f}", f"{flop / 1e12:.2f}", setting.of_limit(flop, precision),
            f"{rate * bytes_of_one / 1e9:.2f}" if writes else "-"]  # fmt: skip


@contextlib.contextmanager
def _decoded_before(setting: Setting) -> Iterator[None]:
    """Records and pictures come from memory while this is open."""
    count = min(len(setting.records), 32)
    read = [read_seen(setting.records[place], setting.side) for place in range(count)]
    lock, number = threading.Lock(), [0]

    def from_memory(*_: Any) -> Any:
        with lock:
            number[0] += 1
            return read[number[0] % count]

    with (
        mock.patch.object(embed_dataset, "read_seen", from_memory),
        mock.patch.object(Chosen, "__getitem__", lambda self, place: None),
    ):
        yield


def _mean(call: Callable[[], object], least: float) -> float:
    """Return the seconds of a call, the first one left out."""
    call()
    count, start = 0, time.perf_counter()
    while count < 3 or time.perf_counter() - start < least:
        call()
        count += 1
    return (time.perf_counter() - start) / count
