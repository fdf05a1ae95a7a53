"""Which recipe of Faster R-CNN is best on pictures that it has not seen: folds over training pictures.

    python benchmarks/faster_folds.py --data data/grocery --seeds 0 1
    python benchmarks/faster_folds.py --data data/grocery --set faster_lr_per_image=(0.0002,) --set faster_max_epochs=10
    python benchmarks/faster_folds.py --data data/grocery --sweep SWEEP.json --workers 8 --device cuda

Each of `--folds` parts of the pictures in positive/ is left out in turn; the pictures in negative/ are always learnt
from; the test set is never looked at. Prints, for each recipe and data set, the mean average precision (area) at IoU
0.5 over the held-out pictures of all folds together ("pooled"), the same over IoU 0.5 to 0.95 ("coco"), the mean of the
folds ("mean"), the recall of proposals on them, the mAP on pictures that were learnt from, and seconds.

SWEEP.json: a list of objects, each parameter -> value. Beside the parameters of the training, "cntk_model" and
"cntk_padWidth" stand for `--network` and `--pad`, and "data", names of data sets, leaves out the others. Jobs start in
the order of that file. `--lines` prints a line for each fold as well, as it ends. `--out DIR` keeps what each fold
gave, and the same command does not run it again.
"""

import argparse
import ast
import hashlib
import json
import logging
import pickle
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

import cv2  # noqa: E402
import numpy as np  # noqa: E402

from fastRCNN.boxes.box_regression import best_objects  # noqa: E402
from fastRCNN.datasets.tutorial_folders import read  # noqa: E402
from fastRCNN.evaluation.average_precision import PictureResult, evaluate  # noqa: E402
from fastRCNN.faster.held_out import split  # noqa: E402
from fastRCNN.faster.pictures import AnnotatedPicture  # noqa: E402
from fastRCNN.faster.recipe import FasterTraining  # noqa: E402
from fastRCNN.faster.start import prepared  # noqa: E402
from fastRCNN.faster.steps import COVERED  # noqa: E402
from fastRCNN.faster.training import FasterTrainer  # noqa: E402
from fastRCNN.faster.validation import measure, scored  # noqa: E402
from fastRCNN.network.network import load_network  # noqa: E402
from fastRCNN.run_context import RunContext  # noqa: E402
from helpers.artifacts import Artifacts, atomic_write  # noqa: E402

OVERLAPS = np.arange(50, 100, 5) / 100  # COCO's


