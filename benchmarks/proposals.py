"""How many objects the first ROIs of a picture cover, for each source of ROIs: Selective Search, networks, both.

    python benchmarks/proposals.py --real REAL --photos PHOTOS     bundled pictures, REAL/bccd, REAL/raccoon, photos
    python benchmarks/proposals.py --trained grocery=FILE          also by a network that was trained on that set

All ROIs are those of step 1 for the test pictures (of the photos: all annotated ones), limits fitted to the training
annotations; the sources differ, all else is the same. None of these pictures was seen when the bundled network learnt.
Seconds are those of processor for a picture, all threads together.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from benchmarks.real import pictures_of  # noqa: E402
from benchmarks.roi_budget import COVERED  # noqa: E402
from benchmarks.timing import markdown_table  # noqa: E402
from benchmarks.written_set import Shown, shown_of, write_set  # noqa: E402
from fastRCNN.pipeline.roi_limits import with_fitted_limits  # noqa: E402
from fastRCNN.pipeline.rpn_regions import BUNDLED, regions_by  # noqa: E402
from fastRCNN.pipeline.stages import dataset_of  # noqa: E402
from fastRCNN.proposals.recall import best_overlaps  # noqa: E402
from fastRCNN.proposals.roi_parameters import BY_NETWORK, WITH_NETWORK, RoiParameters  # noqa: E402
from fastRCNN.proposals.rois import Regions, compute_rois  # noqa: E402
from fastRCNN.proposals.selective_search import selective_search  # noqa: E402
from helpers.artifacts import Artifacts, atomic_write  # noqa: E402
from helpers.console import run_script  # noqa: E402
from helpers.images import read_image, resize_to_max_dim  # noqa: E402
from PARAMETERS import get_parameters  # noqa: E402

COUNTS = (10, 50, 100, 300, 1000)
Source = Callable[[NDArray[np.uint8]], NDArray[np.int32]]  # a picture -> its ROIs, the best first
Image = NDArray[np.uint8]


def main() -> None:
    """Measure all sets and print a table for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("proposals"), help="folder for data sets written anew")
    parser.add_argument("--real", type=Path, help="folder with raccoon and bccd")
    parser.add_argument("--photos", type=Path, help="folder whose data/ holds groceryPhotos")
    parser.add_argument("--sets", nargs="+", help="only these")
    parser.add_argument("--network", type=Path, default=BUNDLED, help="the network that has seen none of the pictures")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each Nth picture, for a quick look")
    parser.add_argument("--trained", action="append", default=[], metavar="SET=FILE[@SIDE]",
                        help="one trained on that set, with that cntk_padWidth")  # fmt: skip
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables into this markdown file, at its end")
    options = parser.parse_args()
    trained = dict(each.split("=", 1) for each in options.trained)
    text = []
    for name, (place, pictures) in data_sets(options).items():
        if not options.sets or name in options.sets:
            text.append(measured(name, place, pictures[:: options.every], options.network, trained.get(name)))
            print(text[-1] + "\n", flush=True)
    if options.write:
        old = options.write.read_text(encoding="utf-8").split(COVERED)[0] if options.write.exists() else ""
        with atomic_write(options.write) as temporary:
            temporary.write_text(old + COVERED + INTRODUCTION + "\n\n".join(text) + "\n", encoding="utf-8")


def data_sets(options: argparse.Namespace) -> dict[str, tuple[Artifacts, list[Shown]]]:
    """Return name -> where the set lies in the tutorial's layout, and the pictures to measure on."""
    found = {"grocery": (Artifacts(REPOSITORY, "grocery"), "test")}
    if options.photos:
        found["photos"] = (Artifacts(options.photos, "groceryPhotos"), "both")
    for name in ("bccd", "raccoon") if options.real else ():
        place = Artifacts((options.out / name).resolve(), name)
        if not place.data.is_dir():
            options.out.mkdir(parents=True, exist_ok=True)
            write_set(place.data, *pictures_of(options.real / name, options.out))
        found[name] = (place, "test")
    sets = {}
    for name, (place, which) in found.items():
        p = parameters_of(place)
        shown = [each for image_set in (("train", "test") if which == "both" else ("test",))
                 for each in shown_of(dataset_of(p, image_set))]  # fmt: skip
        sets[name] = (place, [each for each in shown if set(each.labels) - {"EXCLUDE"}])
    return sets


