"""Make the pictures of README.md and docs/TUTORIAL.md, and the sample lines of the tutorial, from what the steps write.

    python3 run.py
    python3 run.py --classifier faster
    .venv/bin/python docs/refresh.py

Pictures go to docs/pictures/. A sample stands between `<!-- sample: NAME -->` and `<!-- end -->` in TUTORIAL.md and is
replaced there. Nothing in either is written by hand.
"""

import logging
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import faster_figures  # beside this file
import lessons

from fastRCNN.datasets.tutorial_folders import key_of
from fastRCNN.pipeline.proposed_rois import objectness_file
from fastRCNN.pipeline.stages import artifacts_of
from helpers.annotations import boxes_path, read_boxes
from helpers.artifacts import Artifacts, atomic_write
from helpers.console import run_script, setup_logging
from helpers.images import find_images, read_image, resize_to_max_dim, write_image
from PARAMETERS import get_parameters, make_parser

log = logging.getLogger("steps")
REPOSITORY = Path(__file__).resolve().parents[1]
TUTORIAL = REPOSITORY / "docs" / "TUTORIAL.md"
PICTURES = REPOSITORY / "docs" / "pictures"
STAGES = ("selective_search", "selective_search_filtered", "final")
HEIGHT = 520
PATIENCE = 120  # seconds that the service may take


def main() -> None:
    """Make all pictures and samples."""
    p = get_parameters(sys.argv[1:], make_parser(__doc__))
    setup_logging(p.quiet)
    artifacts = artifacts_of(p)
    samples = {**lessons.samples(), **make_samples(artifacts, sys.argv[1:])}
    lessons.draw(PICTURES)
    photo = find_images(artifacts.data / "positive")[0]
    box = read_boxes(boxes_path(photo))[1]
    lessons.draw_network(PICTURES / "network.png", photo, artifacts.model_file("svm"), box)
    make_pictures(artifacts, p.classifier)
    if artifacts.model_file("faster").is_file():
        samples |= faster_samples(artifacts, sys.argv[1:])
        faster_figures.draw(artifacts, PICTURES, p.cntk_padWidth)
    else:
        log.warning("The figures of Faster R-CNN stay as they are: run 3_runCntk.py --classifier faster for new ones.")
    text = TUTORIAL.read_text(encoding="utf-8")
    for name, sample in samples.items():
        block = f"<!-- sample: {name} -->\n```\n{sample}\n```\n<!-- end -->"
        text, count = re.subn(rf"<!-- sample: {name} -->.*?<!-- end -->", lambda _: block, text, flags=re.DOTALL)  # noqa: B023
        if count != 1:
            raise ValueError(f"{TUTORIAL}: expected one place for the sample {name}, found {count}")
    with atomic_write(TUTORIAL) as temporary:
        temporary.write_text(text, encoding="utf-8")
    subprocess.run([sys.executable, str(TUTORIAL.with_name("make_notebook.py")), "--text"], check=True)


def make_samples(of: Artifacts, options: list[str]) -> dict[str, str]:
    """Return the sample lines by name; runs the scripts that print."""
    train, test = (find_images(of.data / folder)[0] for folder in ("positive", "testImages"))
    boxes, labels = (train.with_name(f"{train.stem}.bboxes.{kind}").read_text() for kind in ("tsv", "labels.tsv"))
    pairs = list(zip(boxes.splitlines(), labels.splitlines(), strict=True))
    recall = output("1_computeRois.py", "--pictures", *options)
    output("B1_evaluateRois.py", *options)
    output("B2_cntkVisualizeInputs.py", *options)
    rows = np.load(of.embedding_file("train", "svm", 0))["arr_0"]
    at = next(k for k in range(0, rows.shape[1], 10) if (rows[0, k : k + 6] > 0).sum() >= 4)  # most numbers are 0
    return {
        "data": "\n".join(f"{box.expandtabs(8):32}{label}" for box, label in pairs[:4]),
        "rois": "\n".join(of.roi_file(key_of(train)).read_text().splitlines()[:3]),
        "recall": recall,
        "inputs": "\n".join(f"{path.name + ':':22}{first_line(path, of.root)}" for path in (
            of.image_map("train"), of.rois_txt("train"), of.roi_labels_txt("train"), of.nr_rois_txt("train"))),
        "embeddings": f'>>> rows = numpy.load("train_svm_parsed/0.dat.npz")["arr_0"]\n'
                      f">>> rows.shape, rows.dtype\n({rows.shape}, {rows.dtype})\n"
                      f">>> rows[0, {at}:{at + 6}]\n{rows[0, at : at + 6]}",
        "svm": output("4_trainSvm.py", "--restart", *options),
        "evaluation": output("5_evaluateResults.py", *options),
        "json": output("6_scoreImage.py", str(test), "--format", "v2", *options).split("}")[0].rstrip() + "\n },\n ...",
        "service": re.sub(r'(\}, \{"label": [^,]*).*', r"\1, ...", answer_of_the_service(test.read_bytes(), options)),
    }  # fmt: skip