@dataclass(frozen=True)
class Job:
    """One training: `fold` of the pictures in `folder` is left out. `recipe`: its number."""

    recipe: int
    folder: Path
    fold: int
    seed: int


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a training gave: the held-out pictures scored; mAP of pictures that were learnt from; its own seconds."""

    results: list[PictureResult]
    classes: tuple[str, ...]
    learnt: float
    seconds: float


def main() -> int:
    """Run every recipe on every fold with every seed; return 1 where some of it failed."""
    options = parse()
    logging.basicConfig(level=logging.WARNING)
    base = {name: _value(text) for name, text in (each.split("=", 1) for each in options.set)}
    recipes = [{**base, **each} for each in (json.loads(options.sweep.read_text()) if options.sweep else [{}])]
    folds = options.only if options.only is not None else range(options.folds)
    jobs = [
        Job(number, folder, fold, seed)
        for number, recipe in enumerate(recipes) for seed in options.seeds for folder in options.data for fold in folds
        if folder.name in recipe.get("data", [folder.name])
    ]  # fmt: skip
    done: dict[tuple[int, Path, int], list[Outcome]] = {}
    failed: list[Job] = []
    with ProcessPoolExecutor(options.workers) as pool:
        running = {pool.submit(outcome_of, options, recipes[job.recipe], job): job for job in jobs}
        for future in as_completed(running):
            job = running[future]
            which = job.recipe, job.folder, job.seed
            of_recipe = done.setdefault(which, [])
            try:
                of_recipe.append(future.result())
            except Exception as error:
                failed.append(job)
                print(f"{job}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
                continue
            if options.lines:
                report(job, recipes[job.recipe], of_recipe[-1:], fold=job.fold)
            if len(of_recipe) == len(folds):
                report(job, recipes[job.recipe], of_recipe)
    return 1 if failed else 0


def parse() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", default=[REPOSITORY / "data" / "grocery"])
    parser.add_argument("--network", type=Path, default=REPOSITORY / "resources" / "cntk" / "AlexNet.npz")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--sweep", type=Path)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--only", type=int, nargs="+", help="these folds only")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--pad", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--lines", action="store_true", help="a line for each fold as well")
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep what each fold gave, and go on from it")
    return parser.parse_args()


def pictures_of(folder: Path) -> tuple[list[AnnotatedPicture], list[AnnotatedPicture], tuple[str, ...]]:
    """Return the pictures with objects, those without, and the classes with the background."""
    artifacts = Artifacts(folder.resolve().parent.parent, folder.name)
    dataset = read(artifacts, "train")
    pictures = [
        AnnotatedPicture(record.path, record.gt_boxes, record.gt_classes, record.ignored_boxes.boxes)
        for record in dataset
    ]
    shown = [picture for picture in pictures if len(picture.objects)]
    return shown, [picture for picture in pictures if not len(picture.objects)], dataset.classes


def outcome_of(options: argparse.Namespace, changes: Mapping[str, Any], job: Job) -> Outcome:
    """Return what `run_fold` does, or did in an earlier run of the same command."""
    if not options.out:
        return run_fold(options, changes, job)
    said = {**changes, "data": str(job.folder), "fold": [job.fold, options.folds], "seed": job.seed,
            "network": str(options.network), "pad": options.pad, "precision": options.precision}  # fmt: skip
    kept = options.out / f"{hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]}.pkl"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        outcome = run_fold(options, changes, job)
        with atomic_write(kept) as temporary:
            temporary.write_bytes(pickle.dumps(outcome))
    found: Outcome = pickle.loads(kept.read_bytes())
    return found


def run_fold(options: argparse.Namespace, changes: Mapping[str, Any], job: Job) -> Outcome:
    """Train on all parts but one; return the results on that one."""
    if options.threads:
        cv2.setNumThreads(options.threads)
    changes = {name: value for name, value in changes.items() if name != "data"}
    weights, pad = Path(changes.pop("cntk_model", options.network)), changes.pop("cntk_padWidth", options.pad)
    recipe = FasterTraining(**changes)
    shown, empty, classes = pictures_of(job.folder)
    held = shown[job.fold :: options.folds]
    given = [each for each in shown if each not in held] + (empty if recipe.faster_negatives else [])
    pictures, watched = split(given, recipe, job.seed)
    context = RunContext(device=options.device, threads=options.threads, seed=job.seed, pad_size=pad,
                         training_precision=options.precision)  # fmt: skip
    start = time.perf_counter()
    network, rpn = prepared(load_network(weights), pictures, recipe, pad, seed=job.seed)
    trainer = FasterTrainer(network, pictures, classes, recipe, rpn, held=watched, context=context)
    for step in trainer.run():
        if step.last and options.workers == 1:
            print(f"{job.folder.name}, fold {job.fold} {step}", file=sys.stderr, flush=True)
    seconds = time.perf_counter() - start
    with trainer.with_means():
        if trainer.best:
            trainer.net.load_parameters(trainer.best)
        results = [scored(trainer.net, each, number, recipe, pad) for number, each in enumerate(held)]
        learnt = measure(trainer.net, pictures[:5], recipe, pad)["validation_mAP"]
    return Outcome(results, classes, learnt, seconds)


def report(job: Job, recipe: Mapping[str, Any], outcomes: Sequence[Outcome], *, fold: int | None = None) -> None:
    """Print a line for what a recipe gave on one data set, in one fold or in all of them together."""
    classes = outcomes[0].classes

    def pooled(overlap: float, chosen: Sequence[Outcome]) -> float:
        results = [result for each in chosen for result in each.results]
        return evaluate(results, classes, overlap_threshold=overlap).map_area or 0.0

    covered = [
        best_objects(result.gt_boxes, result.boxes)[1] >= COVERED for each in outcomes for result in each.results
    ]
    line = {
        "data": job.folder.name, "seed": job.seed, "recipe": dict(recipe), **({} if fold is None else {"fold": fold}),
        "pooled": round(pooled(0.5, outcomes), 4),
        "coco": round(float(np.mean([pooled(overlap, outcomes) for overlap in OVERLAPS])), 4),
        "mean": round(float(np.mean([pooled(0.5, [each]) for each in outcomes])), 4),
        "recall": round(float(np.concatenate(covered).mean()), 4),
        "train": round(float(np.mean([each.learnt for each in outcomes])), 4),
        "seconds": round(float(np.mean([each.seconds for each in outcomes])), 1),
    }  # fmt: skip
    print(json.dumps(line), flush=True)


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


if __name__ == "__main__":
    sys.exit(main())
