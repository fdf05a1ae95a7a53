"""Make the pictures of README.md and docs/TUTORIAL.md from what the steps wrote for a data set.

Run the steps first, with the pictures that explain:

    python3 run.py
    .venv/bin/python 1_computeRois.py --pictures
    .venv/bin/python B1_evaluateRois.py
    .venv/bin/python B2_cntkVisualizeInputs.py
    .venv/bin/python docs/make_pictures.py
"""

import sys
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from helpers.artifacts import Artifacts
from helpers.console import run_script, setup_logging
from helpers.images import find_images, read_image, resize_to_max_dim, write_image
from PARAMETERS import get_parameters, make_parser

PICTURES = Path(__file__).resolve().parent / "pictures"
STAGES = ("selective_search", "selective_search_filtered", "final")
HEIGHT = 520


def main() -> None:
    """Make all pictures."""
    p = get_parameters(sys.argv[1:], make_parser(__doc__))
    setup_logging(p.quiet)
    artifacts = Artifacts(p.root, p.datasetName)
    train, test = (find_images(artifacts.data / folder) for folder in ("positive", "testImages"))
    drawn = sorted((artifacts.results / "visualizations").glob(f"{p.classifier}_*{test[0].suffix}"))
    stages = [artifacts.roi_file(train[0]).with_name(f"{train[0].stem}.{stage}.jpg") for stage in STAGES]
    save("data.jpg", beside([read_image(path) for path in (*train[:3], test[0])]))
    save("rois.jpg", beside([read_image(path) for path in stages]))
    save("inputs.jpg", beside([read_image(artifacts.results / "inputs" / f"train_0{train[0].name}")]))
    save("detections.jpg", beside([read_image(path) for path in drawn[:3]]))
    for name, source in {
        "roi_recall.png": "roi_recall.png",
        "precision_recall.png": f"precision_recall_test_{p.classifier}.png",
        "confusion.png": f"confusion_test_{p.classifier}.png",
    }.items():
        save(name, resize_to_max_dim(read_image(artifacts.results / source), 1100)[0])


def beside(images: list[np.ndarray]) -> np.ndarray:
    """Return `images` in one row, of one height, with a white line between."""
    line = np.full((HEIGHT, 8, 3), 255, np.uint8)
    row = []
    for image in images:
        width = round(image.shape[1] * HEIGHT / image.shape[0])
        row += [cv2.resize(image, (width, HEIGHT), interpolation=cv2.INTER_AREA), line]
    return np.concatenate(row[:-1], axis=1)


def save(name: str, image: np.ndarray) -> None:
    """Write one picture of the documentation."""
    write_image(PICTURES / name, image, jpeg_quality=85)


if __name__ == "__main__":
    run_script(main)
