"""Which recipe of Faster R-CNN is best on pictures that it has not seen: folds over training pictures.

    python benchmarks/faster_folds.py --data data/grocery --seeds 0 1
    python benchmarks/faster_folds.py --data data/grocery --set faster_lr_per_image=(0.0002,) --set faster_max_epochs=10
    python benchmarks/faster_folds.py --data data/grocery --sweep SWEEP.json --workers 8 --device cuda

Each of `--folds` parts of the pictures in positive/ is left out in turn; the pictures in negative/ are always learnt
from; the test set is never looked at. Prints, for each recipe, the mean average precision over the held-out pictures of
all folds together ("pooled") and of each fold ("mean"), the recall of proposals on them, the mAP on pictures that were
learnt from, and seconds. SWEEP.json: a list of objects, each parameter -> value.
"""

import argparse
import ast
import json
import logging
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

import numpy as np  # noqa: E402

from fastRCNN.datasets.tutorial_folders import read  # noqa: E402
from fastRCNN.evaluation.average_precision import evaluate  # noqa: E402
from fastRCNN.faster.pictures import AnnotatedPicture  # noqa: E402
from fastRCNN.faster.recipe import FasterTraining  # noqa: E402
from fastRCNN.faster.start import prepared  # noqa: E402
from fastRCNN.faster.training import FasterTrainer  # noqa: E402
from fastRCNN.faster.validation import measure, scored  # noqa: E402
from fastRCNN.network.network import load_network  # noqa: E402
from fastRCNN.run_context import RunContext  # noqa: E402
from helpers.artifacts import Artifacts  # noqa: E402


def main() -> int:
    """Run every recipe on every fold with every seed."""
    options = parse()
    logging.basicConfig(level=logging.WARNING)
    given = dict(each.split("=", 1) for each in options.set)
    base = {name: _value(text) for name, text in given.items()}
    recipes = [{**base, **each} for each in (json.loads(options.sweep.read_text()) if options.sweep else [{}])]
    jobs = [
        (recipe, fold, seed) for recipe in recipes for seed in options.seeds for fold in range(options.folds)
        if options.only is None or fold in options.only
    ]  # fmt: skip
    done: dict[tuple[int, int], list[Any]] = {}
    with ProcessPoolExecutor(options.workers) as pool:
        running = {pool.submit(run_fold, options, *job): (recipes.index(job[0]), job[2]) for job in jobs}
        for future in as_completed(running):
            recipe, seed = running[future]
            done.setdefault((recipe, seed), []).append(future.result())
            if len(done[recipe, seed]) == (len(options.only) if options.only else options.folds):
                report(options, recipes[recipe], seed, done[recipe, seed])
    return 0


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


def run_fold(options: argparse.Namespace, changes: Mapping[str, Any], fold: int, seed: int) -> list[Any]:
    """Train on all parts but one of each data set; return the results on that one."""
    found = []
    for folder in options.data:
        shown, empty, classes = pictures_of(folder)
        held = shown[fold :: options.folds]
        recipe = FasterTraining(**changes)
        pictures = [each for each in shown if each not in held] + (empty if recipe.faster_negatives else [])
        context = RunContext(device=options.device, threads=options.threads, seed=seed, pad_size=options.pad,
                             training_precision=options.precision)  # fmt: skip
        start = time.perf_counter()
        network, rpn = prepared(load_network(options.network), pictures, recipe, options.pad, seed=seed)
        trainer = FasterTrainer(network, pictures, classes, recipe, rpn, context=context)
        for step in trainer.run():
            if step.last and options.workers == 1:
                print(f"fold {fold} {step}", file=sys.stderr, flush=True)
        seconds = time.perf_counter() - start
        with trainer.with_means():
            results = [scored(trainer.net, each, number, recipe, options.pad) for number, each in enumerate(held)]
            own = measure(trainer.net, held, recipe, options.pad)
            learnt = measure(trainer.net, pictures[:5], recipe, options.pad)["validation_mAP"]
        found.append((results, own["validation_mAP"], own["validation_recall"], learnt, seconds, classes))
    return found


def report(options: argparse.Namespace, recipe: Mapping[str, Any], seed: int, folds: list[Any]) -> None:
    """Print a line for each data set."""
    for number, folder in enumerate(options.data):
        of_data = [each[number] for each in folds]
        pooled = evaluate([result for each in of_data for result in each[0]], of_data[0][5])
        line = {
            "data": folder.name, "seed": seed, "recipe": dict(recipe),
            "pooled": round(pooled.map_area or 0, 4),
            "mean": round(float(np.mean([each[1] for each in of_data])), 4),
            "recall": round(float(np.mean([each[2] for each in of_data])), 4),
            "train": round(float(np.mean([each[3] for each in of_data])), 4),
            "seconds": round(float(np.mean([each[4] for each in of_data])), 1),
        }  # fmt: skip
        print(json.dumps(line), flush=True)


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


if __name__ == "__main__":
    sys.exit(main())
