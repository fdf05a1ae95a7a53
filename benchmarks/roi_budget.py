"""What a number of ROIs finds: recall and mean average precision over `cntk_nrRois`, on any data set.

    python benchmarks/roi_budget.py --out DIR                                   the bundled pictures
    python benchmarks/roi_budget.py --out DIR --root ROOT --dataset NAME        a data set in ROOT/data/NAME
    python benchmarks/roi_budget.py --out DIR --folds 5                         training pictures only, each fifth left
                                                                                out in turn and tested on: to choose by

Ways to choose the first ROIs are compared: "published" (shuffled, the tutorial's limits, as `--compat tutorial` does),
"ranked" (best first, the same limits), "fitted" (best first, limits fitted to the training annotations: the default)
and, where `--ways` names it, "dealt" (fitted, and dealt among groups of sizes: roi_sizeGroups). All else is the same:
steps 2 to 5 run as usual on ROIs that this program has written; with `--recall-only` they do not.
What is measured stands in DIR/roi_budget.jsonl, a line per run; the same command continues after an interruption.
"""

import argparse
import json
import shutil
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from benchmarks.step_runs import STEPS, link_pictures, run_steps  # noqa: E402
from benchmarks.timing import markdown_table  # noqa: E402
from fastRCNN.pipeline.roi_limits import with_fitted_limits  # noqa: E402
from fastRCNN.pipeline.stages import dataset_of  # noqa: E402
from fastRCNN.proposals.recall import best_overlaps, recall_at  # noqa: E402
from fastRCNN.proposals.roi_parameters import RoiParameters  # noqa: E402
from fastRCNN.proposals.rois import rois_of_pictures  # noqa: E402
from helpers.annotations import read_rois, write_rois  # noqa: E402
from helpers.artifacts import IMAGE_SETS, Artifacts, atomic_write  # noqa: E402
from helpers.console import run_script  # noqa: E402
from helpers.errors import UserError  # noqa: E402
from helpers.images import find_images  # noqa: E402
from PARAMETERS import get_parameters  # noqa: E402

INTRODUCTION = """# What a number of ROIs finds

Recall of the first ROIs and mean average precision on pictures that were not trained on, over `cntk_nrRois`. published:
shuffled, with the tutorial's limits of size; ranked: best first, same limits; fitted: best first, limits that fit the
training annotations, which is the default (the groceries' ROIs are then found at 300 pixels, else at 200, see
PARAMETERS.py); dealt: as fitted, and dealt among five groups of sizes (`roi_sizeGroups = "fitted"`). SVMs with box
regression, bundled network, one seed; all else is the same.
"Folds": each of so many parts of the training pictures left out in turn, and the mean: what the defaults were
chosen by. Seconds are those of processor, all threads together. Made by `benchmarks/roi_budget.py --write`.

"""
COVERED = "\n# What covers the objects\n"  # where the part of benchmarks/proposals.py begins
WAYS = ("published", "ranked", "fitted", "dealt")
ROIS = (50, 100, 200, 300, 2000)
THRESHOLDS = (0.5, 0.7)


@dataclass(frozen=True)
class Run:
    """What is measured at once: `fold` of `folds` is left out and tested on; of 0 folds the test pictures are."""

    dataset: str
    way: str
    rois: int
    folds: int = 0
    fold: int = 0


def main() -> None:
    """Measure what is missing, then print the tables."""
    options = parse()
    table = options.out / "roi_budget.jsonl"
    for dataset in options.dataset:
        for way in options.ways:
            for fold in range(max(1, options.folds)):
                wanted = [Run(dataset, way, rois, options.folds, fold) for rois in options.rois]
                done = [entry["run"] for entry in measured(table)]
                todo = [run for run in wanted if asdict(run) not in done]
                for entry in measure(todo, options.root, options.out, options.set, options.recall_only) if todo else ():
                    with table.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(entry) + "\n")
    text = tables(measured(table))
    print(text)
    if options.write:
        old = options.write.read_text(encoding="utf-8") if options.write.exists() else ""
        with atomic_write(options.write) as temporary:
            behind = "".join(old.partition(COVERED)[1:])  # benchmarks/proposals.py has written that
            temporary.write_text(INTRODUCTION + text + "\n" + behind, encoding="utf-8")


def parse() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for runs and numbers")
    parser.add_argument("--root", type=Path, default=REPOSITORY, help="folder that holds data/")
    parser.add_argument("--dataset", nargs="+", default=["grocery"], metavar="NAME", help="folder(s) below data/")
    parser.add_argument("--rois", nargs="+", type=int, default=list(ROIS), metavar="N", help="values of cntk_nrRois")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS[:3]), help="how ROIs are chosen")
    parser.add_argument("--recall-only", action="store_true", help="write ROIs and look what they cover, no more")
    parser.add_argument("--folds", type=int, default=0, metavar="N", help="test on each Nth of the training pictures")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the tables to this markdown file too")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter, for all runs")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    options.out, options.root = options.out.resolve(), options.root.resolve()
    return options


def measured(table: Path) -> list[dict]:
    """Return the entries of earlier runs."""
    if not table.exists():
        return []
    return [json.loads(line) for line in table.read_text(encoding="utf-8").splitlines()]


