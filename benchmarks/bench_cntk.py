"""Time per picture and memory of the two engines side by side, CNTK 2.7 and PyTorch: same network, picture and ROIs.

  python benchmarks/bench_cntk.py [--rois 200 2000] [--threads 2] [--repeat 5] [--weights FILE]

Each engine runs in a process of its own; they take turns, and the median of `--repeat` turns after a first one counts.
Memory is the most that the process ever held. Random ROIs of every size; needs resources/install_cntk.py.
"""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fastRCNN.alexnet import Network, he_initialised, load_network
from fastRCNN.engines.cntk_engine import CntkEngine
from fastRCNN.engines.torch_engine import TorchEngine
from helpers.console import run_script, table

SIDE = 1000  # pixels of the padded picture, as in the tutorial
_state: dict[str, Any] = {}  # of the PyTorch process


def main() -> None:
    """Run the benchmark and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rois", type=int, nargs="+", default=[200, 2000])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--weights", type=Path, help="a weight file; default: random filters of CNTK's shape")
    given = parser.parse_args()
    picture = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    rows = []
    for count in given.rois:  # fresh processes for each: the memory is that of this number
        rois = random_rois(count)
        arguments = (given.weights, given.threads)
        with (
            ProcessPoolExecutor(1, get_context("spawn"), start_torch, arguments) as torch_process,
            CntkEngine(network(given.weights), threads=given.threads) as cntk,
        ):
            times: dict[str, list[float]] = {"cntk": [], "torch": []}
            for _ in range(given.repeat + 1):
                start = time.perf_counter()
                theirs = cntk.embed(picture, rois)
                times["cntk"].append(time.perf_counter() - start)
                ours, seconds = torch_process.submit(embed_torch, picture, rois).result()
                times["torch"].append(seconds)
            memory = {"cntk": peak_mib(cntk.process.pid), "torch": torch_process.submit(peak_mib).result()}
        difference = np.abs(ours - theirs).max() / np.abs(theirs).max()
        median = {name: float(np.median(values[1:])) for name, values in times.items()}
        for name in ("cntk", "torch"):
            ratio = median["cntk"] / median[name]
            rows.append(
                (name, count, f"{median[name]:.2f}", f"{ratio:.1f}", f"{memory[name]:.0f}", f"{difference:.0e}")
            )
    print(table(("engine", "ROIs", "s per picture", "times as fast", "MiB at most", "difference"), rows))


def network(weights: Path | None) -> Network:
    """Return the network to run."""
    return load_network(weights) if weights else he_initialised(0)


def random_rois(count: int) -> np.ndarray:
    """Return (count, 4) float32 ROIs of all sizes inside the picture."""
    corners = np.random.default_rng(1).integers(0, SIDE, (count, 2, 2))
    return np.sort(corners, axis=1).reshape(count, 4).astype(np.float32)


def start_torch(weights: Path | None, threads: int) -> None:
    """Load the engine of the PyTorch process."""
    _state["engine"] = TorchEngine(network(weights), device="cpu", threads=threads)


def embed_torch(picture: np.ndarray, rois: np.ndarray) -> tuple[np.ndarray, float]:
    """Embed in the PyTorch process; return the embeddings and the seconds."""
    start = time.perf_counter()
    embedded = _state["engine"].embed(picture, rois)
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
