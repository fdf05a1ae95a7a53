"""How well the detector finds objects: every network, classifier and number of ROIs on the same pictures.

    python benchmarks/accuracy.py --out DIR                      the bundled pictures
    python benchmarks/accuracy.py --out DIR --photos DATA        and Microsoft's photos: DATA holds positive, negative,
                                                                 testImages (data/install_grocery_photos.py)

Runs steps 1 to 5 for each combination that is asked for, and prints mean average precision as tables. What is
measured stands in DIR/accuracy.jsonl, a line per run; the same command continues after an interruption.
With --photos: the photos as they are split; leave-four-out over all training and test photos (the mean of five); and
each set's training pictures against the other's.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from benchmarks.step_runs import link_pictures, run_steps  # noqa: E402
from benchmarks.timing import markdown_table  # noqa: E402
from fastRCNN.network.alexnet import he_initialised  # noqa: E402
from fastRCNN.network.network import save_network  # noqa: E402
from fastRCNN.pipeline.classifiers import CLASSIFIERS  # noqa: E402
from helpers.artifacts import atomic_write  # noqa: E402
from helpers.images import find_images  # noqa: E402

DATASET = "grocery"  # the name of every data set here, each in a root folder of its own: its values in PARAMETERS.py
FOLDS = 5
IN_STAGES = "faster, four stages"
DETECTORS = {  # name -> classifier, parameters
    **{name: (name, []) for name in CLASSIFIERS},
    IN_STAGES: ("faster", ["faster_training=stages"]),
}
INTRODUCTION = """# Accuracy

Mean average precision on test pictures: area under the curve / the 11 points of VOC 2007. Where several seeds were run,
medians, and in brackets the smallest and the largest area. "bundled" is the network that comes with the repository,
"random" a He-initialised AlexNet. Made by `benchmarks/accuracy.py --photos DATA --write benchmarks/ACCURACY.md`.

