"""Loads the steps with data sets of the real sizes: time, peak memory and disk of each, at three sizes.

    .venv/bin/python benchmarks/scale.py voc     --root DIR [--pictures 9963]   steps 1 (published boxes), 2, 5; starts
    .venv/bin/python benchmarks/scale.py coco    --root DIR [--pictures 123287] the data set layer
    .venv/bin/python benchmarks/scale.py sample  --root DIR [--pictures 24]     steps 1 to 5 of classifier svm, whole
    .venv/bin/python benchmarks/scale.py svm     --root DIR [--pictures 400]    SVM training on made-up embeddings

voc: a devkit whose pictures are hard links of 20 drawn ones of VOC's sizes, with an annotation of its own for each, and
4,000 ROIs; the scores of step 5 are random. coco: annotations with COCO's counts, pictures as hard links. svm: 1,000
ROIs of each picture, 20 classes, with the smallest number of pictures also 5 and 80; what making them up costs is taken
off. --only chance: 5 classes, annotations that have nothing to do with the embeddings, svm_maxMemory 0.4. Each program
runs in a process of its own, whose peak memory the system tells. Tables are Markdown; docs/SCALE.md shows them.
"""

import argparse
import json
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

from benchmarks.timing import markdown_table
from fastRCNN.pipeline.embeddings import write_embeddings
from helpers.annotations import write_rois
from helpers.images import write_image
from resources.miniature_sets.pictures import draw_picture
from resources.miniature_sets.voc import CLASSES, write_list

REPOSITORY = Path(__file__).resolve().parent.parent
DRAWN, ROIS = 20, 4000
SIZES = ((500, 375), (500, 333), (375, 500), (500, 334))  # width, height: most of VOC's pictures
_OBJECT = (
    "<object><name>{}</name><difficult>{}</difficult><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax>"
    "<ymax>{}</ymax></bndbox></object>"
)
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


def step(root: Path, script: str, *options: str, dataset: str = "pascalVoc") -> Cost:
    """Run a numbered script on a data set below `root`."""
    return measured([sys.executable, script, "--quiet", "--root", str(root), "--dataset", dataset, *options])


def disk(folder: Path) -> float:
    """Return the MB that a folder takes, each file once however many links it has."""
    seen, total = set(), 0
    for path in folder.rglob("*") if folder.is_dir() else ():
        found = path.lstat()
        if (found.st_dev, found.st_ino) not in seen:
            seen.add((found.st_dev, found.st_ino))
            total += found.st_blocks * 512
    return total / 1e6


def make_devkit(root: Path, pictures: int) -> None:
    """Write a devkit of 2007 with `pictures`, about half of them in each list, ROIs and scores for all."""
    folder, rng = root / "resources" / "pascalVocData" / "VOCdevkit" / "VOC2007", np.random.default_rng(0)
    drawn, proc = [], root / "proc" / "pascalVoc"
    for number in range(DRAWN):
        size = SIZES[number % len(SIZES)]
        image = draw_picture(len(CLASSES), seed=1, index=number, size=size).image
        drawn.append((root / "drawn" / f"{number}.jpg", root / "drawn" / f"{number}.roi.txt", size))
        write_image(drawn[-1][0], image)
        write_rois(drawn[-1][1], random_boxes(rng, ROIS, size))
        scores = rng.normal(0, 1, (ROIS, len(CLASSES) + 1)).astype(np.float32)
        write_embeddings(root / "drawn" / f"{number}.npz", scores)
    train = round(pictures * 5011 / 9963)
    names = [f"{number:06}" for number in range(1, pictures + 1)]
    for each in (folder / "JPEGImages", folder / "Annotations", proc / "rois" / "VOC2007",
                 *(proc / "cntkFiles" / f"{image_set}_nn_parsed" for image_set in ("train", "test"))):  # fmt: skip
        each.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        picture, rois, size = drawn[number % DRAWN]
        os.link(picture, folder / "JPEGImages" / f"{name}.jpg")
        os.link(rois, proc / "rois" / "VOC2007" / f"{name}.roi.txt")
        image_set, index = ("train", number) if number < train else ("test", number - train)
        os.link(
            root / "drawn" / f"{number % DRAWN}.npz", proc / "cntkFiles" / f"{image_set}_nn_parsed" / f"{index}.dat.npz"
        )
        boxes = random_boxes(rng, int(rng.integers(1, 6)), size) + 1
        objects = "".join(
            _OBJECT.format(CLASSES[int(rng.integers(20))], int(rng.random() < 0.13), *box) for box in boxes.tolist()
        )
        (folder / "Annotations" / f"{name}.xml").write_text(f"<annotation>{objects}</annotation>", encoding="utf-8")
    write_list(folder, "trainval", names[:train])
    write_list(folder, "test", names[train:])
    (proc / "models").mkdir()
    shutil.copy(root / "drawn" / "0.npz", proc / "models" / "frcn_nn.npz")  # step 5 only looks whether it is there


