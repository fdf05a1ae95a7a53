"""Time per picture and memory side by side: CNTK 2.7, and our PyTorch engine in float32 and as step 3 runs by default.

  python benchmarks/bench_cntk.py [--rois 200 2000] [--threads 2] [--repeat 5] [--weights FILE]

Two networks: "full" has fc6 and fc7 in full, as the tutorial's (random filters, unless --weights names another);
"bundled" is what a user gets, with thinner layers. Each engine runs in a process of its own, with the same picture and
ROIs. They take turns, each twice, of which the second counts; of `--repeat` turns after a first one, the median counts.
Memory is the most that the process ever held. "difference": from CNTK's numbers, the largest relative to the largest
number. Random ROIs of every size; needs resources/install_cntk.py.
"""

import argparse
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.timing import markdown_table, summary
from fastRCNN.engines import Engine
from fastRCNN.engines.cntk_engine import CntkEngine
from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.network.alexnet import he_initialised
from fastRCNN.network.network import Network, load_network
from fastRCNN.network.precision import choose_precision
from helpers.console import run_script
from helpers.parameters import BUNDLED_MODEL, REPOSITORY

SIDE = 1000  # pixels of the padded picture, as in the tutorial
SPIN = 0.3  # seconds: the threads of the one before stay on their cores for some 0.2 s, waiting for more work
CNTK = "CNTK 2.7"
Timed = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, float]]  # picture, ROIs -> embeddings, seconds
_state: dict[str, Any] = {}  # of a PyTorch process


class Cost(NamedTuple):
    """Seconds per picture, the process's memory at most, and the difference from CNTK's numbers."""

    seconds: float
    mib: float
    difference: str


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
        costs = measure(count, given)
        tutorials = costs["full", CNTK].seconds
        for (shape, engine), cost in costs.items():
            same = costs[shape, CNTK].seconds
            times = [f"{seconds / cost.seconds:.1f}" for seconds in (same, tutorials)]
            rows.append([shape, engine, count, f"{cost.seconds:.3f}", *times, f"{cost.mib:.0f}", cost.difference])
            if engine != CNTK:
                print(summary(f"embeddings, {shape} network, {count} ROIs, {engine}", f"{CNTK}: {same:.3f} s",
                              f"{cost.seconds:.3f} s", times[0]))  # fmt: skip
        shipped = list(costs.values())[-1].seconds
        print(summary(f"embeddings, {count} ROIs, default with the bundled network",
                      f"{CNTK}, full network: {tutorials:.3f} s", f"{shipped:.3f} s",
                      f"{tutorials / shipped:.1f}"))  # fmt: skip
    headers = ["network", "engine", "ROIs", "s per picture", "times CNTK", "times CNTK with the full network",
               "MiB at most", "difference"]  # fmt: skip
    print(markdown_table(headers, rows))


def measure(count: int, given: argparse.Namespace) -> dict[tuple[str, str], Cost]:
    """Return what embedding `count` ROIs costs, by network and engine."""
    picture = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    rois = random_rois(count)
    default = choose_precision("auto", device="cpu")
    engines = {"float32": "float32", f"default ({default})": default}
    programs: dict[tuple[str, str], Timed] = {}
    memory: dict[tuple[str, str], Callable[[], float]] = {}
    with ExitStack() as stack:
        for shape, weights in (("full", given.weights), ("bundled", REPOSITORY / BUNDLED_MODEL)):
            cntk = stack.enter_context(CntkEngine(network(weights), threads=given.threads))
            programs[shape, CNTK] = lambda *inputs, engine=cntk: timed(engine, *inputs)
            memory[shape, CNTK] = lambda engine=cntk: peak_mib(engine.process.pid)
            for name, precision in engines.items():
                arguments = (weights, given.threads, precision)
                pool = stack.enter_context(ProcessPoolExecutor(1, get_context("spawn"), start_torch, arguments))
                programs[shape, name] = lambda *inputs, pool=pool: pool.submit(embed_torch, *inputs).result()
                memory[shape, name] = lambda pool=pool: pool.submit(peak_mib).result()
        seconds: dict[tuple[str, str], list[float]] = {key: [] for key in programs}
        found = {}
        for _ in range(given.repeat + 1):
            for key, program in programs.items():
                time.sleep(SPIN)
                program(picture, rois)  # warm again, as in the middle of a data set
                found[key], passed = program(picture, rois)
                seconds[key].append(passed)
        held = {key: of_process() for key, of_process in memory.items()}
    costs = {}
    for key in programs:
        theirs = found[key[0], CNTK]
        difference = np.abs(found[key] - theirs).max() / np.abs(theirs).max()
        costs[key] = Cost(float(np.median(seconds[key][1:])), held[key], f"{difference:.0e}")
    return costs


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
    return timed(_state["engine"], picture, rois)


def timed(engine: Engine, picture: np.ndarray, rois: np.ndarray) -> tuple[np.ndarray, float]:
    """Return what `engine` makes of a picture's ROIs, and the seconds it took."""
    start = time.perf_counter()
    (embedded,) = engine.embed([picture], [rois])
    return embedded, time.perf_counter() - start


def peak_mib(pid: int | str = "self") -> float:
    """Return the most memory that a process ever held, in MiB (Linux)."""
    status = Path(f"/proc/{pid}/status")
    if not status.is_file():
        return float("nan")
    fields = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines() if ":" in line)
    return int(fields["VmHWM"].split()[0]) / 1024


if __name__ == "__main__":
    run_script(main)