"""


@dataclass(frozen=True)
class Experiment:
    """One row of numbers: `dataset` is a key of `SETS`."""

    dataset: str
    network: str  # "bundled" or "random"
    classifier: str  # a key of `DETECTORS`
    boxes: bool  # with bounding-box regression
    rois: int  # 0: the network's own proposals
    seed: int


@dataclass(frozen=True)
class Place:
    """Where the runs read and write: `photos` is None where there are none."""

    folder: Path
    photos: Path | None
    bundled: Path = REPOSITORY / "data" / "grocery"

    @property
    def table(self) -> Path:
        """The file of what was measured."""
        return self.folder / "accuracy.jsonl"

    def roots(self, name: str) -> list[Path]:
        """Make the data sets of the experiment `name`, by links, return their root folders; several are averaged."""
        if name == "bundled":
            return [self._linked("bundled", self.bundled, self.bundled)]
        assert self.photos is not None
        if name == "photos":
            return [self._linked("photos", self.photos, self.photos)]
        if name == "bundled to photos":
            return [self._linked("bundledToPhotos", self.bundled, self.photos, all_tested=True)]
        if name == "photos to bundled":
            return [self._linked("photosToBundled", self.photos, self.bundled, all_trained=True)]
        return [self._fold(number) for number in range(FOLDS)]

    def _linked(
        self, name: str, train: Path, test: Path, *, all_trained: bool = False, all_tested: bool = False
    ) -> Path:
        training = [train / "positive", *([train / "testImages"] if all_trained else [])]
        tested = [test / "testImages", *([test / "positive"] if all_tested else [])]
        data = self.folder / name / "data" / DATASET
        link_pictures(data / "positive", [path for folder in training for path in find_images(folder)])
        link_pictures(data / "testImages", [path for folder in tested for path in find_images(folder)])
        link_pictures(data / "negative", find_images(train / "negative"))
        return self.folder / name

    def _fold(self, number: int) -> Path:
        assert self.photos is not None
        root = self.folder / f"fold{number}"
        pictures = find_images(self.photos / "positive") + find_images(self.photos / "testImages")
        for i, path in enumerate(sorted(pictures, key=lambda path: path.name)):
            link_pictures(root / "data" / DATASET / ("testImages" if i % FOLDS == number else "positive"), [path])
        link_pictures(root / "data" / DATASET / "negative", find_images(self.photos / "negative"))
        return root


SETS = {  # name -> title
    "bundled": "The bundled pictures: trained on 25 + 5, tested on 10",
    "photos": "Microsoft's photos as they are split",
    "leave-four-out": "Microsoft's photos, each fifth left out in turn: the mean of five",
    "bundled to photos": "Trained on the bundled pictures, tested on all photos",
    "photos to bundled": "Trained on all photos, tested on the bundled test pictures",
}


def main() -> int:
    """Measure what is missing, then print the tables."""
    options = parse()
    place = Place(options.out, options.photos)
    place.folder.mkdir(parents=True, exist_ok=True)
    for experiment in experiments(options):
        if asdict(experiment) not in [entry["experiment"] for entry in measured(place)]:
            print(f"{experiment} ...", file=sys.stderr, flush=True)
            entry = {"experiment": asdict(experiment), **measure(experiment, place)}
            with place.table.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")
    text = tables(measured(place))
    print(text)
    if options.write:
        with atomic_write(options.write) as temporary:
            temporary.write_text(INTRODUCTION + text + "\n", encoding="utf-8")
    return 0


def parse() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for data sets of links, runs and numbers")
    parser.add_argument("--photos", type=Path, help="folder with positive, negative and testImages of real photos")
    parser.add_argument("--sets", nargs="+", choices=SETS, metavar="SET", help=f"of {', '.join(SETS)}; default: all")
    parser.add_argument("--networks", nargs="+", choices=("bundled", "random"), default=["bundled", "random"])
    parser.add_argument("--classifiers", nargs="+", choices=DETECTORS, metavar="NAME", default=list(DETECTORS),
                        help=f"of {', '.join(map(repr, DETECTORS))}; default: all")  # fmt: skip
    parser.add_argument("--boxes", nargs="+", choices=("yes", "no"), default=["no", "yes"], help="box regression")
    parser.add_argument("--rois", nargs="+", type=int, default=[200, 2000])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the tables to this markdown file too")
    options = parser.parse_args()
    if options.sets is None:
        options.sets = list(SETS) if options.photos else ["bundled"]
    if options.photos is None and options.sets != ["bundled"]:
        parser.error("--sets: all but bundled need --photos")
    return options


def experiments(options: argparse.Namespace) -> Iterator[Experiment]:
    """Yield what `options` ask for; the box regression of SVMs comes last in the row, for it changes step 4 only."""
    proposing = {name for name, (classifier, _) in DETECTORS.items() if CLASSIFIERS[classifier].proposes}
    with_rois = [name for name in options.classifiers if name not in proposing]
    for dataset in options.sets:
        for rois, seed, network, name, boxes in product(
            options.rois, options.seeds, options.networks, with_rois, options.boxes
        ):
            yield Experiment(dataset, network, name, boxes == "yes", rois, seed)
        for seed, network, name in product(
            options.seeds, options.networks, [name for name in options.classifiers if name in proposing]
        ):
            yield Experiment(dataset, network, name, True, 0, seed)


def measured(place: Place) -> list[dict]:
    """Return the entries of earlier runs."""
    if not place.table.exists():
        return []
    return [json.loads(line) for line in place.table.read_text(encoding="utf-8").splitlines()]


def measure(experiment: Experiment, place: Place) -> dict:
    """Return {"area", "eleven": mean average precisions, "areas": of each data set, "seconds": of each step}."""
    options = step_options(experiment, place)
    classifier, _ = DETECTORS[experiment.classifier]
    runs = [run_steps(root, DATASET, options, classifier=classifier) for root in place.roots(experiment.dataset)]
    return {
        "area": statistics.mean(run.area for run in runs),
        "areas": [run.area for run in runs],
        "eleven": statistics.mean(run.eleven for run in runs),
        "seconds": [round(statistics.mean(times), 2) for times in zip(*(run.seconds for run in runs), strict=True)],
    }


def step_options(experiment: Experiment, place: Place) -> list[str]:
    """Return the options of every step."""
    classifier, parameters = DETECTORS[experiment.classifier]
    chosen = [*parameters]
    if experiment.rois:
        chosen += [f"cntk_nrRois={experiment.rois}", f"{classifier}_bboxRegression={experiment.boxes}"]
    if experiment.network == "random":
        file = place.folder / f"random_{experiment.seed}.npz"
        if not file.exists():
            network = he_initialised(experiment.seed)
            save_network(file, network.spec.to_header(), network.arrays)
        chosen.append(f"cntk_model={file}")
    return ["--seed", str(experiment.seed), *(part for value in chosen for part in ("--set", value))]


def tables(entries: Sequence[dict]) -> str:
    """Return a markdown table per data set: medians over the seeds, area / 11 points, and how far the seeds spread."""
    text = []
    for dataset in SETS:
        of_set = [entry for entry in entries if entry["experiment"]["dataset"] == dataset]
        if not of_set:
            continue
        sizes = sorted({entry["experiment"]["rois"] for entry in of_set})
        rows = []
        for network, classifier, boxes in sorted({tuple(row_of(entry)) for entry in of_set}):
            row: list[object] = [network, classifier, "yes" if boxes else "no"]
            for size in sizes:
                same = [
                    e for e in of_set if row_of(e) == [network, classifier, boxes] and e["experiment"]["rois"] == size
                ]
                row.append(cell(same))
            rows.append(row)
        heads = [f"{size} ROIs" if size else "own proposals" for size in sizes]
        text.append(
            f"## {SETS[dataset]}\n\n" + markdown_table(["network", "classifier", "box regression", *heads], rows)
        )
    return "\n\n".join(text)


def row_of(entry: dict) -> list:
    """Return what a table has a row for."""
    return [entry["experiment"][name] for name in ("network", "classifier", "boxes")]


def cell(entries: Sequence[dict]) -> str:
    """Return median area / median 11 points (smallest to largest area; number of seeds)."""
    if not entries:
        return ""
    areas = [entry["area"] for entry in entries]
    eleven = statistics.median(entry["eleven"] for entry in entries)
    spread = f" ({min(areas):.3f} to {max(areas):.3f})" if len(areas) > 1 else ""
    return f"{statistics.median(areas):.3f} / {eleven:.3f}{spread}"


if __name__ == "__main__":
    sys.exit(main())
