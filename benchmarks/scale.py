"""Loads the steps with data sets of the real sizes: time, peak memory and disk of each, at three sizes.

    .venv/bin/python benchmarks/scale.py voc     --root DIR [--pictures 9963]   steps 2, 5; 1 and 2 again
    .venv/bin/python benchmarks/scale.py coco    --root DIR [--pictures 123287] the data set layer
    .venv/bin/python benchmarks/scale.py starts  --root DIR [--pictures 9963]   steps 1 to 5 of svm: nothing to do
    .venv/bin/python benchmarks/scale.py sample  --root DIR [--pictures 24]     steps 1 to 5 of classifier svm, whole
    .venv/bin/python benchmarks/scale.py svm     --root DIR [--pictures 400]    SVM training on made-up embeddings

voc: a devkit whose pictures are hard links of 20 drawn ones of VOC's sizes, with an annotation of its own for each, and
4,000 ROIs; the scores of step 5 are random. starts: the same pictures, as many ROIs, of our own search; embeddings of
one row and SVMs that nobody trained, since a start reads neither. Step 5 is timed up to its first picture: it evaluates
whenever it is run. coco: annotations with COCO's counts, pictures as hard links. svm: 1,000 ROIs of each picture, 20
classes, with the smallest number of pictures also 5 and 80; what making them up costs is taken off. --only chance: 5
classes, annotations that have nothing to do with the embeddings, svm_maxMemory 0.4. Each program runs in a process of
its own, whose peak memory the system tells. Tables are Markdown; docs/SCALE.md shows them.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from benchmarks.large_sets import make_coco, make_devkit
from benchmarks.timing import markdown_table
from fastRCNN.network.alexnet import he_initialised
from fastRCNN.network.layers import Conv, Linear
from fastRCNN.network.network import save_network
from fastRCNN.network.spec import NetworkSpec
from fastRCNN.pipeline.embeddings import write_embeddings
from fastRCNN.pipeline.numbers import settled_numbers
from fastRCNN.pipeline.stages import Chain
from fastRCNN.svm.model import SvmModel
from PARAMETERS import get_parameters

STEPS = ("1_computeRois.py", "2_cntkGenerateInputs.py", "3_runCntk.py", "4_trainSvm.py", "5_evaluateResults.py")
FEATURES = 8
REPOSITORY = Path(__file__).resolve().parent.parent
_COCO = """
import sys, time
from pathlib import Path
from fastRCNN.datasets import coco
start = time.perf_counter()
for image_set in ("train", "test"):
    data = coco.read(Path(sys.argv[1]), image_set)
    objects = sum(len(record.gt_boxes) for record in data)
    digests = {data.annotation_digest(index) for index in range(len(data))}
    print(image_set, len(data), objects, f"{time.perf_counter() - start:.1f}", file=sys.stderr)
"""
_SVM = """
import sys, time
from benchmarks.made_up_embeddings import MadeUpEmbeddings
from fastRCNN.svm.train_svms import SvmTraining, train_svms
pictures, classes, learnable = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
bound = 2e9 if learnable else 0.4e9
made = MadeUpEmbeddings(pictures, classes=classes, learnable=learnable)
start, reports = time.process_time(), {}
train_svms(made, made.overlaps, parameters=SvmTraining(skip_classes_without_positives=True, max_bytes=bound),
           on_trained=lambda report: reports.update({report.class_index: report}))
print(time.process_time() - start - made.seconds, sum(each.nr_negatives for each in reports.values()) / len(reports))
"""


_PRETEND = """
import sys
from pathlib import Path
from benchmarks.scale import pretend_to_train
pretend_to_train(Path(sys.argv[1]), sys.argv[2:])
"""
_UP_TO_THE_FIRST_PICTURE = """
import runpy, sys
from fastRCNN.evaluation import average_precision
def stop(*_, **__): raise SystemExit
average_precision.evaluate = stop
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class Cost(NamedTuple):
    """Seconds by the clock and of processor, peak memory in MB."""

    wall: float
    cpu: float
    megabytes: float