def measure(
    runs: Sequence[Run], root: Path, out: Path, settings: Sequence[str] = (), recall_only: bool = False
) -> Iterator[dict]:
    """Yield an entry for each of `runs`, which differ in their number of ROIs only; the ROIs are made once."""
    first = runs[0]
    place = Artifacts(out / f"{first.way}_{first.folds}_{first.fold}", first.dataset)
    link_data(root / "data" / first.dataset, place.data, first)
    shutil.rmtree(place.proc, ignore_errors=True)
    sets = [part for value in settings for part in ("--set", value)]
    seconds = write_all_rois(place, first.way, sets)
    for run in runs:
        print(f"{run} ...", file=sys.stderr, flush=True)
        if recall_only:
            yield {"run": asdict(run), "recall": recall_of_test_pictures(place, run.rois, sets)}
            continue
        outcome = run_steps(place.root, run.dataset, [*sets, "--set", f"cntk_nrRois={run.rois}"], steps=STEPS[1:])
        recall = recall_of_test_pictures(place, run.rois, sets)
        stored = sum(path.stat().st_size for path in place.cntk_files.rglob("*") if path.is_file())
        yield {
            "run": asdict(run), "area": outcome.area, "eleven": outcome.eleven, "recall": recall,
            "seconds": [round(seconds, 2), *outcome.seconds], "megabytes": round(stored / 1e6, 1),
        }  # fmt: skip
    shutil.rmtree(place.root)


def link_data(data: Path, target: Path, run: Run) -> None:
    """Make the data set of `run` in `target`, by links to that in `data`."""
    if target.exists():
        shutil.rmtree(target.parent)
    if not run.folds:
        target.parent.mkdir(parents=True)
        target.symlink_to(data)
        return
    pictures = find_images(data / "positive")
    if not 1 < run.folds <= len(pictures):
        raise UserError(f"--folds {run.folds}: {data / 'positive'} has {len(pictures)} pictures to train on")
    for number, picture in enumerate(pictures):
        link_pictures(target / ("testImages" if number % run.folds == run.fold else "positive"), [picture])
    link_pictures(target / "negative", find_images(data / "negative"))


def write_all_rois(place: Artifacts, way: str, sets: Sequence[str]) -> float:
    """Write the ROIs of all pictures as step 1 would, chosen in this `way`; return the seconds of processor it took."""
    compat = "corrected" if way in ("fitted", "dealt") else "tutorial"
    dealt = ["--set", "roi_sizeGroups=fitted"] if way == "dealt" else []
    p = get_parameters(["--root", str(place.root), "--dataset", place.dataset, "--compat", compat, *sets, *dealt])
    imdbs = [dataset_of(p, image_set) for image_set in IMAGE_SETS]
    parameters = RoiParameters.choose(with_fitted_limits(p, imdbs[0]))
    parameters = replace(parameters, shuffled=way == "published")
    keys = [key for imdb in imdbs for key in imdb.keys]
    paths = [path for imdb in imdbs for path in imdb.image_paths]
    start = time.process_time()
    for key, (stages, _) in zip(keys, rois_of_pictures(paths, parameters, p.seed, p.jobs), strict=True):
        write_rois(place.roi_file(key), stages.final)
    return time.process_time() - start


def recall_of_test_pictures(place: Artifacts, rois: int, sets: Sequence[str]) -> list[float]:
    """Return the share of the test pictures' objects that the first `rois` cover, for each of `THRESHOLDS`."""
    imdb = dataset_of(get_parameters(["--root", str(place.root), "--dataset", place.dataset, *sets]), "test")
    found = (read_rois(place.roi_file(key)) for key in imdb.keys)
    overlaps = best_overlaps(found, [record.gt_boxes for record in imdb], [rois])
    return recall_at(overlaps, THRESHOLDS)[0].tolist()


def tables(entries: Sequence[dict]) -> str:
    """Return a markdown table for each data set and number of folds: a row per way, means over the folds."""
    text = []
    for dataset, folds in dict.fromkeys((entry["run"]["dataset"], entry["run"]["folds"]) for entry in entries):
        mine = [entry for entry in entries if (entry["run"]["dataset"], entry["run"]["folds"]) == (dataset, folds)]
        sizes = sorted({entry["run"]["rois"] for entry in mine})
        title = f"{dataset}, {f'training pictures in {folds} folds' if folds else 'test pictures'}"
        heads = ["", *(f"{size} ROIs" for size in sizes)]
        rows = []
        for name, cell in CELLS.items():
            for way in WAYS:
                runs = {size: [e for e in mine if (e["run"]["way"], e["run"]["rois"]) == (way, size)] for size in sizes}
                if any(runs.values()) and all(NEEDS[name] in each for of in runs.values() for each in of):
                    rows.append([f"{name}, {way}", *(cell(of) if of else "" for of in runs.values())])
        text.append(f"## {title}\n\n{markdown_table(heads, rows)}")
    return "\n\n".join(text)


def _mean(entries: Sequence[dict], value) -> float:
    return statistics.mean(value(entry) for entry in entries)


CELLS = {  # what stands in a row -> its cell for the runs of one way and number of ROIs
    "mAP, area / 11 points": lambda of: (
        f"{_mean(of, lambda e: e['area']):.3f} / {_mean(of, lambda e: e['eleven']):.3f}"
    ),
    "recall at IoU 0.5 / 0.7": lambda of: " / ".join(f"{_mean(of, lambda e, i=i: e['recall'][i]):.3f}" for i in (0, 1)),
    "seconds of processor, steps 1 to 5": lambda of: f"{_mean(of, lambda e: sum(e['seconds'])):.1f}",
    "MB on disk": lambda of: f"{_mean(of, lambda e: e['megabytes']):.0f}",
}
NEEDS = dict(zip(CELLS, ("area", "recall", "seconds", "megabytes"), strict=True))  # what an entry must have for it

if __name__ == "__main__":
    run_script(main)
