"""What each network costs: seconds of processor for a picture and its ROIs, and memory.

    python benchmarks/trunk_costs.py resources/cntk/AlexNet.npz resources/cntk/efficientnet-lite0.npz ...

Each network runs in a process of its own, on noise, float32, on the CPU: the trunk on one picture, then the head on its
ROIs; medians of three after one to warm up. Seconds of processor, all threads together, are what a busy machine changes
least. A number behind a comma is the side of the padded picture:
resources/cntk/efficientnet-lite0.npz,640. Weights may be random: they cost the same.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from benchmarks.timing import markdown_table  # noqa: E402
from fastRCNN.network.network import load_network  # noqa: E402

REPEATS = 3


def main() -> int:
    """Measure each network, or, with --one, this one and print it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="+", metavar="FILE[,SIDE]", help="weight files")
    parser.add_argument("--rois", type=int, default=300)
    parser.add_argument("--side", type=int, default=1000, help="of the padded picture, where none is given")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(*split(options.networks[0], options.side), options.rois)))
        return 0
    rows = []
    for each in options.networks:
        command = [sys.executable, __file__, "--one", "--rois", str(options.rois), "--side", str(options.side), each]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found = json.loads(done.stdout)
        rows.append([
            Path(each.split(",")[0]).stem, found["side"], found["features"], f"{found['megabytes']:.1f}",
            f"{found['trunk']:.2f}", f"{found['head']:.2f}", f"{found['peak']:.0f}",
        ])  # fmt: skip
    heads = ["network", "picture", "features", "weights, MB", "trunk, s", f"{options.rois} ROIs, s", "memory, MB"]
    print(markdown_table(heads, rows))
    return 0


def split(text: str, side: int) -> tuple[Path, int]:
    """Return path and side of "path" or "path,side"."""
    path, _, given = text.partition(",")
    return Path(path), int(given or side)


def measure(path: Path, side: int, rois: int) -> dict[str, float]:
    """Return seconds of processor of trunk and head, features of a ROI, MB of weights, MB of memory at most."""
    from fastRCNN.engines import load_engine

    network, rng = load_network(path), np.random.default_rng(0)
    picture = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
    corners = rng.integers(0, side, (rois, 2, 2))
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1).astype(np.float32)
    trunk, head = [], []
    with load_engine("torch", network, device="cpu") as engine:
        for _ in range(1 + REPEATS):
            start = time.process_time()
            maps = engine.feature_map([picture])
            middle = time.process_time()
            engine.head(maps, [boxes])
            trunk.append(middle - start)
            head.append(time.process_time() - middle)
    return {
        "side": side, "features": network.spec.feature_dimension,
        "megabytes": sum(4 * np.prod(shape) for shape in network.spec.weight_shapes().values()) / 1e6,
        "trunk": statistics.median(trunk[1:]), "head": statistics.median(head[1:]),
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
