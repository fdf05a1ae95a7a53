"""How well the detector does on pictures that people bring: photos of animals, cells under a microscope, your own.

    python benchmarks/real.py --out DIR --real REAL
    python benchmarks/real.py --out DIR --folders ~/mine       a data set of any layout that the steps read
    python benchmarks/real.py --out DIR --real REAL --folds 5  training pictures only, each fifth left out in turn and
                                                               tested on: to choose by
    python benchmarks/real.py --out DIR --real REAL --yolo 40  YOLOv8n as well, 40 epochs from random weights
                                                               (`benchmarks/install_peers.py --yolo`; skipped without)

REAL holds `raccoon` (github.com/datitran/raccoon_dataset) and `bccd` (blood cells, github.com/Shenggan/BCCD_Dataset)
as their authors published them; what is absent is left out. Runs the
steps for each network (`bundled`, or weight files), classifier and number of ROIs, and measures: average precision of
each class at IoU 0.5 and over 0.5 to 0.95; what the ROIs cover; how well what is right lies on its object; what AP is
lost to; seconds of processor of each step and of a picture in use. A line per run stands in DIR/real.jsonl; the same
command continues.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from benchmarks.step_runs import STEPS, run_steps  # noqa: E402
from benchmarks.timing import markdown_table  # noqa: E402
from benchmarks.written_set import Shown, fold_of, shown_of, write_set  # noqa: E402
from benchmarks.yolo import Yolo, learn  # noqa: E402
from fastRCNN.datasets.roidb import load_roidb  # noqa: E402
from fastRCNN.detector import Detector  # noqa: E402
from fastRCNN.evaluation.average_precision import Evaluation, PictureResult, evaluate, evaluate_detections  # noqa: E402
from fastRCNN.evaluation.candidates import picture_candidates  # noqa: E402
from fastRCNN.evaluation.error_analysis import ErrorCounter  # noqa: E402
from fastRCNN.evaluation.matching import match_detections  # noqa: E402
from fastRCNN.pipeline.classifiers import CLASSIFIERS  # noqa: E402
from fastRCNN.pipeline.results import scored_pictures  # noqa: E402
from fastRCNN.pipeline.stages import dataset_of  # noqa: E402
from fastRCNN.proposals.recall import best_overlaps  # noqa: E402
from helpers.artifacts import Artifacts, atomic_write  # noqa: E402
from helpers.console import run_script  # noqa: E402
from helpers.errors import UserError  # noqa: E402
from helpers.images import read_image  # noqa: E402
from PARAMETERS import get_parameters  # noqa: E402

OVERLAPS = np.arange(50, 100, 5) / 100  # COCO's
REAL = ("raccoon", "bccd")
TIMED = 20  # test pictures that a trained detector is timed on


@dataclass(frozen=True)
class Run:
    """What is measured at once: `fold` of `folds` is left out and tested on; of 0 folds the test pictures are."""

    dataset: str
    network: str  # "bundled", or the stem of a weight file
    classifier: str
    rois: int
    settings: tuple[str, ...]
    folds: int = 0
    fold: int = 0


def main() -> None:
    """Measure what is missing, then print the tables."""
    options = parse()
    table = options.out / "real.jsonl"
    folders = {folder.name: folder for folder in options.folders}
    if options.real:
        folders |= {name: options.real / name for name in REAL if (options.real / name).is_dir()}
    if not folders:
        raise UserError("nothing to measure: give --real (with raccoon or bccd in it) or --folders")
    for name, folder in folders.items():
        for fold in range(max(1, options.folds)):
            done = [entry["run"] for entry in measured(table)]
            todo = [run for run in wanted(options, name, fold) if json.loads(json.dumps(asdict(run))) not in done]
            for entry in measure(todo, folder, options) if todo else ():
                with table.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(entry) + "\n")
            if options.yolo.epochs:
                compare_with_yolo(options, folder, name, fold)
    text = tables(measured(table))
    print(text)
    if options.write:
        with atomic_write(options.write) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")


def wanted(options: argparse.Namespace, dataset: str, fold: int) -> list[Run]:
    """Return what `options` ask for on one data set, leaving out one fold."""
    return [
        Run(dataset, Path(network).stem, classifier, rois, tuple(options.set), options.folds, fold)
        for rois in options.rois
        for network in options.networks
        for classifier in options.classifiers
    ]


def parse() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for runs and numbers")
    parser.add_argument("--real", type=Path, help="folder with raccoon and bccd")
    parser.add_argument("--folders", type=Path, nargs="+", default=[], help="data sets in a layout that the steps read")
    parser.add_argument("--networks", nargs="+", default=["bundled"], metavar="FILE", help="bundled, or weight files")
    parser.add_argument("--classifiers", nargs="*", choices=list(CLASSIFIERS), default=["svm"])
    parser.add_argument("--rois", nargs="+", type=int, default=[300], metavar="N", help="values of cntk_nrRois")
    parser.add_argument("--folds", type=int, default=0, metavar="N", help="test on each Nth of the training pictures")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter, for all runs")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the tables to this markdown file too")
    parser.add_argument("--yolo", type=int, default=0, metavar="N", help="also YOLOv8n, so many epochs")
    parser.add_argument("--yolo-minutes", type=float, default=1e9, metavar="N", help="at a stretch; run it again then")
    parser.add_argument("--yolo-threads", type=int, default=2, metavar="N", help="of its training")
    options = parser.parse_args()
    options.yolo = Yolo(options.yolo, threads=options.yolo_threads, minutes=options.yolo_minutes)
    options.out.mkdir(parents=True, exist_ok=True)
    options.out = options.out.resolve()
    return options


def measured(table: Path) -> list[dict]:
    """Return the entries of earlier runs."""
    return [json.loads(line) for line in table.read_text(encoding="utf-8").splitlines()] if table.exists() else []


def measure(runs: Sequence[Run], folder: Path, options: argparse.Namespace) -> Iterator[dict]:
    """Yield an entry for each of `runs`, which are on the same pictures with the same settings; ROIs are made once."""
    first = runs[0]
    place = Artifacts(options.out / f"{first.dataset}_{first.folds}_{first.fold}", first.dataset)
    shutil.rmtree(place.root, ignore_errors=True)
    train, test = pictures_of(folder, options.out)
    if first.folds:
        train, test = fold_of(train, first.fold, first.folds)
    write_set(place.data, train, test)
    files = {Path(network).stem: network for network in options.networks}
    seconds_of_rois: list[float] = []
    for run in runs:
        print(f"{run} ...", file=sys.stderr, flush=True)
        settings = [f"cntk_nrRois={run.rois}", *run.settings]
        if run.network != "bundled":
            settings.append(f"cntk_model={Path(files[run.network]).resolve()}")
        options_of_run = [part for value in settings for part in ("--set", value)]
        steps = STEPS[1:] if seconds_of_rois else STEPS  # the file of ROIs is the same, whatever their number
        outcome = run_steps(place.root, run.dataset, options_of_run, classifier=run.classifier, steps=steps)
        seconds_of_rois = seconds_of_rois or outcome.seconds[:1]
        seconds = [*seconds_of_rois, *outcome.seconds[-len(STEPS) + 1 :]]
        yield {"run": asdict(run), "pictures": [len(train), len(test)], "seconds": seconds,
               **numbers(place, run, options_of_run)}  # fmt: skip
    shutil.rmtree(place.root)


def pictures_of(folder: Path, out: Path) -> tuple[list[Shown], list[Shown]]:
    """Return training and test pictures of a data set; without a split of its own each fifth by name is for testing."""
    bare = (folder / "annotations").is_dir() and (folder / "images").is_dir()  # VOC's XML beside pictures, as raccoon's
    name = folder.name
    if bare:
        converted = out / f"converted_{name}"
        if not converted.is_dir():
            command = [sys.executable, str(REPOSITORY / "data" / "convert.py"), str(folder), str(converted), "--quiet"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        folder = converted
    parameters = get_parameters(["--dataset", name, "--set", f"datasetPath={folder.resolve()}"])
    train = shown_of(dataset_of(parameters, "train"))
    if bare:
        return fold_of(sorted(train, key=lambda picture: picture.path.name), 4, 5)
    return train, shown_of(dataset_of(parameters, "test"))


def numbers(place: Artifacts, run: Run, options: Sequence[str]) -> dict:
    """Return what the test pictures show of a run: see the module's text."""
    p = get_parameters(
        ["--root", str(place.root), "--dataset", run.dataset, "--classifier", run.classifier, *options]
    )  # fmt: skip
    imdb, classifier = dataset_of(p, "test"), CLASSIFIERS[run.classifier]
    nr_rois = classifier.nr_rois(p)
    pictures = list(scored_pictures(imdb, place, classifier=run.classifier, nr_rois=nr_rois))
    counter = ErrorCounter(imdb.classes, nms_threshold=p.nmsThreshold)
    by_overlap = [
        evaluate(counter.watching(pictures) if place_ == 0 else pictures, imdb.classes, nms_threshold=p.nmsThreshold,
                 overlap_threshold=float(overlap))
        for place_, overlap in enumerate(OVERLAPS)
    ]  # fmt: skip
    roidb = load_roidb(imdb, place, nr_rois, False, roi_file=partial(classifier.roi_file, place))
    best = best_overlaps((record.rois for record in roidb), [record.gt_boxes for record in imdb])[0]
    return {
        **precision(by_overlap),
        "seconds_each": seconds_of_a_picture(place, run, imdb.image_paths),
        "recall": float((best >= 0.5).mean()),
        "best_overlap": float(best.mean()),
        "placed": placed(pictures, p.nmsThreshold),
        "lost": counter.result().mean_gains(),
    }


