"""Times steps 1 to 5, each as its own process, on a data set; and how they grow with ROIs, pictures and classes.

    .venv/bin/python benchmarks/bench_steps.py [--rois 200 2000] [--rounds 3] [--root DIR] [--dataset grocery]
    .venv/bin/python benchmarks/bench_steps.py --growth [--rounds 1]

The steps run in a temporary folder, from nothing; the data set is only read. A first run, not timed, compiles what is
not compiled yet. Medians. The published figures were recorded on another day, on two cores of the same kind: CNTK 2.7
and the published code, 30 pictures. So 30 pictures of the data set are taken: some are left out, or taken twice.
Not on Windows, which does not tell a process's processor time and memory.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from benchmarks.timing import growth_table, markdown_table, summary  # noqa: E402
from helpers.annotations import boxes_path, labels_path, read_labels  # noqa: E402
from helpers.errors import UserError  # noqa: E402
from helpers.images import find_images  # noqa: E402

STEPS = (
    "1_computeRois.py",
    "2_cntkGenerateInputs.py",
    "3_runCntk.py",
    "4_trainSvm.py",
    "5_evaluateResults.py",
    "5_visualizeResults.py",
)
PICTURES = 30  # as the published figures had
PUBLISHED = {200: 86.0, 2000: 310.0}  # seconds for steps 1 to 5


class Cost(NamedTuple):
    """What one process took: seconds that passed, seconds of processor (all threads), and its peak of memory."""

    wall: float
    processor: float
    mebibytes: float


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rois", type=int, nargs="+", default=[200, 2000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--root", type=Path, default=REPOSITORY, help="folder with data/<dataset>")
    parser.add_argument("--dataset", default="grocery")
    parser.add_argument("--growth", action="store_true", help="three sizes each of ROIs, pictures and classes instead")
    options = parser.parse_args()
    data = options.root.resolve() / "data" / options.dataset
    with temporary_root(data) as root:
        run_steps(root, data.name, 50)
    if options.growth:
        growth(data, options.rounds)
    else:
        totals(data, options.rois, options.rounds)


def totals(data: Path, all_rois: Sequence[int], rounds: int) -> None:
    """Print what each step takes, and all of them beside the published code."""
    rows = []
    for rois in all_rois:
        with temporary_root(data) as root:
            copy_set(data, root / "data" / "thirty", pictures=PICTURES)
            costs = medians(root / "data" / "thirty", rois, rounds)
        print(f"{PICTURES} pictures of {data.name}, {rois} ROIs, median of {rounds}\n")
        total = Cost(sum(c.wall for c in costs), sum(c.processor for c in costs), max(c.mebibytes for c in costs))
        named = [*zip(STEPS, costs, strict=True), ("all", total)]
        costs_of = [[name, f"{c.wall:.2f}", f"{c.processor:.2f}", f"{c.mebibytes:.0f}"] for name, c in named]
        print(markdown_table(["step", "seconds", "seconds of processor", "peak MiB"], costs_of) + "\n")
        if rois in PUBLISHED:
            cells = [f"{total.wall:.1f}", f"{PUBLISHED[rois]:.0f}", f"{PUBLISHED[rois] / total.wall:.1f}"]
            rows.append([rois, *cells])
            print(summary(f"steps 1 to 5, {PICTURES} pictures of {data.name}, {rois} ROIs",
                          f"published code, recorded: {cells[1]} s", f"{cells[0]} s", cells[2]))  # fmt: skip
    print(markdown_table(["ROIs", "ours, s", "published code, recorded, s", "times faster"], rows))


def growth(data: Path, rounds: int) -> None:
    """Print how the processor time of each step grows: each size alone, the others as they are by default."""
    for what, sizes in (("ROIs", (200, 1000, 2000)), ("pictures", (10, 20, 40)), ("classes", (2, 8, 20))):
        seconds: dict[str, list[float]] = {step: [] for step in STEPS}
        for size in sizes:
            with temporary_root(data) as root:
                made_up = root / "data" / "madeUp"
                copy_set(data, made_up, pictures=size if what == "pictures" else 20,
                         classes=size if what == "classes" else 8)  # fmt: skip
                costs = medians(made_up, size if what == "ROIs" else 200, rounds)
            for step, cost in zip(STEPS, costs, strict=True):
                seconds[step].append(cost.processor)
        fixed = {"ROIs": "20 pictures, 8 classes", "pictures": "200 ROIs, 8 classes"}
        print(f"Seconds of processor, {fixed.get(what, '20 pictures, 200 ROIs')}\n")
        print(growth_table(f"step, by {what}", sizes, "", seconds, digits=2) + "\n", flush=True)


def medians(data: Path, rois: int, rounds: int) -> list[Cost]:
    """Return the median costs of each step over `rounds` runs from nothing."""
    runs = []
    for _ in range(rounds):
        with temporary_root(data) as root:
            runs.append(run_steps(root, data.name, rois))
    return [Cost(*(median(values) for values in zip(*costs, strict=True))) for costs in zip(*runs, strict=True)]


def run_steps(root: Path, dataset: str, rois: int) -> list[Cost]:
    """Run the steps one after the other and return what each took."""
    options = ["--root", root, "--dataset", dataset, "--set", f"cntk_nrRois={rois}", "--quiet"]
    return [measured([REPOSITORY / step, *options]) for step in STEPS]


def measured(command: Sequence[object]) -> Cost:
    """Run a Python program to its end and return what it took; `UserError` with what it said when it fails."""
    begin = time.perf_counter()
    # as for a user: Python may keep the compiled modules, whatever this process was told
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, *map(str, command)], stdout=subprocess.DEVNULL, stderr=said, env=environment
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            said.seek(0)
            raise UserError(f"{command[0]} failed: {said.read().decode(errors='replace')[-2000:]}")
    unit = 2**20 if sys.platform == "darwin" else 2**10  # macOS counts bytes, Linux KiB
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit)


@contextmanager
def temporary_root(data: Path) -> Iterator[Path]:
    """Give a folder whose data/<dataset> is a link to `data`; it is removed afterwards."""
    root = Path(tempfile.mkdtemp(prefix="bench_steps_"))
    try:
        (root / "data").mkdir()
        (root / "data" / data.name).symlink_to(data, target_is_directory=True)
        yield root
    finally:
        shutil.rmtree(root)


def copy_set(data: Path, target: Path, *, pictures: int, classes: int | None = None) -> None:
    """Make a data set of links to `pictures` of `data`, repeated where there are too few.

    classes: the number of made-up labels, which the objects get in turn; None keeps the labels. Of ten pictures two are
    for testing, and one shows no object.
    """
    tests, negatives = pictures // 5, pictures // 10
    shares = {"positive": pictures - tests - negatives, "negative": negatives, "testImages": tests}
    for folder, number in shares.items():
        (target / folder).mkdir(parents=True)
        turn = cycle(f"class{i:02d}" for i in range(classes or 1))
        for i, picture in enumerate(islice(cycle(find_images(data / folder)), number)):
            link = target / folder / f"{i:03d}{picture.suffix}"
            link.symlink_to(picture)
            if folder == "negative":
                continue
            boxes_path(link).symlink_to(boxes_path(picture))
            if classes is None:
                labels_path(link).symlink_to(labels_path(picture))
            else:
                labels = "".join(f"{next(turn)}\n" for _ in read_labels(labels_path(picture)))
                labels_path(link).write_text(labels, encoding="utf-8")


if __name__ == "__main__":
    main()
