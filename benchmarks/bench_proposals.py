"""Times the sources of box proposals side by side, says how well they find the annotated objects, prints two tables.

    .venv/bin/python benchmarks/bench_proposals.py [--root DIR] [--dataset NAME] [--size 200] [--max-rois 1000]

Pictures: those of data/<dataset>/positive, testImages and negative below --root (default: this repository), brought to
--size pixels on the longest side; objects: their annotations, scaled alike. Ratios: to the `selectivesearch` package.
OpenCV's Selective Search needs opencv-contrib-python, dlib's needs dlib; what is not installed is not measured.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from benchmarks.timing import cpu_milliseconds, markdown_table
from fastRCNN.selective_search import selective_search
from helpers.annotations import boxes_path, read_annotation
from helpers.boxes import iou_matrix
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
SIZES = (100, 200, 400)
PICTURES_PER_SIZE = 5
Picture = tuple[Path, np.ndarray, np.ndarray]  # file, pixels, (G, 4) objects in them


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


def quality(search: Callable[[np.ndarray], np.ndarray], pictures: list[Picture]) -> tuple[float, float, float]:
    """Return median number of ROIs, recall at overlap 0.5, and mean best overlap over all objects."""
    counts, best = [], []
    for _, image, objects in pictures:
        boxes = search(image)
        counts.append(len(boxes))
        if len(objects):
            best.append(iou_matrix(objects, boxes).max(axis=1))
    overlaps = np.concatenate(best) if best else np.full(1, np.nan)
    return float(np.median(counts)), float(np.mean(overlaps >= 0.5)), float(np.mean(overlaps))


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

    searches: dict[str, Callable[[np.ndarray], np.ndarray]] = {}
    missing = []
    for method in NAMES:
        limit = arguments.max_rois if method == "fast" else None
        try:
            selective_search(pictures[0][1], method=method)
        except UserError:
            missing.append(method)
        else:
            searches[method] = lambda image, method=method, limit=limit: selective_search(
                image, method=method, max_rois=limit
            )

    times = cpu_milliseconds(searches, [image for _, image, _ in pictures], rounds=arguments.rounds)
    rows = []
    for method, name in NAMES.items():
        if method in missing:
            rows.append([name, "not measured", "", "", "", ""])
            continue
        rois, recall, overlap = quality(searches[method], pictures)
        ratio = f"{times['package'] / times[method]:.1f}" if "package" in times else ""
        rows.append([name, f"{times[method]:.1f}", ratio, f"{rois:.0f}", f"{recall:.3f}", f"{overlap:.3f}"])
    objects = sum(len(boxes) for _, _, boxes in pictures)
    print(
        f"{len(pictures)} pictures of {folder.name}, {arguments.size} pixels on the longest side, {objects} objects\n"
    )
    headers = ["proposals", "CPU ms per picture", "times faster", "ROIs", "recall at IoU 0.5", "mean best overlap"]
    print(markdown_table(headers, rows))
    same = sum(np.array_equal(*(searches[m](i) for m in ("package", "selectivesearch"))) for _, i, _ in pictures)
    print(f"\nour exact mode gives the package's boxes, in its order, in {same} of {len(pictures)} pictures\n")

    grown = {size: [image for _, image, _ in load_pictures(folder, size, PICTURES_PER_SIZE)] for size in SIZES}
    columns = {size: cpu_milliseconds(searches, images, rounds=1) for size, images in grown.items()}
    print(
        markdown_table(
            ["CPU ms per picture by longest side", *(f"{size} px" for size in SIZES)],
            [[NAMES[method], *(f"{columns[size][method]:.1f}" for size in SIZES)] for method in searches],
        )
    )


if __name__ == "__main__":
    main()