def precision(by_overlap: Sequence[Evaluation]) -> dict:
    """Return average precisions (area), of evaluations at each of `OVERLAPS`."""
    return {
        "ap": {c.name: c.ap_area for c in by_overlap[0].classes},
        "area": by_overlap[0].map_area,
        "coco": statistics.mean(each.map_area or 0.0 for each in by_overlap),
    }


def seconds_of_a_picture(place: Artifacts, run: Run, paths: Sequence[Path]) -> float:
    """Return the seconds of processor that the trained detector needs for a picture: the mean of some, decoded."""
    pictures = [read_image(path) for path in paths[:TIMED]]
    with Detector.load(place.proc, classifier=run.classifier) as detector:
        detector.detect(pictures[0])  # what the first picture takes beside
        start = time.process_time()
        for picture in pictures:
            detector.detect(picture)
    return (time.process_time() - start) / len(pictures)


def compare_with_yolo(options: argparse.Namespace, folder: Path, name: str, fold: int) -> None:
    """Measure YOLOv8n on the same pictures, where that is not done; a line says why not where it cannot be."""
    table, yolo = options.out / "real.jsonl", options.yolo
    run = Run(name, "random", "yolov8n", 0, (f"epochs={yolo.epochs}", f"pixels={yolo.size}"), options.folds, fold)
    if json.loads(json.dumps(asdict(run))) in [entry["run"] for entry in measured(table)]:
        return
    if not yolo.is_there:
        print("yolov8n: skipped, it is not installed: benchmarks/install_peers.py --yolo", file=sys.stderr)
        return
    place = Artifacts(options.out / f"yolo_{name}_{yolo.epochs}_{options.folds}_{fold}", name)
    train, test = pictures_of(folder, options.out)
    if options.folds:
        train, test = fold_of(train, fold, options.folds)
    if not place.data.exists():
        write_set(place.data, train, test)
    imdb = dataset_of(get_parameters(["--root", str(place.root), "--dataset", name]), "test")
    learnt = learn(yolo, place.root / "yolo", train, imdb)
    if learnt is None:
        return
    by_overlap = [
        evaluate_detections(imdb, learnt.detections, imdb.classes, overlap_threshold=float(each)) for each in OVERLAPS
    ]
    entry = {"run": asdict(run), "pictures": [len(train), len(test)], "seconds": [learnt.seconds],
             **precision(by_overlap), "seconds_each": learnt.seconds_each}  # fmt: skip
    with table.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
    shutil.rmtree(place.root)


