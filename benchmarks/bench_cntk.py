"""Time per picture and memory side by side: CNTK 2.7, and our PyTorch engine in float32 and as step 3 runs by default.

  python benchmarks/bench_cntk.py [--rois 200 2000] [--threads 2] [--repeat 5] [--weights FILE]

All with the same network (random filters of CNTK's shape, fc6 and fc7 in full, unless --weights names another), picture
and ROIs; one row more for the default with the bundled network, which is what a user gets. Each runs in a process of
its own; they take turns, and the median of `--repeat` turns after a first one counts. Memory is the most that the
process ever held. "difference": from CNTK's numbers, the largest relative to the largest number. Random ROIs of every
size; needs resources/install_cntk.py.
"""

import argparse
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.timing import markdown_table, summary
from fastRCNN.alexnet import Network, he_initialised, load_network
from fastRCNN.engines.cntk_engine import CntkEngine
from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.precision import choose_precision
from helpers.console import run_script
from helpers.parameters import BUNDLED_MODEL, REPOSITORY

SIDE = 1000  # pixels of the padded picture, as in the tutorial
CNTK, OTHER_NETWORK = "CNTK 2.7", ", bundled network"
Timed = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, float]]  # picture, ROIs -> embeddings, seconds
_state: dict[str, Any] = {}  # of a PyTorch process


def main() -> None:
    """Run the benchmark and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rois", type=int, nargs="+", default=[200, 2000])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--weights", type=Path, help="a weight file; default: random filters of CNTK's shape")
    given = parser.parse_args()
    rows = []
    for count in given.rois:  # fresh processes for each: the memory is that of this number
        for name, seconds, times_as_fast, mib, difference in measure(count, given):
            rows.append([name, count, f"{seconds:.3f}", f"{times_as_fast:.1f}", f"{mib:.0f}", difference])
            if name != CNTK:
                print(summary(f"embeddings, {count} ROIs, {name}", f"{CNTK}: {rows_seconds(rows, count)} s",
                              f"{seconds:.3f} s", f"{times_as_fast:.1f}"))  # fmt: skip
    print(markdown_table(["engine", "ROIs", "s per picture", "times as fast", "MiB at most", "difference"], rows))


def measure(count: int, given: argparse.Namespace) -> list[tuple[str, float, float, float, str]]:
    """Return for each engine: name, seconds for `count` ROIs, times as fast as CNTK, MiB, difference from CNTK."""
    picture = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    rois = random_rois(count)
    default = choose_precision("auto", device="cpu")
    ours = {
        "float32": (given.weights, "float32"),
        f"default ({default})": (given.weights, default),
        f"default{OTHER_NETWORK}": (REPOSITORY / BUNDLED_MODEL, default),
    }
    with ExitStack() as stack:
        cntk = stack.enter_context(CntkEngine(network(given.weights), threads=given.threads))
        programs: dict[str, Timed] = {CNTK: lambda *inputs: timed(cntk.embed, *inputs)}
        pools = {}
        for name, (weights, precision) in ours.items():
            arguments = (weights, given.threads, precision)
            pools[name] = stack.enter_context(ProcessPoolExecutor(1, get_context("spawn"), start_torch, arguments))
            programs[name] = lambda *inputs, pool=pools[name]: pool.submit(embed_torch, *inputs).result()
        seconds: dict[str, list[float]] = {name: [] for name in programs}
        found = {}
        for _ in range(given.repeat + 1):
            for name, program in programs.items():
                found[name], passed = program(picture, rois)
                seconds[name].append(passed)
        memory = {CNTK: peak_mib(cntk.process.pid)}
        memory |= {name: pool.submit(peak_mib).result() for name, pool in pools.items()}
    median = {name: float(np.median(values[1:])) for name, values in seconds.items()}
    largest = np.abs(found[CNTK]).max()
    return [
        (name, median[name], median[CNTK] / median[name], memory[name],
         "" if OTHER_NETWORK in name else f"{np.abs(found[name] - found[CNTK]).max() / largest:.0e}")
        for name in programs
    ]  # fmt: skip


def rows_seconds(rows: list[list[Any]], count: int) -> str:
    """Return CNTK's seconds for `count` ROIs as they stand in the table's rows."""
    return next(row[2] for row in rows if row[:2] == [CNTK, count])


def network(weights: Path | None) -> Network:
    """Return the network to run."""
    return load_network(weights) if weights else he_initialised(0)


def random_rois(count: int) -> np.ndarray:
    """Return (count, 4) float32 ROIs of all sizes inside the picture."""
    corners = np.random.default_rng(1).integers(0, SIDE, (count, 2, 2))
    return np.sort(corners, axis=1).reshape(count, 4).astype(np.float32)


def start_torch(weights: Path | None, threads: int, precision: str) -> None:
    """Load the engine of a PyTorch process."""
    _state["engine"] = TorchEngine(network(weights), device="cpu", threads=threads, precision=precision)


def embed_torch(picture: np.ndarray, rois: np.ndarray) -> tuple[np.ndarray, float]:
    """Embed in a PyTorch process; return the embeddings and the seconds."""
    return timed(_state["engine"].embed, picture, rois)


def timed(embed: Callable[..., np.ndarray], *inputs: np.ndarray) -> tuple[np.ndarray, float]:
    """Return what `embed` makes of `inputs`, and the seconds it took."""
    start = time.perf_counter()
    embedded = embed(*inputs)
    return embedded, time.perf_counter() - start


def peak_mib(pid: int | str = "self") -> float:
    """Return the most memory that a process ever held, in MiB (Linux)."""
    status = Path(f"/proc/{pid}/status")
    if not status.is_file():
        return float("nan")
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    return int(fields["VmHWM"].split()[0]) / 1024


if __name__ == "__main__":
    run_script(main)