def measured(command: Sequence[str], results: Path = Path(os.devnull)) -> Cost:
    """Run a command and return what it cost; an error ends the program. results: takes its standard output."""
    start = time.perf_counter()
    with tempfile.TemporaryFile() as said, results.open("wb") as results_file:
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=results_file, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{' '.join(command)}: {said.read().decode(errors='replace')[-3000:]}")
    return Cost(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def step(root: Path, script: str, *options: str, by: Sequence[str] = ()) -> Cost:
    """Run a numbered script on the devkit below `root`. by: what runs it, if it is not run as it is."""
    return measured([sys.executable, *by, script, "--quiet", "--root", str(root), "--dataset", "pascalVoc", *options])


def disk(folder: Path) -> float:
    """Return the MB that a folder takes, each file once however many links it has."""
    seen, total = set(), 0
    for path in folder.rglob("*") if folder.is_dir() else ():
        found = path.lstat()
        if (found.st_dev, found.st_ino) not in seen:
            seen.add((found.st_dev, found.st_ino))
            total += found.st_blocks * 512
    return total / 1e6


def voc(root: Path, pictures: int, only: str = "") -> list[list[str]]:
    """Return the rows of one size: step 2, step 5, and starts where nothing is to do; of `only` one step, if named."""
    if not (root / "resources").exists():
        make_devkit(root, pictures)
    rows = []
    for what, script in (
        ("step 2", "2_cntkGenerateInputs.py"),
        ("step 2 again: nothing to do", "2_cntkGenerateInputs.py"),
        ("step 1: nothing to do", "1_computeRois.py"),
        ("step 1 again", "1_computeRois.py"),
        ("step 5, random scores", "5_evaluateResults.py"),
    ):
        if only not in what:
            continue
        cost = step(root, script)
        rows.append(row(pictures, what, cost, disk(root / "proc") + disk(root / "results")))
        print("|", " | ".join(rows[-1]), "|", flush=True)
    return rows


def starts(root: Path, pictures: int, only: str = "") -> list[list[str]]:
    """Return the rows of one size: each step of classifier svm, when everything is up to date."""
    options = ["--classifier", "svm", "--set", "svm_embeddings=stored"]
    if not (root / "resources").exists():
        make_devkit(root, pictures)
        shutil.rmtree(root / "proc")  # the steps leave their own files
    for script in STEPS[:2]:
        step(root, script, *options)
    measured([sys.executable, "-c", _PRETEND, str(root), *options])  # else its memory would count as that of the steps
    rows = []
    for script in STEPS:
        by = ("-c", _UP_TO_THE_FIRST_PICTURE) if script == STEPS[4] else ()
        step(root, script, *options, by=by)  # what it finds out about files is remembered
        rows.append(row(pictures, f"{script}: nothing to do", step(root, script, *options, by=by), disk(root / "proc")))
        print("|", " | ".join(rows[-1]), "|", flush=True)
    return rows


def pretend_to_train(root: Path, options: Sequence[str]) -> None:
    """Write a small network, embeddings of one row and SVMs of zeros as steps 3 and 4 write theirs."""
    parameters = get_parameters(["--root", str(root), "--dataset", "pascalVoc", *options])
    chain = Chain.choose({**parameters, **settled_numbers(parameters)})
    of, classes = chain.artifacts, len(chain.datasets["train"].classes)
    spec = NetworkSpec(trunk=(Conv("conv1", 2, 16, stride=16),), head=(Linear("fc6", FEATURES),), pooling_size=2)
    with chain.writing("network", anew=True) as work:
        save_network(of.model_file("svm"), spec.to_header(), he_initialised(0, spec=spec).arrays)
        work.enter(of.model_file("svm"))
    with chain.writing("embeddings") as work:
        for path in work.todo:
            with work.making(path):
                write_embeddings(path, np.zeros((1, FEATURES), np.float16))
    with chain.writing("svm", anew=True) as work:
        work.enter(*SvmModel(np.zeros((classes, FEATURES)), np.zeros(classes), 1.0).save(of.svm_folder))


def coco(root: Path, pictures: int, only: str = "") -> list[list[str]]:
    """Return the row of one size: both lists read, every record and digest made once."""
    make_coco(root, pictures)
    cost = measured([sys.executable, "-c", _COCO, str(root)])
    return [row(pictures, "COCO read, every record once", cost, disk(root / "annotations"))]


def sample(root: Path, pictures: int, only: str = "") -> list[list[str]]:
    """Return the rows of all steps of classifier svm on a few pictures, with seconds of processor for each picture."""
    make_devkit(root, pictures)
    shutil.rmtree(root / "proc")
    options = ("--classifier", "svm", "--set", "svm_skipClassesWithoutPositives=True")
    rows = []
    for script in STEPS:
        rows.append(row(pictures, script, step(root, script, *options), disk(root / "proc")))
        print("|", " | ".join(rows[-1]), "|", flush=True)
    return rows


def row(pictures: int, what: str, cost: Cost, megabytes: float) -> list[str]:
    """Return a row of the table."""
    each = 1000 * cost.cpu / pictures
    return [f"{pictures:,}", what, f"{cost.wall:.1f}", f"{cost.cpu:.1f}", f"{each:.2f}", f"{cost.megabytes:.0f}",
            f"{megabytes:.0f}"]  # fmt: skip


def svm(root: Path, pictures: int, only: str = "") -> list[list[str]]:
    """Return the rows of one number of pictures."""
    rows = []
    chosen = {"all": ((5, 1.0), (20, 1.0), (80, 1.0)), "chance": ((5, 0.0),)}.get(only, ((20, 1.0),))
    for classes, learnable in chosen:
        said = root / "said.txt"
        cost = measured([sys.executable, "-c", _SVM, str(pictures), str(classes), str(learnable)], said)
        seconds, negatives = map(float, said.read_text().split())
        what = f"{classes} classes{'' if learnable else ', by chance'}, {negatives:,.0f} hard negatives each"
        rows.append(row(pictures, what, Cost(cost.wall, seconds, cost.megabytes), 0))
        print("|", " | ".join(rows[-1]), "|", flush=True)
    return rows


PARTS = {
    "voc": (voc, 9963),
    "starts": (starts, 9963),
    "coco": (coco, 123287),
    "sample": (sample, 24),
    "svm": (svm, 400),
}
HEADERS = ("pictures", "what", "s", "s of processor", "ms of processor per picture", "peak MB", "MB on the disk")


def main(argv: Sequence[str] | None = None) -> None:
    """Measure one part at the sizes asked for; by default at a sixteenth, a quarter and the whole."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=tuple(PARTS))
    parser.add_argument("--root", type=Path, required=True, help="a folder for the data sets, made anew for each size")
    parser.add_argument("--pictures", type=int, nargs="+", metavar="N", help="sizes")
    parser.add_argument("--only", default="", metavar="STEP", help="voc: this step alone, like 'step 5'; svm: chance")
    parser.add_argument("--keep", action="store_true", help="keep the data set, and take it when it is there")
    options = parser.parse_args(argv)
    run, whole = PARTS[options.part]
    sizes = options.pictures or ([whole] if options.part == "sample" else [whole // 16, whole // 4, whole])
    rows: list[list[str]] = []
    for pictures in sizes:
        root = options.root / f"{options.part}_{pictures}"
        if not options.keep:
            shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True, exist_ok=True)
        everything = "all" if options.part == "svm" and pictures == min(sizes) else ""
        rows += run(root, pictures, options.only or everything)
        if not options.keep:
            shutil.rmtree(root)
    print(markdown_table(HEADERS, rows))


if __name__ == "__main__":
    main()