def random_boxes(rng: np.random.Generator, count: int, size: tuple[int, int]) -> np.ndarray:
    """Return (count, 4) int32 boxes inside a picture."""
    corners = rng.integers(0, (*size, *size), (count, 4))
    low, high = np.minimum(corners[:, :2], corners[:, 2:]), np.maximum(corners[:, :2], corners[:, 2:])
    return np.concatenate([np.minimum(low, np.array(size) - 9), np.minimum(high + 8, np.array(size) - 1)], axis=1)


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


def coco(root: Path, pictures: int, only: str = "") -> list[list[str]]:
    """Return the row of one size: both lists read, every record and digest made once."""
    make_coco(root, pictures)
    cost = measured([sys.executable, "-c", _COCO, str(root)])
    return [row(pictures, "COCO read, every record once", cost, disk(root / "annotations"))]


def make_coco(root: Path, pictures: int) -> None:
    """Write COCO's two lists with its numbers of objects for each picture, and outlines of its lengths."""
    rng = np.random.default_rng(0)
    for number in range(DRAWN):
        write_image(root / "drawn" / f"{number}.jpg", np.full((480, 640, 3), 12 * number, np.uint8))
    (root / "annotations").mkdir()
    for name, count in (("train2017", pictures - round(pictures * 5000 / 123287)),
                        ("val2017", round(pictures * 5000 / 123287))):  # fmt: skip
        (root / name).mkdir()
        images, annotations = [], []
        for number in range(count):
            file = f"{number:012}.jpg"
            os.link(root / "drawn" / f"{number % DRAWN}.jpg", root / name / file)
            images.append({"id": number, "file_name": file, "width": 640, "height": 480, "license": 1})
            for x, y, w, h in (rng.random((int(rng.poisson(7.3)), 4)) * (400, 300, 200, 150) + 1).round(2).tolist():
                outline = [np.resize((x, y, x + w, y + h), 40).tolist()]
                annotations.append({
                    "id": len(annotations) + 1, "image_id": number, "category_id": int(rng.integers(1, 81)),
                    "area": w * h, "iscrowd": 0, "bbox": [x, y, w, h], "segmentation": outline,
                })  # fmt: skip
        categories = [{"id": number, "name": f"class {number}"} for number in range(1, 81)]
        content = {"images": images, "annotations": annotations, "categories": categories}
        with (root / "annotations" / f"instances_{name}.json").open("w") as file:
            json.dump(content, file)


def sample(root: Path, pictures: int, only: str = "") -> list[list[str]]:
    """Return the rows of all steps of classifier svm on a few pictures, with seconds of processor for each picture."""
    make_devkit(root, pictures)
    shutil.rmtree(root / "proc")
    options = ("--classifier", "svm", "--set", "svm_skipClassesWithoutPositives=True")
    rows = []
    for script in (
        "1_computeRois.py",
        "2_cntkGenerateInputs.py",
        "3_runCntk.py",
        "4_trainSvm.py",
        "5_evaluateResults.py",
    ):
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


PARTS = {"voc": (voc, 9963), "coco": (coco, 123287), "sample": (sample, 24), "svm": (svm, 400)}
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