def faster_samples(of: Artifacts, options: list[str]) -> dict[str, str]:
    """Return the sample lines of Faster R-CNN by name; runs the scripts that print and draw."""
    faster = ("--classifier", "faster", *options)
    first = of.proposed_roi_file("faster", key_of(find_images(of.data / "positive")[0]))
    rois, sure = (path.read_text().splitlines()[:3] for path in (first, objectness_file(first)))
    output("B2_cntkVisualizeInputs.py", *faster, "--image-set", "train", "--pictures", "1")
    compared = output("B1_evaluateRois.py", *faster, "--image-set", "test")
    return {
        "faster rois": "\n".join(f"{roi:24}{float(chance):.4f}" for roi, chance in zip(rois, sure, strict=True)),
        "faster recall": compared.split("\n\n")[-1],
        "faster evaluation": output("5_evaluateResults.py", *faster),
    }


def output(script: str, *options: str) -> str:
    """Run `script` and return what it prints."""
    command = [sys.executable, str(REPOSITORY / script), *options]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY).stdout.rstrip()


def answer_of_the_service(picture: bytes, options: list[str]) -> str:
    """Start step 7, return what it answers to `picture`, and stop it."""
    command = [sys.executable, str(REPOSITORY / "7_serve.py"), "--port", "0", "--quiet", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as service:
        try:
            url = re.findall(r"http://\S+/", service.stdout.readline() if service.stdout else "")[0]
            for _ in range(PATIENCE):
                try:
                    urllib.request.urlopen(f"{url}ready", timeout=PATIENCE).close()
                    break
                except urllib.error.HTTPError:  # the model is being loaded
                    time.sleep(1)
            asked = urllib.request.Request(f"{url}detect?max=2", picture, {"Content-Type": "application/octet-stream"})
            with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
                return str(answer.read().decode())
        finally:
            service.send_signal(signal.SIGTERM)


def first_line(path: Path, root: Path) -> str:
    """Return the beginning of the first line of `path`, paths relative to `root`, tabs as spaces."""
    line = path.read_text(encoding="utf-8").splitlines()[0].replace(f"{root}/", ".../").replace("\t", "  ")
    return line if len(line) <= 80 else line[:80] + " ..."


def make_pictures(of: Artifacts, classifier: str) -> None:
    """Write the pictures of the documentation."""
    train, test = (find_images(of.data / folder) for folder in ("positive", "testImages"))
    drawn = sorted((of.results / "visualizations").glob(f"{classifier}_*{test[0].suffix}"))
    stages = [of.roi_file(key_of(train[0])).with_name(f"{train[0].stem}.{stage}.jpg") for stage in STAGES]
    save("data.jpg", beside([read_image(path) for path in (*train[:3], test[0])]))
    save("rois.jpg", beside([read_image(path) for path in stages]))
    save("inputs.jpg", beside([read_image(of.results / "inputs" / f"train_0{train[0].name}")]))
    save("detections.jpg", beside([read_image(path) for path in drawn[:3]]))
    for name, source in {
        "roi_recall.png": "roi_recall.png",
        "precision_recall.png": f"precision_recall_test_{classifier}.png",
        "confusion.png": f"confusion_test_{classifier}.png",
    }.items():
        save(name, resize_to_max_dim(read_image(of.results / source), 1100)[0])


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