def parameters_of(place: Artifacts):
    """Return the parameters of the steps for the data set in `place`."""
    return get_parameters(["--root", str(place.root), "--dataset", place.dataset])


def measured(name: str, place: Artifacts, pictures: Sequence[Shown], network: Path, trained: str | None) -> str:
    """Return the table of one data set."""
    objects = [p.boxes[[label != "EXCLUDE" for label in p.labels]] for p in pictures]
    images = [read_image(p.path) for p in pictures]
    rows = []
    for title, source in sources(place, network, trained).items():
        source(images[0])  # warm
        start = time.process_time()
        rois = [source(image) for image in images]
        seconds = (time.process_time() - start) / len(images)
        best = best_overlaps(rois, objects, COUNTS)
        cells = [f"{(row >= 0.5).mean():.3f} / {row.mean():.3f}" for row in best]
        rows.append([title, *cells, f"{seconds:.3f}"])
    heads = ["ROIs", *map(str, COUNTS), "seconds"]
    count = sum(map(len, objects))
    return f"### {name}: {count} objects in {len(pictures)} pictures\n\n{markdown_table(heads, rows)}"


def sources(place: Artifacts, network: Path, trained: str | None) -> dict[str, Source]:
    """Return what is compared: title -> source of ROIs."""
    p = parameters_of(place)
    ranked = RoiParameters.choose(with_fitted_limits(p, dataset_of(p, "train")))
    by_network = replace(ranked, ss_method=BY_NETWORK)
    propose = regions_by(network, pad_size=p.cntk_padWidth)
    assert propose is not None

    def searched(image: Image) -> NDArray[np.int32]:
        small, scale = resize_to_max_dim(image, ranked.roi_maxImgDim)
        boxes = selective_search(small, method=ranked.ss_method, k_values=ranked.ss_kvals, min_size=ranked.ss_minSize)
        return np.floor(boxes / scale).astype(np.int32)

    def of(parameters: RoiParameters, regions: Regions | None = None) -> Source:
        return lambda image: compute_rois(image, parameters, np.random.default_rng(0), regions=regions)

    found = {
        "Selective Search, shuffled": of(replace(ranked, shuffled=True)),
        "Selective Search, ranked": of(ranked),
        "bundled network": of(by_network, propose),
        "both in turn": of(by_network, lambda image: in_turn(*propose(image), searched(image))),
        "both together": of(replace(ranked, ss_method=WITH_NETWORK), propose),
    }
    if trained:
        file, _, side = trained.partition("@")
        own = regions_by(Path(file), pad_size=int(side or p.cntk_padWidth))
        found["network trained on the set"] = of(by_network, own)
    return found


def in_turn(
    first: NDArray[np.int32], objectness: NDArray, second: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray]:
    """Return the boxes (N, 4) of both, one of each in turn, then what is left of the longer."""
    places = np.concatenate([np.arange(len(first)) * 2, np.arange(len(second)) * 2 + 1])
    return np.concatenate([first, second])[np.argsort(places, kind="stable")], objectness


INTRODUCTION = """
Share of the objects that one of the first so many ROIs overlaps by 0.5 or more / mean overlap with the best of them.
The ROIs are those of step 1, limits fitted to the training annotations; only what proposes them differs. The bundled
network (`ss_method = "rpn"`, resources/train_proposals) has seen drawn scenes only. Seconds: of processor, for a
picture. Made by `benchmarks/proposals.py --write`.

"""

if __name__ == "__main__":
    run_script(main)
