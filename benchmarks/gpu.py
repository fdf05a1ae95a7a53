"""What a GPU does with this project: its limits, step 3 from JPEG files to npz files, and training, against each other.

    .venv/bin/python benchmarks/gpu.py [--seconds 1] [--within 60] [--pictures 300] [--out gpu.json] [--parts ...]

The parts, in this order; each prints its table row by row, and the JSON file grows with it:

    agreement   the largest difference between numbers of the GPU, of several pictures at once, and of the CPU
    pooling     the same of pooling alone, bit for bit
    threads     the same of step 3 with all its threads, against the same network one call after the other
    limits      the chip: matrix products of 8192 x 8192, copies on it and to it
    network     the network alone, on numbers that are there: trunk, pooling, head
    path        step 3 end to end, by pictures in a call: pictures decoded from disk, files of float16 written
    without     the same with parts left out: pictures decoded before, nothing written, files written to memory
    readers     reading alone, by the number of threads
    host        what one core does for a picture, in milliseconds, and how fast files reach the disk
    nn          training of the head on ROIs          faster      training of Faster R-CNN
    path2       step 3 with other numbers of pictures in a call

Pictures are those of data/grocery, hard links of them as often as needed, in a square of 1000 pixels; ROIs are drawn at
random, 4 to 40 % of the side, so that nearly all are different. The floating point operations are counted from the
layers' shapes; "of the limit" divides by the matrix product of the same precision, measured in the same run. One
picture at a time means one after the other, as on a CPU: one thread reads, two write. Without a GPU it runs on the CPU.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from helpers.threads import wait_without_spinning

wait_without_spinning()

import torch  # noqa: E402

from benchmarks import gpu_network, gpu_path, gpu_training  # noqa: E402
from benchmarks.gpu_setting import Setting, make_setting  # noqa: E402
from benchmarks.timing import markdown_table  # noqa: E402

PARTS: dict[str, Callable[[Setting], Iterator[list[Any]]]] = {  # each gives the heads of its columns, then its rows
    "agreement": gpu_network.agreement,
    "pooling": gpu_network.pooling,
    "threads": gpu_path.threads,
    "limits": gpu_network.limits,
    "network": gpu_network.network_alone,
    "path": gpu_path.path,
    "without": gpu_path.without,
    "readers": gpu_path.readers,
    "host": gpu_path.host,
    "nn": gpu_training.nn,
    "faster": gpu_training.faster,
    "path2": gpu_path.other_numbers,
}


@dataclass
class Report:
    """What has been measured, on the screen and in `path` (JSON), as it goes."""

    path: Path | None
    found: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, values: Any) -> None:
        """Enter `values`."""
        self.found[name] = values
        if self.path:
            self.path.write_text(json.dumps(self.found, indent=1, default=str), encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the parts that are asked for; 1 where one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measure, behind its start")
    parser.add_argument("--within", type=float, default=60.0, help="seconds after which no further part is begun")
    parser.add_argument("--pictures", type=int, default=300)
    parser.add_argument("--rois", type=int, default=2000, help="of each picture")
    parser.add_argument("--side", type=int, default=1000, help="of the padded square, pixels")
    parser.add_argument("--network", type=Path, help="a weight file; default: the bundled one")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--jobs", type=int, default=0, help="threads that read and write; default: the cores")
    parser.add_argument("--folder", type=Path, help="for pictures and files; default: the system's temporary folder")
    parser.add_argument("--out", type=Path, help="a JSON file for the numbers")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS), metavar="PART")
    options = parser.parse_args(argv)
    begin, failed, report = time.perf_counter(), 0, Report(options.out)
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="gpu-") as folder:
        setting = make_setting(options, Path(folder))
        report.add("machine", machine(setting))
        print(f"{report.found['machine']}\n", flush=True)
        for name in options.parts:
            start = time.perf_counter()
            if start - begin > options.within:
                print(f"{name}: left out, {options.within:g} seconds are over\n", flush=True)
                continue
            print(f"{name}\n", flush=True)
            rows: list[dict[str, Any]] = []
            try:
                part = PARTS[name](setting)
                heads = next(part)
                print(markdown_table(heads, []), flush=True)
                for row in part:
                    print(markdown_table(row, []).splitlines()[0], flush=True)
                    rows.append(dict(zip(heads, row, strict=True)))
                    report.add(name, rows)
            except Exception:  # one part that fails must not cost the others their turn
                failed = 1
                traceback.print_exc(file=sys.stdout)
                report.add(f"{name}: failed", traceback.format_exc())
            print(f"\n{time.perf_counter() - start:.1f} s\n", flush=True)
    print(f"{time.perf_counter() - begin:.1f} s in all", flush=True)
    return failed


def machine(setting: Setting) -> dict[str, Any]:
    """Return what it was measured on."""
    chip = torch.cuda.get_device_name() if setting.device.type == "cuda" else platform.processor() or "CPU"
    return {
        "device": chip, "torch": torch.__version__, "cuda": torch.version.cuda, "python": platform.python_version(),
        "cores": os.cpu_count(), "jobs": setting.jobs,
        "pictures": len(setting.records), "rois": setting.rois, "side": setting.side,
        "trunk GFLOP": round(setting.flop[0] / 1e9, 2), "head GFLOP a ROI": round(setting.flop[1] / 1e9, 4),
        "different ROIs": round(setting.different),
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
