"""How long one new picture takes a detector that is at work already: clock and processor, one process each, in turn.

    python benchmarks/warm_picture.py --pictures FOLDER proc/grocery:svm proc/grocery:faster [--rounds 3] [--threads N]

A detector is a folder that the steps left (proc/<dataset>) and its classifier. Each gets a process of its own, as in a
service, because two in one process take the caches from each other. In each round every process looks at all pictures,
one process after the other; the first 40 looks are not counted (compiled code is loaded, NumPy stands in until then).
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from benchmarks.timing import markdown_table  # noqa: E402
from helpers.images import find_images  # noqa: E402

NOT_COUNTED = 40  # looks
WORKER = """
import json, sys, time
from pathlib import Path
from fastRCNN.detector import Detector, read_image
folder, classifier, threads, looks, *paths = sys.argv[1:]
detector = Detector.load(Path(folder), classifier=classifier, threads=int(threads) or None)
pictures = [read_image(path) for path in paths]
for look in range(int(looks)):
    detector.detect(pictures[look % len(pictures)])
print("ready", flush=True)
for _ in sys.stdin:
    taken = []
    for picture in pictures:
        clock, processor = time.perf_counter(), time.process_time()
        detector.detect(picture)
        taken.append((time.perf_counter() - clock, time.process_time() - processor))
    print(json.dumps(taken), flush=True)
"""


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("detectors", nargs="+", metavar="FOLDER:CLASSIFIER")
    parser.add_argument("--pictures", type=Path, required=True, help="folder of pictures, 1 at least")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0, help="of each detector, pinned to as many cores; 0: all")
    options = parser.parse_args()
    paths = find_images(options.pictures)
    workers = {name: started(name, paths, options.threads) for name in options.detectors}
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in workers}
    for _ in range(options.rounds):
        for name, worker in workers.items():
            taken[name] += json.loads(asked(worker))
    rows = [
        [name, *(f"{1000 * median(pair[column] for pair in pairs):.0f}" for column in (0, 1)), len(pairs)]
        for name, pairs in taken.items()
    ]
    print(markdown_table(["detector", "clock, ms", "processor, ms", "pictures"], rows))
    for worker in workers.values():
        worker.communicate()


def started(detector: str, paths: list[Path], threads: int) -> subprocess.Popen[str]:
    """Return a warm process of `detector` ("folder:classifier") that looks at all pictures for each line it is sent."""
    folder, _, classifier = detector.rpartition(":")
    command = [sys.executable, "-c", WORKER, folder, classifier, str(threads), str(NOT_COUNTED), *map(str, paths)]
    environment = dict(os.environ, PYTHONPATH=str(REPOSITORY))
    if threads:
        environment |= {name: str(threads) for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
        command = ["taskset", "-c", f"0-{threads - 1}", *command]
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    assert worker.stdout
    if worker.stdout.readline() != "ready\n":
        sys.exit(f"{detector}: the process has ended, its message is above")
    return worker


def asked(worker: subprocess.Popen[str]) -> str:
    """Return what `worker` answers to one line."""
    assert worker.stdin and worker.stdout
    worker.stdin.write("\n")
    worker.stdin.flush()
    return worker.stdout.readline()


if __name__ == "__main__":
    main()
