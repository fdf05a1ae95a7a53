"""Times step 6, one new picture: as a fresh process, and with the detector loaded; and where the start-up goes.

    .venv/bin/python benchmarks/bench_scoring.py [--rois 200 2000] [--rounds 5] [--root DIR] [--dataset grocery]

Steps 1 to 4 run first, in a temporary folder; the data set is only read. Medians. The parts of the start-up are
measured in a process of their own each (the first call loads what Numba has compiled), so they add up only roughly.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import median

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from benchmarks.bench_steps import STEPS, measured, temporary_root  # noqa: E402
from benchmarks.timing import markdown_table  # noqa: E402
from helpers.images import find_images  # noqa: E402

IMPORTS = ("numpy", "cv2", "numba", "torch")
# Prints the seconds of what a fresh process does one after the other; the rest of step 6 needs next to none.
PARTS = """
import json, sys, time
seconds, warm, start = {}, [], time.perf_counter()
def part(name):
    global start
    now = time.perf_counter()
    seconds[name], start = now - start, now
folder, picture, rounds, *names = sys.argv[1:]
for name in names:
    __import__(name)
    part("import " + name)
from fastRCNN.detector import Detector
from helpers.images import read_image
part("import ours and the rest")
detector = Detector.load(folder)
part("load network and SVMs")
image = read_image(picture)
part("read the picture")
detector.detect(image)
part("first picture, compiled code loaded")
for _ in range(int(rounds)):
    start = time.perf_counter()
    detector.detect(image)
    warm.append(time.perf_counter() - start)
print(json.dumps([seconds, warm]))
"""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rois", type=int, nargs="+", default=[200, 2000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--root", type=Path, default=REPOSITORY, help="folder with data/<dataset>")
    parser.add_argument("--dataset", default="grocery")
    options = parser.parse_args()
    data = options.root.resolve() / "data" / options.dataset
    picture = find_images(data / "testImages")[0]
    rows, parts = [], {}
    for rois in options.rois:
        with temporary_root(data) as root:
            shared = ["--root", root, "--dataset", data.name, "--set", f"cntk_nrRois={rois}", "--quiet"]
            for step in STEPS[:4]:
                measured([REPOSITORY / step, *shared])
            scoring = [REPOSITORY / "6_scoreImage.py", *shared, picture]
            measured(scoring)  # compiles what is not compiled yet
            fresh = [measured(scoring) for _ in range(options.rounds)]
            parts[rois], warm = start_up(root / "proc" / data.name, picture, options.rounds)
        rows.append([rois, f"{median(c.wall for c in fresh):.2f}", f"{median(c.processor for c in fresh):.2f}",
                     f"{median(c.mebibytes for c in fresh):.0f}", f"{median(warm):.3f}"])  # fmt: skip
    print(markdown_table(["ROIs", "fresh process, s", "s of processor", "peak MiB", "warm, s"], rows) + "\n")
    names = list(next(iter(parts.values())))
    cells = [[name, *(f"{parts[rois][name]:.2f}" for rois in options.rois)] for name in names]
    print(markdown_table(["start-up, s", *(f"{rois} ROIs" for rois in options.rois)], cells))


def start_up(proc: Path, picture: Path, rounds: int) -> tuple[dict[str, float], list[float]]:
    """Return the median seconds of each part of a fresh process, and the seconds of each warm picture."""
    runs, warm = [], []
    for _ in range(rounds):
        command = [sys.executable, "-c", PARTS, str(proc), str(picture), str(rounds), *IMPORTS]
        said = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True).stdout
        seconds, again = json.loads(said)
        runs.append(seconds)
        warm += again
    return {name: median(run[name] for run in runs) for name in runs[0]}, warm


if __name__ == "__main__":
    main()