def placed(pictures: Sequence[PictureResult], nms_threshold: float) -> float:
    """Return the mean overlap of right detections with their objects."""
    found = [np.zeros(0)]
    for picture in pictures:
        boxes = picture.boxes[:, None] if picture.moved is None else picture.moved
        for places, scores, classes in picture_candidates(boxes, picture.scores, nms_threshold=nms_threshold):
            matching = match_detections(places, scores, classes, picture.gt_boxes, picture.gt_classes)
            found.append(matching.overlaps[matching.right])
    overlaps = np.concatenate(found)
    return float(overlaps.mean()) if len(overlaps) else 0.0


def tables(entries: Sequence[dict]) -> str:
    """Return two markdown tables for each data set and number of folds, a row per run; of folds the means."""
    text = []
    for dataset, folds in dict.fromkeys((entry["run"]["dataset"], entry["run"]["folds"]) for entry in entries):
        mine = [entry for entry in entries if (entry["run"]["dataset"], entry["run"]["folds"]) == (dataset, folds)]
        classes = list(mine[0]["ap"])
        rows, lost = [], []
        for key in dict.fromkeys(_row(entry) for entry in mine):
            of_row = [entry for entry in mine if _row(entry) == key]
            each = [_mean([entry["ap"][name] for entry in of_row]) for name in classes] if len(classes) > 1 else []
            values = [_mean([entry[name] for entry in of_row]) for name in ("area", "coco")]
            rois = [_mean([entry.get(name) for entry in of_row]) for name in ("recall", "best_overlap", "placed")]
            seconds = statistics.mean(sum(entry["seconds"]) for entry in of_row)
            in_use = [1000 * entry["seconds_each"] for entry in of_row if "seconds_each" in entry]
            rows.append([*key, *values, *each, *rois, f"{seconds:.0f}",
                         f"{statistics.mean(in_use):.0f}" if in_use else ""])  # fmt: skip
            if "lost" in of_row[0]:
                lost.append([*key, *(_mean([entry["lost"][kind] for entry in of_row]) for kind in of_row[0]["lost"])])
        title = f"{dataset}, {f'training pictures in {folds} folds' if folds else 'test pictures'}"
        of_classes = classes if len(classes) > 1 else []
        heads = ["network", "classifier", "ROIs", "settings", "mAP at 0.5", "0.5 to 0.95", *of_classes,
                 "recall of ROIs", "best overlap", "overlap of right ones", "s of processor", "ms in use"]  # fmt: skip
        text.append(f"## {title}\n\n{markdown_table(heads, rows)}")
        if not lost:
            continue
        kinds = list(next(entry["lost"] for entry in mine if "lost" in entry))
        text.append("mAP at 0.5 that is lost to (see report.html, \"What would help most\"):\n\n"
                    + markdown_table([*heads[:4], *kinds], lost))  # fmt: skip
    return "\n\n".join(text)


def _row(entry: dict) -> tuple[str, str, int, str]:
    run = entry["run"]
    return run["network"], run["classifier"], run["rois"], " ".join(run["settings"])


def _mean(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{statistics.mean(known):.3f}" if known else ""


if __name__ == "__main__":
    run_script(main)
