"""Times the sources of box proposals side by side, says how well they find the annotated objects, prints three tables.

    .venv/bin/python benchmarks/bench_proposals.py [--root DIR] [--dataset NAME] [--size 200] [--max-rois 1000]

Pictures: those of data/<dataset>/positive, testImages and negative below --root (default: this repository), brought to
--size pixels on the longest side; objects: their annotations, scaled alike. Ratios: to the `selectivesearch` package.
OpenCV contrib and dlib run in an environment of their own where .venv has not got them (benchmarks/install_peers.py);
what is not installed is not measured.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from benchmarks.peers import PeerFailed, PeerProcess, PeerProgram
from benchmarks.timing import cpu_milliseconds, growth_table, markdown_table, summary
from fastRCNN.proposals import fast_regions as fast_module
from fastRCNN.proposals import segment_scales as scales_module
from fastRCNN.proposals.recall import best_overlaps
from fastRCNN.proposals.roi_parameters import RoiParameters
from fastRCNN.proposals.selective_search import selective_search
from helpers.annotations import boxes_path, read_annotation
from helpers.errors import UserError
from helpers.images import find_images, read_image, resize_to_max_dim

REPOSITORY = Path(__file__).resolve().parent.parent
NAMES = {
    "package": "selectivesearch package",
    "selectivesearch": "ours, the package's regions",
    "fast": "ours, fast",
    "opencv": "OpenCV contrib, fast",
    "opencv-quality": "OpenCV contrib, quality",
    "dlib": "dlib",
}
DLIB = {"k_values": "ss_kvals", "min_size": "ss_minSize", "max_merging_iterations": "ss_max_merging_iterations"}
SIZES = (100, 200, 400)
PICTURES_PER_SIZE = 5
PATIENCE = 5.0  # seconds: what is slower than this for all pictures together is measured once on each
STAGES = (  # of ss_method "fast": where the function is, its name, what it does
    (scales_module, "_weigh", "weights of the edges between pixels"),
    (scales_module, "_sort", "sorting the edges"),
    (scales_module, "_join_pixels", "pixels to pieces"),
    (scales_module, "_join_pieces", "pieces to segments, all scales"),
    (fast_module, "piece_boxes", "boxes of the pieces"),
    (fast_module, "piece_histograms", "histograms of the pieces"),
    (fast_module, "merge_regions", "merging regions"),
    (fast_module, "_score", "ranking"),
)
Picture = tuple[Path, np.ndarray, np.ndarray]  # file, pixels, (G, 4) objects in them
Search = Callable[[np.ndarray], np.ndarray]


def load_pictures(folder: Path, size: int, limit: int | None = None) -> list[Picture]:
    """Return the first `limit` pictures of a data set, resized, with their objects, (G, 4) float64, resized alike."""
    pictures: list[Picture] = []
    for subdir in ("positive", "testImages", "negative"):
        for path in find_images(folder / subdir) if (folder / subdir).is_dir() else []:
            if limit is not None and len(pictures) >= limit:
                break
            image = read_image(path)
            small, scale = resize_to_max_dim(image, size)
            objects = np.zeros((0, 4))
            if boxes_path(path).exists():
                objects = read_annotation(path, image.shape[1], image.shape[0]).boxes * scale
            pictures.append((path, small, objects))
    return pictures


def available_searches(
    image: np.ndarray, process: PeerProcess, max_rois: int
) -> tuple[dict[str, Search], dict[str, str]]:
    """Return the searches that work on `image`, and why the others do not. Of "fast", the best `max_rois` are taken."""
    searches: dict[str, Search] = {}
    missing: dict[str, str] = {}
    for method in NAMES:
        options = {key: getattr(RoiParameters(), name) for key, name in DLIB.items()} if method == "dlib" else {}
        limit = max_rois if method == "fast" else None

        def here(image: np.ndarray, method: str = method, limit: int | None = limit) -> np.ndarray:
            return selective_search(image, method=method, max_rois=limit)

        try:
            here(image)
            searches[method] = here
        except UserError as reason:
            missing[method] = str(reason).splitlines()[0]
        if method in missing and method != "package":
            try:
                there = PeerProgram(process, method, options)
                there(image)
                searches[method] = there
                del missing[method]
            except PeerFailed as failure:
                missing[method] = str(failure)
    return searches, missing


def measure(
    searches: dict[str, Search], missing: dict[str, str], images: list[np.ndarray], rounds: int
) -> tuple[dict[str, float], dict[str, list[np.ndarray]]]:
    """Return CPU milliseconds and boxes of each search; one whose process ends is moved to `missing`."""
    while True:
        found: dict[str, list[np.ndarray]] = {}
        try:
            return cpu_milliseconds(searches, images, rounds=rounds, patience=PATIENCE, answers=found), found
        except PeerFailed as failure:
            missing[failure.method] = str(failure)
            del searches[failure.method]


def quality(rois: Sequence[np.ndarray], objects: Sequence[np.ndarray]) -> tuple[float, float, float]:
    """Return the median number of ROIs; recall at overlap 0.5 and mean best overlap of all objects, NaN without any."""
    best = best_overlaps(rois, objects)[0]
    count = float(np.median([len(boxes) for boxes in rois]))
    return (count, float(np.mean(best >= 0.5)), float(np.mean(best))) if best.size else (count, np.nan, np.nan)


def comparison(
    searches: dict[str, Search], missing: dict[str, str], pictures: list[Picture], rounds: int
) -> tuple[str, list[str], dict[str, list[np.ndarray]]]:
    """Return the table of all searches, lines for the summary, and the boxes that each search gives."""
    times, found = measure(searches, missing, [image for _, image, _ in pictures], rounds)
    rows: list[list[str]] = []
    lines = []
    for method, name in NAMES.items():
        if method in missing:
            rows.append([name, f"not measured ({missing[method]})", "", "", "", ""])
            continue
        rois, recall, overlap = quality(found[method], [objects for _, _, objects in pictures])
        ratio = f"{times['package'] / times[method]:.1f}" if "package" in times else ""
        rows.append([name, f"{times[method]:.1f}", ratio, f"{rois:.0f}", f"{recall:.3f}", f"{overlap:.3f}"])
        if not name.startswith("ours"):
            mine = "selectivesearch" if method == "package" else "fast"
            what = "proposals, same boxes" if method == "package" else "proposals"
            lines.append(
                summary(
                    what,
                    f"{name}: {times[method]:.0f} ms",
                    f"{times[mine]:.1f} ms",
                    f"{times[method] / times[mine]:.1f}",
                )
            )
    headers = ["proposals", "CPU ms per picture", "times faster", "ROIs", "recall at IoU 0.5", "mean best overlap"]
    return markdown_table(headers, rows), lines, found


def growth(searches: dict[str, Search], missing: dict[str, str], folder: Path) -> str:
    """Return the table of times by size of the picture."""
    columns, pixels = [], []
    for size in SIZES:
        images = [image for _, image, _ in load_pictures(folder, size, PICTURES_PER_SIZE)]
        pixels.append(float(np.mean([image.shape[0] * image.shape[1] for image in images])))
        columns.append(measure(searches, missing, images, rounds=1)[0])
    times = {NAMES[method]: [column[method] for column in columns] for method in searches}
    return growth_table("CPU ms per picture by pixels", [round(number, -2) for number in pixels], "", times)


def stages(images: list[np.ndarray]) -> str:
    """Return the table of CPU nanoseconds per pixel that each stage of "fast" takes."""
    seconds = dict.fromkeys([what for _, _, what in STAGES], 0.0)

    def timed(function: Callable, what: str) -> Callable:
        def call(*arguments, **options):
            start = time.process_time()
            result = function(*arguments, **options)
            seconds[what] += time.process_time() - start
            return result

        return call

    patches = [patch.object(module, name, timed(getattr(module, name), what)) for module, name, what in STAGES]
    for each in patches:
        each.start()
    try:
        start = time.process_time()
        for image in images:
            selective_search(image, method="fast")
        total = time.process_time() - start
    finally:
        for each in patches:
            each.stop()
    seconds["colour spaces, smoothing and the rest"] = total - sum(seconds.values())
    pixels = sum(image.shape[0] * image.shape[1] for image in images)
    seconds["all"] = total
    rows = [[what, f"{1e9 * spent / pixels:.0f}", f"{spent / total:.0%}"] for what, spent in seconds.items()]
    return markdown_table(["stage of ours, fast", "CPU ns per pixel", "of the time"], rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=REPOSITORY)
    parser.add_argument("--dataset", default="grocery")
    parser.add_argument("--size", type=int, default=200)
    parser.add_argument("--max-rois", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    folder = arguments.root / "data" / arguments.dataset
    pictures = load_pictures(folder, arguments.size)
    if not pictures:
        sys.exit(f"no pictures in {folder}: give --root and --dataset")
    objects = sum(len(boxes) for _, _, boxes in pictures)
    print(
        f"{len(pictures)} pictures of {folder.name}, {arguments.size} pixels on the longest side, {objects} objects\n"
    )
    with PeerProcess() as process:
        searches, missing = available_searches(pictures[0][1], process, arguments.max_rois)
        table, lines, found = comparison(searches, missing, pictures, arguments.rounds)
        print(table, flush=True)
        if "package" in found:
            same = sum(map(np.array_equal, found["package"], found["selectivesearch"]))
            print(f"\nOur exact mode gives the package's boxes, in its order, in {same} of {len(pictures)} pictures.")
        print(f"\n{growth(searches, missing, folder)}", flush=True)
    print(f"\n{stages([image for _, image, _ in pictures])}\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
